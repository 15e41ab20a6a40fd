"""What stands above a text for programs, not for listeners: front matter with title, author, language and cast.

Knows a little YAML, and no more than people write there.
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
"""A line of front matter that begins no field."""
_MEMBER = re.compile(rf"""\s*["']?([^":=\n]{{1,60}}?)["']?\s*[:=]\s*["']?({VOICE})["']?\s*(?:\#.*)?""")
_CAST = re.compile(r"\A\s*voices:[ \t]*\n((?:[ \t]*\S.*(?:\n|\Z))+)", re.IGNORECASE)
_HEAD_CHARS = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """A text's head."""

    title: str = ""
    author: str = ""
    language: str = ""
    cast: Cast = field(default_factory=Cast)
    length: int = 0
    """Characters of the text that are its head and not spoken."""
    left_out: tuple[str, ...] = ()


def front(text: str, name: str) -> Front:
    """The head of a text, its lines ended by line feeds; an empty one if it has none."""
    head = text[:_HEAD_CHARS]
    if fenced := _FENCED.match(head):
        lines = fenced[1].splitlines()
        fields = [bool(_FIELD.match(line)) for line in lines]
        # Anything else between two rules is text.
        known = any(fields) and all(
            is_field or _YAML.fullmatch(line) for is_field, line in zip(fields, lines, strict=True)
        )
        return _fields(lines, name, fenced.end()) if known else Front()
    if listed := _CAST.match(head):
        members = [_MEMBER.fullmatch(line) for line in listed[1].splitlines()]
        # Any other line makes it a paragraph that begins with this word. Kokoro's voices are called `af_heart`.
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
    """Names and voices; what is neither an empty line nor a comment must be one of them."""
    voices: dict[str, str] = {}
    for line in (one for one in lines if one.strip() and not one.lstrip().startswith("#")):
        match = _MEMBER.fullmatch(line)
        if match is None:
            raise SourceError(f"{name} lists {line.strip()!r} among its voices: write `NAME: voice`, one on each line.")
        voices[match[1]] = match[2]
    return voices


def _cast(voices: Mapping[str, str]) -> Cast:
    return Cast(voices={name.strip("'\" ").casefold(): voice for name, voice in voices.items()})
