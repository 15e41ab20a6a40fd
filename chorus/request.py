"""What a caller asks for, checked and named: the request of a job and the id that follows from it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal, Self, get_args

from chorus import lexicon, reading, voices
from chorus.errors import OptionError

FORMATS = ("wav", "flac", "mp3", "opus", "m4b")
SLOWEST, FASTEST = 0.25, 4.0
Format = Literal["", "wav", "flac", "mp3", "opus", "m4b"]
OnError = Literal["silence", "stop"]
Priority = Literal["low", "normal", "high"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One job's wishes. Everything here changes the audio or the file, so all of it makes the job's digest."""

    name: str
    """The source's file name; its ending decides the reader: `book.epub`, `talk.md`, `text.txt`."""
    voice: str = "af_heart"
    """A name or a blend; here it gets its canonical spelling (chorus.voices)."""
    speed: float = 1.0
    """0.25 to 4.0; beyond 0.5 to 2.0 the model's speech is time-stretched."""
    language: str = ""
    """A code of chorus.languages, already normalised; empty: the document's, else the voice's."""
    chapters: str = ""
    """`1-3,5`, counted from 1; empty: all."""
    title: str = ""
    author: str = ""
    format: Format = ""
    """The finished file's; empty: no file, the audio is only streamed."""
    live: bool = False
    """Someone is listening: short first segment, live queue."""
    on_error: OnError = "silence"
    encoding: str = ""
    """Of a text file, where its bytes do not tell: `cp1251`."""
    skip: str = ""
    """As chorus.reading.skipped takes it, and so the next three; empty: the usual."""
    speak: str = ""
    as_written: str = ""
    pauses: str = ""
    lexicon: str = ""
    """Pronunciations of the caller's own, as chorus.lexicon writes them."""

    def __post_init__(self) -> None:
        """Refuse what no worker could serve."""
        object.__setattr__(self, "voice", voices.canonical(self.voice))
        if not SLOWEST <= self.speed <= FASTEST:
            raise OptionError(f"Speed {self.speed:g} is out of range: choose {SLOWEST} to {FASTEST}.")
        if self.format and self.format not in FORMATS:
            raise OptionError(f"Format {self.format!r} is unknown: choose one of {', '.join(FORMATS)}.")
        if self.on_error not in ("silence", "stop"):
            raise OptionError(f"on_error is {self.on_error!r}: choose silence or stop.")
        for understood, text in (
            (reading.skipped, self.skip),
            (reading.also_spoken, self.speak),
            (reading.as_written, self.as_written),
            (reading.pauses, self.pauses),
            (reading.encoding, self.encoding),
            (lexicon.entries, self.lexicon),
        ):
            understood(text)

    def to_json(self) -> str:
        """Canonical: equal requests give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The request in a job record."""
        return cls(**json.loads(text))

    def digest(self, *parts: bytes | str) -> str:
        """32 hex digits over this request and whatever else must not differ: source, cover, model, voices."""
        sha = hashlib.sha256(self.to_json().encode())
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            sha.update(len(data).to_bytes(8, "big") + data)
        return sha.hexdigest()[:32]
