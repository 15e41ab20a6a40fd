"""Study: inputs and outputs bound to the session (IOBinding), against plain `run`.

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
    """Print the median of the differences, pair by pair."""
    subject = common.subject(__doc__)
    session, feed = opened(subject.model), subject.feeds[0]
    apart_ms, plain_ms = [], []
    for turn in range(ROUNDS + 1):
        began_s = time.thread_time()
        session.run(None, dict(feed))
        middle_s = time.thread_time()
        bound(session, feed)
        ended_s = time.thread_time()
        if turn:  # the first pair pays for what the session allocates
            plain_ms.append(1000 * (middle_s - began_s))
            apart_ms.append(1000 * (ended_s - middle_s) - plain_ms[-1])
    print(f"plain run {statistics.median(plain_ms):.1f} ms; bound {statistics.median(apart_ms):+.1f} ms")
    print(f"pair by pair {min(apart_ms):+.1f} to {max(apart_ms):+.1f} ms")


def bound(session: ort.InferenceSession, feed: Feed) -> list[NDArray[Any]]:
    """One run whose inputs are bound and whose outputs onnxruntime allocates where they stay."""
    binding = session.io_binding()
    for name, values in feed.items():
        binding.bind_cpu_input(name, values)
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    session.run_with_iobinding(binding)
    return [output.numpy() for output in binding.get_outputs()]


if __name__ == "__main__":
    main()
