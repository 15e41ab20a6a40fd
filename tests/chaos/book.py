"""The book that is rendered during a fault, and the file that a farm makes of it without faults."""

import hashlib
from functools import cache
from pathlib import Path

from support import ValkeyServer
from toy.build import build
from workshop import ROOT, Workshop, heard_tokens, opened, planned_tokens

from chorus.states import State
from tasks import documents
from tasks.segmenting.segments import segments

JOB, NAME = "book", "sample.md"
BOOK = (ROOT / "docs" / "sample.md").read_bytes()
"""Eight segments in two chapters, each a part."""
WORK = 1500
"""Products of matrices per segment: enough that a worker can be frozen while it speaks one."""


@cache
def slow_toy(folder: Path) -> Path:
    """A slow toy voice; its audio is the same as the quick one's."""
    return build(folder / "slow-toy.onnx", work=WORK)


@cache
def planned_segments() -> int:
    document = documents.read(BOOK, NAME)
    return sum(1 for chapter in document.chapters for _ in segments(chapter, "en-us"))


@cache
def undisturbed(folder: Path) -> Path:
    """The file that a farm makes without faults; its tokens are checked against the plan."""
    home = folder / "undisturbed"
    home.mkdir()
    with ValkeyServer(home) as server, opened(Workshop(server.url, home, slots=2)) as farm:
        farm.start("desk", "voice")
        farm.client.submit(BOOK, name=NAME, job=JOB, format="wav")
        assert farm.finished(JOB).state is State.DONE
        saved = farm.client.save(JOB, home / "book.wav")
    assert heard_tokens(saved) == planned_tokens(BOOK, NAME)
    return saved


def digest(data: bytes) -> str:
    """A digest instead of megabytes, so that a difference is one line of output."""
    return hashlib.sha256(data).hexdigest()
