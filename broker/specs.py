"""What the ledger keeps of a document, its chapters, segments and parts: one type each, and one codec to its JSON.

Pure: knows no Redis. The Lua scripts read and write the same fields under the same names; a field that a newer release
added is ignored by an older one.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from chorus.errors import NewerVersionError

SPEC_VERSION: Final = 1
"""Of everything here, as this release writes it; what names none is of version 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Json:
    """A frozen record that is JSON in Redis. A field that holds its default is left out."""

    def to_json(self) -> str:
        """As Redis holds it."""
        told = {
            field.name: asdict(value) if isinstance(value, _Json) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What Redis holds; ValueError or TypeError for what no release wrote."""
        return cls.from_fields(json.loads(text))

    @classmethod
    def from_fields(cls, told: Mapping[str, Any]) -> Self:
        """The fields that this release knows; NewerVersionError for those of a later version."""
        version = told.get("version", 1)
        if isinstance(version, int) and version > SPEC_VERSION:
            raise NewerVersionError.of(f"A {cls.__name__}", "version", version, SPEC_VERSION)
        return cls(**{field.name: told[field.name] for field in fields(cls) if field.name in told})


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentFacts(_Json):
    """What planning found out about a job's document, for its record."""

    title: str = ""
    author: str = ""
    series: str = ""
    """As in `Discworld #3`."""
    language: str = ""
    """The code it is spoken in."""
    chapters: int
    characters: int
    """Without white space, so that this number and that of the characters spoken can be equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChapterPlan(_Json):
    """One chapter, as far as it is planned."""

    title: str = ""
    first: int = 0
    """Its first segment's number."""
    count: int = 0
    """How many of its segments the ledger has."""
    characters: int = 0
    segments: int = 0
    """How many it has in all, as the commit of its plan says."""
    sha256: str = ""
    """The digest of its text without white space; empty until its plan is committed."""
    unsaid: tuple[str, ...] = ()
    """Characters that no phonemizer has a sound for."""

    @classmethod
    def from_fields(cls, told: Mapping[str, Any]) -> Self:
        """As above; Lua writes an empty list as an empty object."""
        return super(ChapterPlan, cls).from_fields({**told, "unsaid": tuple(told.get("unsaid") or ())})


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredPlace(_Json):
    """Where a segment lies in the store already. It counts only if planning gives the segment the same place again."""

    part: int
    number: int
    frames: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentSpec(_Json):
    """What one call of the engine is to speak. Planning writes it; `extend` adds the last two fields."""

    chapter: int
    start: int
    """Its first character in the chapter's text."""
    end: int
    """One past its last character."""
    text: str
    phonemes: str
    pause_ms: float
    """Silence behind it, at normal speed."""
    characters: int
    """Without white space."""
    frames: int
    """How long it will last, estimated."""
    g2p_ms: float = 0.0
    """What its phonemes cost."""
    voice: str = ""
    """Empty: the request's."""
    rate: float = 1.0
    """Multiplies the request's speed."""
    lead_ms: float = 0.0
    """Silence before it."""
    stored: StoredPlace | None = None
    n: int | None = None
    """Its number in the job."""
    part: int | None = None
    """The part that takes it."""

    @classmethod
    def from_fields(cls, told: Mapping[str, Any]) -> Self:
        """As above, with the place in the store as a type of its own."""
        stored = told.get("stored")
        return super(SegmentSpec, cls).from_fields(
            {**told, "stored": StoredPlace.from_fields(stored) if stored else None}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PartSpec(_Json):
    """About a minute of consecutive segments of one chapter."""

    chapter: int
    first: int
    last: int
    """Inclusive."""
    left: int = 0
    """How many of them are not over yet."""
    closed: bool = False
    """Whether no more segments will join it."""
    held: int = 0
    """Frames of it that are still on the stream."""

    @property
    def numbers(self) -> range:
        """The numbers of its segments."""
        return range(self.first, self.last + 1)
