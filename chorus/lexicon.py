"""Reads a user's own pronunciations, each a word with its IPA or another spelling, and writes them as one JSON text.

Pure but for reading the file. Knows no sentences: tasks/phonemes/pronunciation.py finds the words in them.
"""

import json
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from chorus import pls, vocabulary
from chorus.checks import is_unicode, shown
from chorus.errors import OptionError
from chorus.input_file import read_input
from chorus.languages import normalise
from chorus.screen_text import printable

LONGEST_FILE_BYTES = 512 * 1024
"""A lexicon travels in its job's record."""
_LONGEST_WORD, _LONGEST_SOUND = 100, 400
_LONGEST_REASON = 200
_ENDINGS = ".toml, .json or .pls"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class LexiconEntry:
    """One word's pronunciation."""

    word: str
    """One word or a few. Written in small letters it stands for any case, with a capital only for this spelling."""
    said: str
    """Words to say instead, or between slashes IPA."""
    language: str = ""
    """A code of chorus.languages, or `en` for both kinds of English; empty: every language."""

    @property
    def ipa(self) -> str:
        """The IPA between the slashes; empty if `said` is words."""
        return self.said[1:-1] if self.said.startswith("/") else ""


def read(path: Path) -> str:
    """The pronunciations of a file, as Request.lexicon takes them. Equal pronunciations give equal text."""
    _parser(path)
    try:
        data = read_input(
            path, LONGEST_FILE_BYTES, label="Lexicon ", advice="name one with fewer words", refused=OptionError
        )
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OptionError(f"Lexicon {path} is not UTF-8 at byte {error.start}: save it as UTF-8.") from error
    return parsed(path, text)


def parsed(path: Path, text: str) -> str:
    """The same of a text that stands in such a file."""
    try:
        return _written(_checked(path.name, _parser(path)(text)))
    except (ValueError, RecursionError) as error:
        raise OptionError(f"Lexicon {path} is not understood: {_why(error)}. Correct that place in it.") from error


def _parser(path: Path) -> Callable[[str], Iterator[LexiconEntry]]:
    parser = _PARSERS.get(path.suffix.lower())
    if parser is None:
        raise OptionError(f"Lexicon {path} has a format that cannot be read: name a file that ends in {_ENDINGS}.")
    return parser


def _why(error: Exception) -> str:
    """A parser's own words, on one line and not too many of them."""
    return printable(str(error))[:_LONGEST_REASON].rstrip(".")


def entries(lexicon: str) -> tuple[LexiconEntry, ...]:
    """The pronunciations of a Request; OptionError if `read` did not write them."""
    return _entries(lexicon) if lexicon else ()


@lru_cache(maxsize=8)
def _entries(lexicon: str) -> tuple[LexiconEntry, ...]:
    if len(lexicon.encode("utf-8", "surrogatepass")) > 2 * LONGEST_FILE_BYTES:
        raise OptionError(f"The lexicon is too large: cut it to {LONGEST_FILE_BYTES // 1024} KB.")
    try:
        return tuple(_checked("The lexicon", _nested(_json(lexicon))))
    except (ValueError, RecursionError) as error:
        raise OptionError(f"The lexicon is not understood: {_why(error)}. Give what `read` makes.") from error


def _checked(name: str, found: Iterable[LexiconEntry]) -> list[LexiconEntry]:
    """The entries, sorted, after each was checked."""
    kept: dict[tuple[str, str], LexiconEntry] = {}
    for raw in found:
        entry = _plain(raw)
        _check(name, entry)
        before = kept.setdefault((entry.language, entry.word), entry)
        if before != entry:
            raise OptionError(
                f"{name}: {entry.word!r} is listed twice, as {before.said!r} and as {entry.said!r}: drop one."
            )
    if not kept:
        raise OptionError(f'{name} holds no word: write lines such as `Hermione = "/hɜɹmˈIəni/"`.')
    return [kept[key] for key in sorted(kept)]


def _plain(entry: LexiconEntry) -> LexiconEntry:
    if not is_unicode(f"{entry.word}{entry.said}{entry.language}"):
        raise ValueError(f"{shown(entry.word)!r} has half a letter, which is no text")
    word, said = (" ".join(unicodedata.normalize("NFC", text).split()) for text in (entry.word, entry.said))
    return LexiconEntry(word=word.replace("\u2019", "'"), said=said, language=entry.language)


def _check(name: str, entry: LexiconEntry) -> None:
    if not any(char.isalnum() for char in entry.word) or len(entry.word) > _LONGEST_WORD:
        raise OptionError(
            f"{name}: {entry.word[:30]!r} is not a word: write 1 to {_LONGEST_WORD} characters, at least one of them "
            "a letter or a digit."
        )
    slashes = len(entry.said) > 1 and entry.said.startswith("/") and entry.said.endswith("/")
    if entry.said.startswith("/") != slashes or len(entry.said) > _LONGEST_SOUND:
        raise OptionError(
            f"{name}: {entry.word!r} is said {entry.said[:30]!r}: write IPA between two slashes, or other words, "
            f"{_LONGEST_SOUND} characters at most."
        )
    if slashes:
        _check_ipa(name, entry)
    elif not any(char.isalnum() for char in entry.said):
        raise OptionError(f"{name}: {entry.word!r} has no sound: write IPA between two slashes, or other words.")


def _check_ipa(name: str, entry: LexiconEntry) -> None:
    fitted = vocabulary.fit(vocabulary.from_ipa(entry.ipa, entry.language))
    if fitted.dropped:
        near = vocabulary.nearest(fitted.dropped[0])
        remedy = f"the nearest is {near!r}" if near else "leave it out"
        raise OptionError(f"{name}: {entry.word!r} has {fitted.dropped[0]!r}, which Kokoro cannot say: {remedy}.")
    if not vocabulary.speaks(fitted.text):
        raise OptionError(f"{name}: {entry.word!r} has no sound: write IPA between two slashes, or other words.")


def _written(found: Iterable[LexiconEntry]) -> str:
    tables: dict[str, dict[str, str]] = {}
    for entry in found:
        tables.setdefault(entry.language, {})[entry.word] = entry.said
    return json.dumps(tables, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _nested(tree: object) -> Iterator[LexiconEntry]:
    """The words at the top level, and those in tables that are named after a language."""
    if not isinstance(tree, Mapping):
        raise ValueError("it is not a table of words")  # noqa: TRY004 - the same kind as the parsers'
    for word, said in tree.items():
        if isinstance(said, Mapping):
            for inner, value in said.items():
                yield _entry(inner, value, _language(word))
        else:
            yield _entry(word, said, "")


def _entry(word: str, said: object, language: str) -> LexiconEntry:
    if not isinstance(said, str):
        raise ValueError(f"{word!r} is {type(said).__name__}, not text")  # noqa: TRY004 - see above
    return LexiconEntry(word=word, said=said, language=language)


def _language(tag: str) -> str:
    if tag in ("", "en"):
        return tag
    try:
        return normalise(tag)
    except OptionError as error:
        quotes = "a word with a dot needs quotes, a table is named by a language"
        raise ValueError(f"{tag!r} is a table but no language ({quotes})") from error


def _json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is listed twice")
        found[name] = value
    return found


def _pls(text: str) -> Iterator[LexiconEntry]:
    for lexeme in pls.lexemes(text):
        tag = lexeme.language.split("-")[0] if lexeme.language.lower().startswith("en") else lexeme.language
        yield LexiconEntry(word=lexeme.word, said=lexeme.said, language=_language(tag.lower()))


_PARSERS: dict[str, Callable[[str], Iterator[LexiconEntry]]] = {
    ".toml": lambda text: _nested(tomllib.loads(text)),
    ".json": lambda text: _nested(_json(text)),
    ".pls": _pls,
}
