"""The options for reading a text: what is skipped, what is normalised, how long pauses last. Pure.

Knows no document and no phonemes. Whatever reads documents uses the names listed here, and a submit is checked by them.
"""

import codecs
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from encodings.aliases import aliases
from types import MappingProxyType

from chorus.checks import shown
from chorus.errors import OptionError

SKIPPABLE = ("cover", "titlepage", "copyright", "dedication", "contents", "notes", "index", "bibliography", "tables")
"""Sections and notes that a reader may leave out: `--skip`."""
SKIPPED = frozenset(("contents",))
"""What is left out by default."""
SPEAKABLE = ("images", "code")
"""What is spoken only if `--speak` asks for it. Of an image that is its alternative text."""
NORMALISED = (
    "numbers", "years", "ordinals", "fractions", "roman", "money", "percent", "units", "dates", "times", "phones",
    "addresses", "abbreviations", "acronyms", "ranges", "symbols", "emoji", "capitals",
)  # fmt: skip
"""What is written out in words before it is spoken, unless `--as-written` names it."""
PAUSES_MS: Mapping[str, int] = MappingProxyType({
    "cut": 0, "clause": 60, "sentence": 200, "paragraph": 450, "heading": 700, "scene": 900, "chapter": 1200,
})  # fmt: skip
"""Silence after a segment at speed 1, by what ends there. `scene` is a row of ornaments, `cut` is within a sentence."""
LONGEST_PAUSE_MS = 60_000

_NO_FILES = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"))
"""Codecs of Python in which no text file is written."""
_USUAL = ("utf-8", "cp1252", "cp1251")
_SHOWN_CHARS = 40
_MILLISECONDS = re.compile(r"[0-9]{1,5}", re.ASCII)


def skipped(text: str) -> frozenset[str]:
    """The value of `--skip`: `notes,contents`; empty: the default, `none`: skip nothing."""
    if not text.strip():
        return SKIPPED
    return frozenset() if text.strip() == "none" else _listed("--skip", text, SKIPPABLE)


def also_spoken(text: str) -> frozenset[str]:
    """The value of `--speak`: `images,code`."""
    return _listed("--speak", text, SPEAKABLE)


def as_written(text: str) -> frozenset[str]:
    """The value of `--as-written`: names of NORMALISED, or `all`."""
    return frozenset(NORMALISED) if text.strip() == "all" else _listed("--as-written", text, (*NORMALISED, "all"))


def pauses(text: str) -> Mapping[str, int]:
    """PAUSES_MS with the changes of `--pauses`: `paragraph=600,chapter=2000`."""
    found = dict(PAUSES_MS)
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = (word.strip() for word in part.partition("="))
        if name not in PAUSES_MS or not equals:
            raise OptionError(
                f"--pauses has {shown(part)!r}: write a name of {', '.join(PAUSES_MS)}, `=` and milliseconds."
            )
        if not _MILLISECONDS.fullmatch(value) or int(value) > LONGEST_PAUSE_MS:
            raise OptionError(f"--pauses has {shown(part)!r}: write milliseconds in digits, 0 to {LONGEST_PAUSE_MS}.")
        found[name] = int(value)
    return MappingProxyType(found)


def encoding(text: str) -> str:
    """Python's name of the encoding that `--encoding` names, `cp1251` for `windows-1251`; empty if none is named."""
    name = text.strip().lower()
    if not name:
        return ""
    try:
        found = codecs.lookup(name).name.replace("_", "-")
        b"a".decode(found, "replace")
    except (LookupError, ValueError):
        found = ""
    if not found or found in _NO_FILES:
        known = {
            alias.replace("_", "-")
            for alias, codec in aliases.items()
            if not codec.endswith(("_codec", "mbcs", "rot_13"))
        }
        near = get_close_matches(name.replace("_", "-")[:_SHOWN_CHARS], sorted(known), n=3) or _USUAL
        raise OptionError(f"Encoding {text[:_SHOWN_CHARS]!r} is unknown: choose one like {', '.join(near)}.")
    return found


def _listed(option: str, text: str, known: Iterable[str]) -> frozenset[str]:
    words = frozenset(filter(None, map(str.strip, text.split(","))))
    for word in sorted(words.difference(known)):
        raise OptionError(f"{option} names {shown(word)!r}, which does not exist: choose among {', '.join(known)}.")
    return words
