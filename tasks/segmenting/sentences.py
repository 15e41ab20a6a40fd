"""Splits paragraphs into sentences. Knows no phonemes, no documents and nothing of how a sentence is read."""

import re
from collections.abc import Iterator

from sentencex import get_sentence_boundaries

from tasks.documents.model import Span, speakable

_TAIL = 24
"""How many characters before a possible end are looked at to decide whether a sentence ends there."""
_OPENERS = "\"'\u2018\u201c\u00ab\u300c\u300e(["
_DASHES = " \t\n\u00a0\u2013\u2014"
_QUOTES = {"\u201c": "\u201d", "\u300c": "\u300d", "\u300e": "\u300f", "\u00ab": "\u00bb", '"': '"', "\u2018": "\u2019"}
_CASELESS = ("hi", "ja", "zh")
_WIDE_ENDS = "\u3002\uff01\uff1f\u300d\u300f\u201d\u0964\u0965"
"""Signs that end a sentence without a blank after them."""
# What sentencex takes for the end of a sentence and is none: an initial, a title before a name.
_NO_END = re.compile(
    r"(?<!\w)(?:[A-HJ-Z]|[ivx]{1,4}|Dr|Mr|Mrs|Ms|Messrs|Mme|Mlle|St|Ste|Mt|Prof|Capt|Col|Gen|Lt|Sgt|Maj|Rev|Hon|Gov|Sen"
    r"|Sr|Sra|Srta|Dra|Ud|Uds|Sig|Dott|Ing|Avv|vs|cf|[Aa]v|Avda|[Dd]ept|e\.g|i\.e|approx|ca|\u0921\u0949|\u092a\u094d\u0930\u094b|\u092e\u0940)\.\W*$"
)
_BEFORE_NUMBERS = re.compile(
    r"(?<!\w)(?:No|Nos|no|nos|n|p|pp|vol|Vol|ch|Ch|chap|cap|fig|Fig|sec|Sec|art|Art|Op|op|n\u00fam|p\u00e1g|pag|pt|\u092a\u0943)\.\s*$"
)
_LIST_NUMBER = re.compile(r"\s*(?:\d{1,3}|[ivxIVX]{1,5}|[A-Za-z])\.\s*")
# sentencex takes the full stop after most numbers for a part of the number.
_BEHIND_NUMBER = re.compile(
    r"(?<=[\w,:] )[^\W\d_]{0,2}\d[\d.,:]{0,40}\.[\"'\u2019\u201d)]{0,8}\s{1,8}"
    r"(?=[\"'\u2018\u201c(\u00bf\u00a1\u00ab]{0,8}[^\W\d_])"
)
# sentencex does not see the end of a quotation that has words before it.
_BEHIND_QUOTE = re.compile(r"[\u3002\uff01\uff1f][\u201d\u300d\u300f](?=[^\s\u3001\uff0c\u3002])")
_CONTINUES = re.compile(r"[\u300d\u300f\u201d](?:\u3068|\u3063\u3066|\u306a\u3069|\u306e|\u304c|\u3092|\u306f|\u306b)")
"""A Japanese particle after a quotation: the sentence continues with who said it."""
_WORD = re.compile(r"\s*+\S*+")
_WORD_CHARS = 40
"""At most this many characters after a possible end are looked at."""
_LIST_NUMBER_CHARS = 24
_BLANKS = re.compile(r"\s*+")
_SOLID = re.compile(r"\S")
_WINDOW_CHARS = 4000
"""The longest text that sentencex is given: its time grows with the square of a text with many quotation marks."""


def sentences(text: str, start: int, end: int, language: str) -> Iterator[Span]:
    """The sentences between two offsets, in order; only blanks lie between them."""
    code, begin = language.partition("-")[0], start
    for here in _possible_ends(text, start, end, code):
        if here < end and not _ends(text, begin, here, code):
            continue
        yield from trimmed(text, begin, here)
        begin = here
    yield from trimmed(text, begin, end)


def _possible_ends(text: str, start: int, end: int, code: str) -> list[int]:
    """Where a sentence may end: where sentencex says, and after numbers."""
    part = text[start:end]
    found = {start + at for at in _boundaries(part, code)}
    if code not in _CASELESS:
        behind = (
            match.end()
            for match in _BEHIND_NUMBER.finditer(part)
            if part[match.end() : match.end() + _TAIL].lstrip(_OPENERS)[:1].isupper()
        )
        found.update(start + at for at in behind)
    if code in ("ja", "zh"):
        found.update(start + match.end() for match in _BEHIND_QUOTE.finditer(part))
    return sorted(found)


def _boundaries(part: str, code: str) -> Iterator[int]:
    """Where sentencex says that a sentence ends. Of a long paragraph it sees a window at a time.

    Only ends in the first half of a window count, and the next window begins at the last of them: so a quotation of up
    to half a window is seen whole.
    """
    at = 0
    while len(part) - at > _WINDOW_CHARS:
        window = part[at : at + _WINDOW_CHARS]
        ends = [int(boundary["end_index"]) for boundary in get_sentence_boundaries(code, window)]
        kept = [end for end in ends if 0 < end <= _WINDOW_CHARS // 2]
        yield from (at + end for end in kept)
        at += kept[-1] if kept and kept[-1] > _WINDOW_CHARS // 4 else _WINDOW_CHARS // 2
    yield from (at + int(boundary["end_index"]) for boundary in get_sentence_boundaries(code, part[at:]))


def _ends(text: str, begin: int, here: int, code: str) -> bool:
    """Whether a sentence that began at `begin` ends here."""
    tail, following = text[max(begin, here - _TAIL) : here], _word_at(text, here)
    # A lone quotation mark or bracket after a full stop belongs to the sentence before it, a list number to the next.
    if _NO_END.search(tail) or not speakable(following) or _is_list_number(text, begin, here):
        return False
    first = following.lstrip(_DASHES).lstrip(_OPENERS)[:1]
    if _BEFORE_NUMBERS.search(tail) and first.isdigit():
        return False
    if not (text[here - 1].isspace() or text[here].isspace() or text[here - 1] in _WIDE_ENDS):
        return False
    if code in _CASELESS:
        return not (_closes_opening_quote(text, begin, here) or _CONTINUES.match(text, here - 1))
    return not first.islower()


def _closes_opening_quote(text: str, begin: int, here: int) -> bool:
    """Whether all of it is one quotation, so that the sentence continues with who said it."""
    part = next(trimmed(text, begin, here), None)
    if part is None or part.end - part.start < len("“”"):
        return False
    opening, closing = text[part.start], text[part.end - 1]
    if _QUOTES.get(opening) != closing or text.count(closing, part.start, part.end) > 1 + (opening == closing):
        return False
    return _word_at(text, here).lstrip()[:1] not in _QUOTES


def _is_list_number(text: str, begin: int, here: int) -> bool:
    part = next(trimmed(text, begin, here), None)
    short = part is not None and part.end - part.start <= _LIST_NUMBER_CHARS
    return short and part is not None and _LIST_NUMBER.fullmatch(text, part.start, part.end) is not None


def _word_at(text: str, at: int) -> str:
    match = _WORD.match(text, at, at + _WORD_CHARS)
    return match[0] if match else ""


def trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """The span without the blanks around it; none if there are only blanks."""
    first = _SOLID.search(text, start, end)
    if first is None:
        return
    while text[end - 1].isspace():
        end -= 1
    yield Span(start=first.start(), end=end)
