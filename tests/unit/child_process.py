"""Reads files as a stranger's, each in a child of its own that may write nothing, and tells what came of it.

For each path, of its arguments or on the lines of its input, it prints a line of JSON: what was said, how much memory
and how much time it took at most.
"""

import json
import os
import resource
import sys
from pathlib import Path

from chorus.errors import SourceError
from chorus.sources import read_file
from tasks import documents
from tasks.documents import pdf, word  # noqa: F401 -- so that no child pays for their import

LIMITS = (
    (resource.RLIMIT_CPU, 10),
    (resource.RLIMIT_FSIZE, 0),
    # A bomb ends the child and not the machine.
    (resource.RLIMIT_AS, 2 << 30),
)


def outcome(path: Path) -> str:
    """What a user would see."""
    try:
        document = documents.read(read_file(path), path.name)
    except SourceError as error:
        return f"refused: {error}"
    chars = sum(len(chapter.text) for chapter in document.chapters)
    return f"read: {len(document.chapters)} chapters, {chars} characters, {document.chapters[0].text[:200]}"


def told(path: Path) -> dict[str, object]:
    """What came of one file, in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        for limit, value in LIMITS:
            resource.setrlimit(limit, (value, value))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(outcome(path).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status, used = os.wait4(child, 0)
    return {"said": said, "status": status, "peak_mb": used.ru_maxrss >> 10, "cpu_s": used.ru_utime + used.ru_stime}


if __name__ == "__main__":
    for line in sys.argv[1:] or sys.stdin:
        sys.stdout.write(f"{json.dumps(told(Path(line.rstrip())))}\n")
        sys.stdout.flush()
