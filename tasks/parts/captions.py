"""Makes captions from sidecars: one cue per segment, as SRT or WebVTT. Knows nothing of audio.

Every time is rounded from the exact frame in the whole book, so that rounding errors do not add up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, cast

from chorus.errors import OptionError
from chorus.wire import RATE_HZ
from tasks.documents.model import BREAK
from tasks.parts.part_files import Sidecar

CaptionFormat = Literal["srt", "vtt"]


@dataclass(frozen=True, kw_only=True)
class Cue:
    """One caption: its text, and from when to when it is shown."""

    start_ms: int
    end_ms: int
    text: str


def cues(sidecars: Iterable[Sidecar]) -> Iterator[Cue]:
    """A cue per segment that has text and takes time, in the order of the sidecars, even if the segment failed."""
    first = 0
    for sidecar in sidecars:
        for segment in sidecar.segments:
            begin = first + segment.offset
            cue = Cue(start_ms=_ms(begin), end_ms=_ms(begin + segment.frames), text=_lines(segment.text))
            if cue.text and cue.end_ms > cue.start_ms:
                yield cue
        first += sidecar.frames


def as_captions(name: str) -> CaptionFormat:
    """The captions format of this name; OptionError if there is none."""
    if name not in ("srt", "vtt"):
        raise OptionError(f"Captions format {name!r} is unknown: choose srt or vtt.")
    return cast("CaptionFormat", name)


def captions(sidecars: Iterable[Sidecar], form: CaptionFormat) -> str:
    """The whole captions file as text."""
    if form == "srt":
        return "".join(
            f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{cue.text}\n\n"
            for number, cue in enumerate(cues(sidecars), 1)
        )
    if form == "vtt":
        return "WEBVTT\n\n" + "".join(
            f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{_escape(cue.text)}\n\n"
            for cue in cues(sidecars)
        )
    raise OptionError(f"Captions format {form!r} is unknown: choose srt or vtt.")


def _lines(text: str) -> str:
    """One line per paragraph, so that a heading in one segment with its text stands above it."""
    # SRT and WebVTT take a line with an arrow for the beginning of a cue.
    between = " " if "-->" in text else "\n"
    return between.join(filter(None, (" ".join(part.split()) for part in text.split(BREAK))))


def _ms(frame: int) -> int:
    return (frame * 1000 + RATE_HZ // 2) // RATE_HZ


def _clock(time_ms: int, point: str) -> str:
    minutes, rest_ms = divmod(time_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest_ms // 1000:02}{point}{rest_ms % 1000:03}"


def _escape(text: str) -> str:
    """The text without what WebVTT would read as markup, or as the next cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
