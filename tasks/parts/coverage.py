"""The proof that what is spoken is the whole text, character by character. Knows texts and spans, no audio.

White space is nobody's to speak: what is compared is the solid text, all other characters in their order.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.specs import ChapterPlan
from tasks.documents.model import Span
from tasks.parts.part_files import Sidecar
from tasks.segmenting.sentences import trimmed


def solid(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


def digest(texts: Iterable[str]) -> str:
    """The sha256 of the solid text of these, laid end to end."""
    sha = hashlib.sha256()
    for text in texts:
        sha.update(_bytes(text))
    return sha.hexdigest()


def gaps(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """What of a text stands in none of these spans, or in two of them."""
    end = 0
    for span in spans:
        yield from trimmed(text, min(end, span.start), max(end, span.start))
        end = span.end
    yield from trimmed(text, end, len(text))


@dataclass(kw_only=True)
class CoverageProof:
    """What a job's sidecars prove of its document; `read` them in order, then look."""

    chapters: Mapping[int, ChapterPlan]
    """As they were planned, by number."""
    silent: list[dict[str, Any]] = field(default_factory=list)
    """The segments that failed: nobody hears their words."""
    _frames: int = 0
    _digests: dict[int, Any] = field(default_factory=dict)

    def read(self, sidecar: Sidecar, rate_hz: int) -> None:
        """Take in what one part says."""
        sha = self._digests.setdefault(sidecar.chapter, hashlib.sha256())
        for segment in sidecar.segments:
            sha.update(_bytes(segment.text))
            if segment.failed:
                at_s = round((self._frames + segment.offset) / rate_hz, 3)
                title = self._title(sidecar.chapter)
                text = " ".join(segment.text.split())
                self.silent.append({"segment": segment.number, "chapter": title, "at_s": at_s, "text": text})
        self._frames += sidecar.frames

    def missing(self) -> list[str]:
        """The chapters whose text is not, character by character, what their segments hold."""
        empty = hashlib.sha256().hexdigest()
        held = {number: sha.hexdigest() for number, sha in self._digests.items()}
        return [
            self._title(number)
            for number, told in sorted(self.chapters.items())
            if told.sha256 != held.get(number, empty)
        ]

    def unsaid(self) -> list[dict[str, str]]:
        """What no phonemizer has a sound for: it stands in a segment, and is passed over."""
        return [
            {"chapter": self._title(number), "text": text}
            for number, told in sorted(self.chapters.items())
            for text in told.unsaid
        ]

    def told(self) -> dict[str, Any]:
        """For the report."""
        missing, unsaid = self.missing(), self.unsaid()
        return {
            "proved": not missing and not self.silent and not unsaid,
            "missing": missing,
            "silent": self.silent,
            "unsaid": unsaid,
        }

    def _title(self, number: int) -> str:
        planned = self.chapters.get(number)
        return planned.title if planned and planned.title else f"chapter {number + 1}"


def _bytes(text: str) -> bytes:
    # Half a surrogate pair is in no file, and still no reason to stop.
    return solid(text).encode("utf-8", "surrogatepass")
