"""Study: inputs and outputs bound to the session (IOBinding), compared with plain `run`.

.venv/bin/python benchmarks/studies/binding.py KOKORO-SHAPED.onnx
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks.studies import common
from workers.optimise.observing import Feed, opened

ROUNDS = 9


def main() -> None:
    """Print the median and the range of the differences between pairs of runs."""
    subject = common.subject(__doc__)
    session, feed = opened(subject.model), subject.feeds[0]
    difference_ms, plain_ms = [], []
    for turn in range(ROUNDS + 1):
        began_s = time.thread_time()
        session.run(None, dict(feed))
        middle_s = time.thread_time()
        bound(session, feed)
        ended_s = time.thread_time()
        if turn:  # the first pair is slower, since the session allocates memory
            plain_ms.append(1000 * (middle_s - began_s))
            difference_ms.append(1000 * (ended_s - middle_s) - plain_ms[-1])
    print(f"plain run {statistics.median(plain_ms):.1f} ms; bound {statistics.median(difference_ms):+.1f} ms")
    print(f"pair by pair {min(difference_ms):+.1f} to {max(difference_ms):+.1f} ms")


def bound(session: ort.InferenceSession, feed: Feed) -> list[NDArray[Any]]:
    """One run with bound inputs, whose outputs onnxruntime allocates."""
    binding = session.io_binding()
    for name, values in feed.items():
        binding.bind_cpu_input(name, values)
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    session.run_with_iobinding(binding)
    return [output.numpy() for output in binding.get_outputs()]


if __name__ == "__main__":
    main()
