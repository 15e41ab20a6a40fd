"""Paragraphs into sentences, and a sentence into what the phonemizers can read. Knows no phonemes and no documents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import combining

from sentencex import get_sentence_boundaries

from tasks.documents.model import speakable

_LONGEST_WORD = 40
"""Letters. espeak cuts off words far beyond this, and misaki's time grows with their square."""
_LONGEST_NUMBER = 12
"""Digits. A longer number is no quantity that anyone says: it is read digit by digit."""
_TAIL = 16
"""Characters at a supposed sentence's end that decide whether it is one."""
# What looks like a sentence's end to sentencex and is none: a list's number, an initial, a title before a name.
_NO_END = re.compile(
    r"(?<!\w)(?:\d{1,3}|[A-HJ-Z]|[ivx]{1,4}|Dr|Mr|Mrs|Ms|Messrs|St|Prof|Capt|Col|Gen|Lt|Sgt|Rev|Hon|Sr|Sra|vs)\.\W*$"
)
_WORD = re.compile(r"\s*\S*")
_LINE_END = re.compile(r"\s*\n\s*")
_TITLE_LINE = re.compile(r"\s*\n\s*(?=[^\W\d])")
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_PLAIN = str.maketrans({
    "\u0964": ".", "\u0965": ".", "\u2015": "\u2014", "\u2e3a": "\u2014", "\u2011": "-", "\u2010": "-", "\u00a0": " ",
})  # fmt: skip
_ELLIPSIS = re.compile(r"\.(?: ?\.){2,}")
_DASH = re.compile(r"(?<!-)-{2,3}(?!-)")
# Rules, bullets and marks of emphasis which are there for the eye.
_ORNAMENT = re.compile(
    r"(?<!\S)[*_~=#|+^<>\u2022\u00b7\\/`-]{2,}(?!\S)|(?<![\w*])[_*]{1,3}(?=\w)|(?<=[^\W_])[_*]{1,3}(?!\w)"
)
_DIGITS = re.compile(rf"\d{{{_LONGEST_NUMBER + 1},}}")
_LONG = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
_ROMAN = re.compile(
    r"((?<!\w)(?i:chapter|part|book|volume|letter|act|scene|canto|section|cap[i\u00ed]tulo|chapitre|capitolo|parte|livre"
    r"|libro|livro)\s|^(?=[IVX](?!\w)|\w\w))"
    r"(?=[MDCLXVI])(M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?=$|[.:,;\u2014\n])"
)
_NUMERALS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_TITLES = {
    "St": "Saint",
    "Prof": "Professor",
    "Capt": "Captain",
    "Col": "Colonel",
    "Gen": "General",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Rev": "Reverend",
    "Messrs": "Messieurs",
}
_TITLE = re.compile(rf"(?<!\w)({'|'.join(_TITLES)})\.(?=\s+[^\W\d_])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of a text, its first and last characters no blanks."""

    start: int
    end: int


def sentences(text: str, start: int, end: int, language: str) -> Iterator[Span]:
    """The sentences between two offsets, in order; between them nothing but blanks is left."""
    begin = start
    for boundary in get_sentence_boundaries(language.partition("-")[0], text[start:end]):
        here = start + int(boundary["end_index"])
        tail = text[max(begin, here - _TAIL) : here]
        # A lone quotation mark or bracket behind a full stop belongs before it, a number before what it counts.
        if here < end and (_NO_END.search(tail) or not speakable(_word_at(text, here))):
            continue
        yield from trimmed(text, begin, here)
        begin = here
    yield from trimmed(text, begin, end)


def _word_at(text: str, at: int) -> str:
    match = _WORD.match(text, at)
    return match[0] if match else ""


def trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """The span without blanks around it; none if there is nothing else."""
    piece = text[start:end]
    body = piece.strip()
    if body:
        first = start + len(piece) - len(piece.lstrip())
        yield Span(start=first, end=first + len(body))


def spoken(text: str, language: str, *, heading: bool = False) -> str:
    """The sentence as a phonemizer reads it rightly: nothing a listener would miss is taken away."""
    if heading:
        text = _TITLE_LINE.sub(": ", _ROMAN.sub(lambda match: f"{match[1]}{_number(match[2])}", text))
    text = _UNPRINTED.sub(" ", _LINE_END.sub(" ", text)).translate(_PLAIN)
    text = _ELLIPSIS.sub("\u2026", _DASH.sub("\u2014", text))
    text = _DIGITS.sub(lambda match: " ".join(match[0]), _ORNAMENT.sub(" ", text))
    if language.startswith("en"):
        text = _TITLE.sub(lambda match: _TITLES[match[1]], text)
    text = " ".join(_LONG.sub(_broken, text).split())
    # Without a stop the voice stays up, as if the chapter's first sentence were the heading's second half.
    return f"{text}." if heading and text[-1:].isalnum() else text


def _broken(match: re.Match[str]) -> str:
    """A run without blanks in pieces a phonemizer takes whole, cut at its own marks where it has some."""
    rest, pieces = match[0], []
    while len(rest) > _LONGEST_WORD:
        marks = [at for at, char in enumerate(rest[:_LONGEST_WORD], 1) if not char.isalnum() and not combining(char)]
        cut = marks[-1] if marks else _LONGEST_WORD
        pieces.append(rest[:cut])
        rest = rest[cut:]
    return " ".join((*pieces, rest))


def _number(roman: str) -> int:
    values = [_NUMERALS[letter] for letter in roman]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))
