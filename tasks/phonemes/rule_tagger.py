"""Tags English words by rule, with the Penn tags that misaki needs to choose a pronunciation. Knows no phonemes.

misaki reads three fields of a token. Most words in its dictionary have one pronunciation whatever their tag. The tags
that matter are those of articles, `I`, `to`, `in`, currency signs and punctuation, and of words such as record, live,
close or read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.phonemes import homographs
from tasks.phonemes.english_wordlists import CLOSED, words
from tasks.phonemes.grammar import WordPlace, open_class


@dataclass(kw_only=True, slots=True)
class Token:
    """A word or a punctuation mark, with misaki's field names."""

    text: str
    tag_: str = ""
    whitespace_: str = ""
    sound: str = ""
    """Its phonemes, if misaki has only one of its two pronunciations and the other one is right."""


VERSION = 3
"""Increase it whenever a tag changes: phonemes depend on it, and caches use it as part of their keys."""
_ABBREVIATIONS = words("dr. esq. etc. mr. mrs. ms. no. vs.")
_ELISIONS = words("tis twas twere twill em til till cause bout round cept neath ere im er un an ave")

_TOKEN = re.compile(
    r"(?P<open>[\u201c\u00ab\u201e])|(?P<close>[\u201d\u00bb])|(?P<quote>\"+|``|'')|(?P<left>[(\[{])|(?P<right>[)\]}])"
    r"|(?P<colon>[;:\u2014\u2013\u2026]+|\.{2,}|-+(?!\S))|(?P<comma>,+)|(?P<stop>[!?]+|\.(?!\w))"
    r"|(?P<currency>[$\u00a3\u20ac])(?=[\d.,]*\d(?:[^\w.,/-]|[.,]*$))"
    r"|(?P<number>(?>\.?(?:\d+[.,:])*\d+(?:st|nd|rd|th|s)?)(?!\w|[-/'\u2019]\w))"
    r"|(?P<word>(?:[^\s\u201c\u201d\u00ab\u00bb\u201e\"()\[\]{};:!?\u2014\u2013\u2026,$\u00a3\u20ac]|(?<=\d),(?=\d))+)"
    r"|(?P<other>\S)"
)
_TAGS = {
    "open": "``", "close": "''", "left": "-LRB-", "right": "-RRB-", "colon": ":", "comma": ",", "stop": ".",
    "currency": "$", "number": "CD", "other": "SYM",
}  # fmt: skip
_INITIAL = re.compile(r"[A-HJ-Z]\.|(?:[^\W\d_]\.){2,}")
_QUOTES = "'\u2018\u2019"


def tag(text: str) -> list[Token]:
    """The tagged tokens of one sentence. Joined with their whitespace they are the sentence."""
    tokens = list(_tokens(text))
    words, tags = [plain(token.text) for token in tokens], [token.tag_ for token in tokens]
    for at, token in enumerate(tokens):
        token.tag_ = tags[at] = token.tag_ or _tag(tokens, WordPlace(words=words, tags=tags, at=at))
    return tokens


def plain(word: str) -> str:
    """A word as the word lists have it: in lower case, with straight apostrophes."""
    return word.lower().replace("\u2019", "'")


def _tokens(text: str) -> Iterator[Token]:
    """The tokens between blanks, split at punctuation; each knows whether a blank follows."""
    quoted = False
    chunks = text.split()
    for number, chunk in enumerate(chunks, 1):
        tokens: list[Token] = []
        for match in _TOKEN.finditer(chunk):
            kind = match.lastgroup or "other"
            if kind == "word":
                found = _word(match[0], quoted=quoted, last=number == len(chunks) and match.end() == len(chunk))
                quoted = _still_quoted(found, quoted=quoted)
                tokens += found
            elif kind == "quote":
                tokens.append(Token(text=match[0], tag_="''" if match.start() and tokens else "``"))
            else:
                tokens.append(Token(text=match[0], tag_=_TAGS[kind]))
        if number < len(chunks):
            tokens[-1].whitespace_ = " "
        yield from tokens


def _word(word: str, *, quoted: bool, last: bool) -> list[Token]:
    """A word, and the single quotes and the full stop around it as tokens of their own."""
    before, after = [], []
    core = word.lstrip(_QUOTES)
    if not core:
        return [Token(text=word, tag_="''")]
    # The apostrophe of 'tis and '90s belongs to the word.
    own = core[0].isdigit() or core.lower().rstrip(f".{_QUOTES}") in _ELISIONS
    opening = len(word) - len(core) - own
    if opening > 0:
        before, word = [Token(text=word[:opening], tag_="``")], word[opening:]
    core = word.rstrip(_QUOTES)
    if core != word and core and (quoted or before or core.endswith(".")):
        after, word = [Token(text=word[len(core) :], tag_="''")], core
    if word.endswith(".") and word.strip("."):
        keeps = word.lower() in _ABBREVIATIONS or _INITIAL.fullmatch(word)
        if not keeps:
            after, word = [Token(text=".", tag_="."), *after], word[:-1]
        elif last:
            # "Dr." at the end of a sentence is an abbreviation and ends the sentence as well.
            after = [Token(text=".", tag_="."), *after]
    return [*before, Token(text=word), *after]


def _still_quoted(tokens: list[Token], *, quoted: bool) -> bool:
    if tokens[0].tag_ == "``":
        quoted = True
    return quoted and tokens[-1].tag_ != "''"


def _tag(tokens: list[Token], place: WordPlace) -> str:
    at, text = place.at, tokens[place.at].text
    if text[:1].isdigit() or (text[:1] in "-+." and text[1:2].isdigit()):
        return "CD"
    if place.word == "a":
        return _article(tokens, at)
    found = homographs.tag_for(place) or _her(place) or CLOSED.get(place.word) or open_class(place)
    if found.startswith("NN") and text[:1].isupper() and at and tokens[at - 1].tag_ not in (".", "``", ":"):
        # In a line of capitals a name looks like any word, and misaki would spell out a name that it does not know.
        shouting = text.isupper() and any(word.isupper() and word != text for word in (token.text for token in tokens))
        return "NN" if shouting and len(text) > 1 else "NNP"
    return found


def _article(tokens: list[Token], at: int) -> str:
    """In prose a capital A is a letter; in a title or in a line of capitals it is the article."""
    behind = tokens[at + 1].text if at + 1 < len(tokens) else ""
    opens = at == 0 or tokens[at - 1].tag_ in ("``", ":", ".")
    return "DT" if tokens[at].text == "a" or (opens and behind[:1].isalpha()) or behind[:1].isupper() else "NN"


def _her(place: WordPlace) -> str:
    if place.word != "her":
        return ""
    return "PRP$" if place.next_word and place.next_word not in CLOSED else "PRP"
