"""`python -m workers.engine.isolated_child`: speaks one segment and ends. `isolated.py` starts it and judges its end.

Its order is a line of JSON on standard input, which stays open while the parent lives. Its answer goes to standard
output: a line of JSON, then the samples as float32.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from broker.settings import settings
from chorus.errors import ChorusError, FarmError
from tasks.engine import Speech, Utterance
from workers.process import children
from workers.process.children import end_with, end_with_input


def main() -> None:
    """Answer with the speech, or with an error."""
    answers = children.answers()
    order = json.loads(sys.stdin.readline())
    end_with(order["parent"])
    end_with_input()
    _limit(order["memory_bytes"])
    try:
        speech = _speak(order)
    except ChorusError as error:
        head, raw = {"kind": type(error).__name__, "error": str(error)}, b""
    except MemoryError:
        head, raw = {"kind": "FarmError", "error": "the memory it may take was not enough."}, b""
    else:
        head, raw = _head(speech), speech.audio.tobytes()
    with os.fdopen(answers, "wb") as pipe:
        pipe.write(json.dumps(head).encode() + b"\n" + raw)


def _speak(order: dict[str, Any]) -> Speech:
    from workers.engine.opening import open_engine  # noqa: PLC0415 - onnxruntime is loaded within the limits
    from workers.models.resolving import resolve  # noqa: PLC0415 - the same

    own = {"model": Path(order["model"]), "voices": Path(order["voices"]), "lanes": "bulk", "slots": 1}
    own["variant"] = order["variant"]
    farm = settings().model_copy(update=own)
    model = resolve(farm)
    if model.digest != order["digest"]:
        raise FarmError(f"{model.path} is no longer the file that this worker speaks with: restart it.")
    return open_engine(model, farm).speak(Utterance(**order["utterance"]), "bulk")


def _head(speech: Speech) -> dict[str, Any]:
    return {"seconds": speech.seconds, "samples": speech.audio.size, "timings": speech.timings}


def _limit(memory_bytes: int) -> None:
    # A crash is expected here, and its core dump is of no use.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes:
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        bytes_ = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
        resource.setrlimit(resource.RLIMIT_DATA, (bytes_, bytes_))
    # If the whole machine runs out of memory, the kernel ends this process first, and the parent sees it.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


if __name__ == "__main__":
    main()
