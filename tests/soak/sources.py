"""What a soak has spoken: a dozen documents of several kinds and sizes, and what must be heard of each.

Only the poisoned ones hold the sound that the soak's model fails on.
"""

from dataclasses import dataclass
from functools import cache

from machine import epub
from soak.texts import chapter, paragraphs
from workshop import ROOT, planned_tokens

from tasks.plan import LIVE_FIRST_TOKENS

POISON = "Nobody at the harbour would ever take the measure of it."
"""A paragraph, long enough to be a segment of its own; the only place of the sound that the model fails on."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A document as it is submitted."""

    name: str
    data: bytes

    def __hash__(self) -> int:
        return hash(self.name)


def _markdown(name: str, *, chapters: int, length: int) -> Source:
    text = "\n\n".join(chapter(name, number + 1, length) for number in range(chapters))
    return Source(name=f"{name}.md", data=text.encode())


def _plain(name: str, count: int) -> Source:
    return Source(name=f"{name}.txt", data="\n\n".join(paragraphs(name, count)).encode())


def _epub(name: str, *, chapters: int) -> Source:
    pages = {f"Page {number + 1}": " ".join(paragraphs((name, number), 4)) for number in range(chapters)}
    return Source(name=f"{name}.epub", data=epub(pages))


def _poisoned(name: str) -> Source:
    before, *behind = paragraphs(name, 5)
    return Source(name=f"{name}.md", data="\n\n".join([before, POISON, *behind]).encode())


SHORT = tuple(_plain(f"note-{number}", 1) for number in range(4))
BOOKS = (
    Source(name="sample.md", data=(ROOT / "docs" / "sample.md").read_bytes()),
    _markdown("story", chapters=2, length=4),
    _markdown("novella", chapters=5, length=8),
    _plain("letter", 6),
    _plain("diary", 20),
    _epub("album", chapters=3),
    _epub("atlas", chapters=12),
)
LONG = _markdown("novel", chapters=10, length=16)
"""Some three hundred segments: long enough to be paused or cancelled in the middle."""
POISONED = (_poisoned("bitter"), _poisoned("sour"))
UNREADABLE = Source(name="torn.epub", data=b"PK\x03\x04 and nothing more")


@cache
def heard_of(source: Source, *, live: bool = False) -> tuple[int, ...]:
    """The tokens of this document, in order; without the poison, if it holds that."""
    tokens = planned_tokens(source.data, source.name, first=LIVE_FIRST_TOKENS if live else None)
    if source not in POISONED:
        return tuple(tokens)
    lost = planned_tokens(POISON.encode(), "poison.txt")
    at = next(start for start in range(len(tokens)) if tokens[start : start + len(lost)] == lost)
    return tuple(tokens[:at] + tokens[at + len(lost) :])
