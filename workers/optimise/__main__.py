"""`python -m workers.optimise ORDER`: prepares one model in a process of its own; a worker starts it.

What is done goes to standard output, a line each; the last line of one that failed says why.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

from broker.settings import settings
from chorus.errors import ChorusError
from workers.models import resolving
from workers.optimise.preparing import FAILED, prepare
from workers.process.children import end_with, end_with_input


def main() -> None:
    """Prepare it."""
    order = json.loads(sys.argv[1])
    # What it has done is written down: the next start goes on from there.
    end_with(order["parent"])
    end_with_input()
    # It takes some gigabytes: should the machine run out of them, this process goes first and its parent sees it go.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    own = {"home": Path(order["home"]), "model": Path(order["model"]), "voices": Path(order["voices"])}
    farm = settings().model_copy(update=own)
    try:
        prepare(farm, resolving.resolve(farm), _say)
    except ChorusError as error:
        _say(f"{FAILED}{error}")
        sys.exit(1)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is what its parent reads


if __name__ == "__main__":
    main()
