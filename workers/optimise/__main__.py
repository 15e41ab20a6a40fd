"""`python -m workers.optimise REQUEST`: prepares one model in a separate process, which a worker starts.

It prints its progress to standard output, line by line; if it fails, the last line gives the reason.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from broker.settings import settings
from chorus.errors import ChorusError
from workers.models import resolving
from workers.optimise.preparing import FAILED, prepare
from workers.process.children import end_with, end_with_input

LOWEST = 19
"""What a system is told of a process that may wait for every other one."""


def main() -> None:
    """Prepare the model that the argument names."""
    request = json.loads(sys.argv[1])
    # It may end at any time: finished stages are recorded, and the next start continues after them.
    end_with(request["parent"])
    end_with_input()
    if request.get("lowered"):
        os.nice(LOWEST)
    # It needs some gigabytes. If the machine runs out of memory, the kernel shall kill this process and not a worker.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    own = {"home": Path(request["home"]), "model": Path(request["model"]), "voices": Path(request["voices"])}
    farm = settings().model_copy(update=own)
    try:
        prepare(farm, resolving.resolve(farm), _say)
    except ChorusError as error:
        _say(f"{FAILED}{error}")
        sys.exit(1)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the parent process reads it


if __name__ == "__main__":
    main()
