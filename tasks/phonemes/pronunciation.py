"""Finds a lexicon's words in a sentence: whole words, the longest first. Knows no file and no backend."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from chorus import lexicon
from chorus.lexicon import LexiconEntry
from tasks.documents.model import Mark, MarkKind

# In scripts without blanks every letter may begin a word.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")
_FIRST_LETTER = re.compile(rf"[^\W{_UNSPACED}]")
# `re` takes accents and vowel signs for no part of a word, but they are.
_JOINED = r"\w\u0300-\u036f\u0900-\u0903\u093a-\u094f"
_LAST_LETTER = re.compile(rf"(?![{_UNSPACED}])[{_JOINED}]$")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Word:
    """An entry with the pattern that finds it."""

    entry: LexiconEntry
    pattern: re.Pattern[str]


def marks(text: str, language: str, written: str) -> Iterator[Mark]:
    """The lexicon's words in a text of this language, as marks with their pronunciation, without overlaps."""
    if not written:
        return
    beginnings, at = _beginnings(written, language), 0
    for token in _TOKEN.finditer(text):
        if token.start() < at:
            continue
        for word in beginnings.get(token[0].casefold(), ()):
            match = word.pattern.match(text, token.start())
            if match is not None:
                yield _mark(match, word.entry)
                at = match.end()
                break


def _mark(match: re.Match[str], entry: LexiconEntry) -> Mark:
    kind: MarkKind = "phonemes" if entry.ipa else "say"
    return Mark(start=match.start(), end=match.end(), kind=kind, value=entry.ipa or entry.said)


@lru_cache(maxsize=16)
def _beginnings(written: str, language: str) -> dict[str, list[_Word]]:
    """The lexicon's words by their first token, in the order in which they are tried."""
    found: dict[str, list[_Word]] = {}
    tags = ("", language.partition("-")[0], language)
    for entry in sorted(
        (entry for entry in lexicon.entries(written) if entry.language in tags), key=_rank, reverse=True
    ):
        token = _TOKEN.search(entry.word)
        if token is not None:
            found.setdefault(token[0].casefold(), []).append(_Word(entry=entry, pattern=_pattern(entry.word)))
    return found


def _rank(entry: LexiconEntry) -> tuple[int, bool, str]:
    """The longest entry first; of equal lengths one with capitals, then one for exactly this language."""
    return len(entry.word), entry.word != entry.word.lower(), entry.language


def _pattern(word: str) -> re.Pattern[str]:
    any_blank = re.escape(word).replace(r"\ ", r"\s+").replace("'", "['\u2019]")
    before = rf"(?<![{_JOINED}])" if _FIRST_LETTER.match(word) else ""
    after = rf"(?![{_JOINED}])" if _LAST_LETTER.search(word) else ""
    return re.compile(before + any_blank + after, re.IGNORECASE if word == word.lower() else 0)
