"""Proves that the whole text was spoken, character by character. Knows texts and spans, no audio.

White space is not spoken, so the solid text is compared: all other characters in their order.
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
    """The sha256 of the solid text of all of these, one after the other."""
    sha = hashlib.sha256()
    for text in texts:
        sha.update(_bytes(text))
    return sha.hexdigest()


def gaps(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """The stretches of a text that lie in none of these spans, or in two of them."""
    end = 0
    for span in spans:
        yield from trimmed(text, min(end, span.start), max(end, span.start))
        end = span.end
    yield from trimmed(text, end, len(text))


@dataclass(kw_only=True)
class CoverageProof:
    """Compares a job's sidecars with the plans of its chapters. The sidecars must be `read` in order."""

    chapters: Mapping[int, ChapterPlan]
    """The chapters' plans, by number."""
    silent: list[dict[str, Any]] = field(default_factory=list)
    """The segments that failed. Their text is in the document and not in the audio."""
    _frames: int = 0
    _digests: dict[int, Any] = field(default_factory=dict)

    def read(self, sidecar: Sidecar, rate_hz: int) -> None:
        """Add the segments of one part."""
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
        """The titles of the chapters whose segments do not hold exactly the chapter's text."""
        empty = hashlib.sha256().hexdigest()
        held = {number: sha.hexdigest() for number, sha in self._digests.items()}
        return [
            self._title(number)
            for number, plan in sorted(self.chapters.items())
            if plan.sha256 != held.get(number, empty)
        ]

    def unsaid(self) -> list[dict[str, str]]:
        """The texts for which no phonemizer has a sound. They are in a segment and are not spoken."""
        return [
            {"chapter": self._title(number), "text": text}
            for number, plan in sorted(self.chapters.items())
            for text in plan.unsaid
        ]

    def as_report(self) -> dict[str, Any]:
        """The result as the job's report shows it."""
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
    # A text may hold half a surrogate pair, which strict UTF-8 refuses.
    return solid(text).encode("utf-8", "surrogatepass")
