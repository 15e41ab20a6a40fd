"""Reads files as a stranger's, each in a child of its own that may write nothing, and tells what came of it.

`python apart.py FILE...` prints a line of JSON for each: what was said, how much memory at most, how much time.
"""

import json
import os
import resource
import sys
from pathlib import Path

from chorus.errors import SourceError
from tasks import documents
from tasks.documents import pdf, word  # noqa: F401 -- so that no child pays for their import

CPU_S = 10
MOST_BYTES = 2 << 30
"""Of address space: a bomb ends the child and not the machine."""


def outcome(path: Path) -> str:
    """What a user would see."""
    try:
        document = documents.read(path.read_bytes(), path.name)
    except SourceError as error:
        return f"refused: {error}"
    chars = sum(len(chapter.text) for chapter in document.chapters)
    return f"read: {len(document.chapters)} chapters, {chars} characters, {document.chapters[0].text[:200]}"


def main(paths: list[str]) -> None:
    """One child after the other."""
    for path in paths:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            for limit, value in (
                (resource.RLIMIT_CPU, CPU_S),
                (resource.RLIMIT_FSIZE, 0),
                (resource.RLIMIT_AS, MOST_BYTES),
            ):
                resource.setrlimit(limit, (value, value))
            os.write(writing, outcome(Path(path)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read().decode()
        _, status, used = os.wait4(child, 0)
        told = {"said": said, "status": status, "peak_mb": used.ru_maxrss >> 10, "cpu_s": used.ru_utime + used.ru_stime}
        sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
