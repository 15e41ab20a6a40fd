"""Reads W3C pronunciation lexicons with the standard library's parser, and refuses a DTD. Knows no languages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

_NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
_LANG = "http://www.w3.org/XML/1998/namespace lang"
_LEAVES = ("grapheme", "phoneme", "alias")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexeme:
    """One spelling and how it is said."""

    word: str
    said: str
    """Words to say instead, or between slashes IPA."""
    language: str
    """As the file states it."""


@dataclass(kw_only=True, slots=True)
class _Leaf:
    kind: str
    preferred: bool
    alphabet: str
    text: str = ""


@dataclass(kw_only=True, slots=True)
class _PlsReader:
    """Collects the lexemes from the events of the parser."""

    language: str = ""
    alphabet: str = ""
    root: str = ""
    leaf: _Leaf | None = None
    leaves: list[_Leaf] = field(default_factory=list)
    found: list[Lexeme] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.removeprefix(f"{_NAMESPACE} ")
        if not self.root:
            self.root = kind
            self.language, self.alphabet = attributes.get(_LANG, ""), attributes.get("alphabet", "ipa")
            if kind != "lexicon":
                raise ValueError(f"its root is <{kind}>, not <lexicon>")
        if kind in _LEAVES:
            preferred = attributes.get("prefer", "") == "true"
            self.leaf = _Leaf(kind=kind, preferred=preferred, alphabet=attributes.get("alphabet", self.alphabet))

    def data(self, text: str) -> None:
        if self.leaf is not None:
            self.leaf.text += text

    def end(self, name: str) -> None:
        kind = name.removeprefix(f"{_NAMESPACE} ")
        if self.leaf is not None and kind == self.leaf.kind:
            self.leaves.append(self.leaf)
            self.leaf = None
        elif kind == "lexeme":
            self.found += _lexemes(self.leaves, self.language)
            self.leaves = []

    def refuse(self, *_about: object) -> None:
        raise ValueError("it has a DTD, which is never read")


def lexemes(text: str) -> list[Lexeme]:
    """The entries of a lexicon; ValueError says what is wrong with it."""
    reader = _PlsReader()
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = reader.data, reader.refuse
    try:
        parser.Parse(re.sub(r"^\s*<\?xml.*?\?>", "", text, count=1).encode(), True)
    except expat.ExpatError as error:
        raise ValueError(f"{expat.ErrorString(error.code)} in line {error.lineno}") from error
    return reader.found


def _lexemes(leaves: list[_Leaf], language: str) -> Iterator[Lexeme]:
    words = [leaf.text for leaf in leaves if leaf.kind == "grapheme"]
    said = [leaf for leaf in leaves if leaf.kind != "grapheme"]
    if not words:
        raise ValueError("a lexeme has no grapheme")
    if not said:
        raise ValueError(f"{words[0].strip()!r} has neither phoneme nor alias")
    best = next((leaf for leaf in said if leaf.preferred), said[0])
    if best.kind == "phoneme" and best.alphabet != "ipa":
        raise ValueError(f"{words[0].strip()!r} is written in {best.alphabet!r}: only ipa is read")
    sound = best.text.strip().strip("/")
    for word in words:
        yield Lexeme(word=word, said=f"/{sound}/" if best.kind == "phoneme" else sound, language=language)
