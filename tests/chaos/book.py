"""The book that renders while things break, and what an undisturbed farm makes of it."""

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
"""A segment takes long enough to be caught while it is spoken."""


@cache
def slow_toy(folder: Path) -> Path:
    """The toy voice that takes its time; its sound is the quick one's."""
    return build(folder / "slow-toy.onnx", work=WORK)


@cache
def planned_segments() -> int:
    document = documents.read(BOOK, NAME)
    return sum(1 for chapter in document.chapters for _ in segments(chapter, "en-us"))


@cache
def undisturbed(folder: Path) -> Path:
    """The file that a farm makes which nobody disturbs; its tokens are the planned ones."""
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
    """So that a difference of megabytes fails in one line."""
    return hashlib.sha256(data).hexdigest()
