"""Reads the front matter of a text, which is not spoken: title, author, language and the cast with its voices.

Knows as much YAML as people write there, and no file format.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chorus.errors import SourceError
from tasks.documents.markup import VOICE, Cast

_FENCED = re.compile(r"\A\s*---[ \t]*\n(?=\S)(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z][\w-]{0,40}):(?:[ \t]+(\S.*?))?[ \t]*$")
_NAMES = {"authors": "author", "creator": "author", "lang": "language"}
_YAML = re.compile(r"\s*(?:#.*)?|\s+\S.*|-\s.*|\]|\}")
"""Lines of front matter that do not begin a field."""
_MEMBER = re.compile(rf"""\s*["']?([^":=\n]{{1,60}}?)["']?\s*[:=]\s*["']?({VOICE})["']?\s*(?:\#.*)?""")
_CAST = re.compile(r"\A\s*voices:[ \t]*\n((?:[ \t]*\S.*(?:\n|\Z))+)", re.IGNORECASE)
_HEAD_CHARS = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """The front matter of a text."""

    title: str = ""
    author: str = ""
    language: str = ""
    cast: Cast = field(default_factory=Cast)
    length: int = 0
    """How many characters of the text are front matter."""
    left_out: tuple[str, ...] = ()


def front(text: str, name: str) -> Front:
    """The front matter of a text whose lines end in line feeds; an empty one if there is none."""
    head = text[:_HEAD_CHARS]
    if fenced := _FENCED.match(head):
        lines = fenced[1].splitlines()
        fields = [bool(_FIELD.match(line)) for line in lines]
        # With any other line between two rules it is ordinary text.
        known = any(fields) and all(
            is_field or _YAML.fullmatch(line) for is_field, line in zip(fields, lines, strict=True)
        )
        return _fields(lines, name, fenced.end()) if known else Front()
    if listed := _CAST.match(head):
        members = [_MEMBER.fullmatch(line) for line in listed[1].splitlines()]
        # With any other line it is a paragraph that begins with `voices:`. Kokoro's voices have names like `af_heart`.
        if all(member and "_" in member[2] for member in members):
            return Front(
                cast=_cast({member[1]: member[2] for member in members if member}),
                length=listed.end(),
                left_out=("the list of voices",),
            )
    return Front()


def _fields(lines: list[str], name: str, length: int) -> Front:
    found: dict[str, str] = {}
    voices: dict[str, str] = {}
    listing = False
    for line in lines:
        match = _FIELD.match(line)
        if match:
            key = match[1].strip().lower()
            listing = key == "voices"
            value = (match[2] or "").strip("\"'[]{} \t")
            found.setdefault(_NAMES.get(key, key), value)
            voices.update(_members(value.split(","), name) if listing else {})
        elif listing:
            voices.update(_members([line], name))
    return Front(
        title=found.get("title", ""),
        author=found.get("author", ""),
        language=found.get("language", ""),
        cast=_cast(voices),
        length=length,
        left_out=(f"the front matter ({', '.join(found)})",),
    )


def _members(lines: list[str], name: str) -> Mapping[str, str]:
    """The voices by name. Every line except empty ones and comments must be one of these; else SourceError."""
    voices: dict[str, str] = {}
    for line in (one for one in lines if one.strip() and not one.lstrip().startswith("#")):
        match = _MEMBER.fullmatch(line)
        if match is None:
            raise SourceError(f"{name} lists {line.strip()!r} among its voices: write `NAME: voice`, one on each line.")
        voices[match[1]] = match[2]
    return voices


def _cast(voices: Mapping[str, str]) -> Cast:
    return Cast(voices={name.strip("'\" ").casefold(): voice for name, voice in voices.items()})
