"""English words with their Penn tags, by rule: just what misaki needs to choose a pronunciation. Knows no phonemes.

misaki reads three fields of a token. Nearly all of its dictionary is indifferent to tags: what matters is that
articles, `I`, `to`, `in`, currency signs and punctuation are right, and that record, live, close or read are told
apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(kw_only=True, slots=True)
class Token:
    """A word or a mark, with misaki's own field names."""

    text: str
    tag_: str = ""
    whitespace_: str = ""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_CLOSED = {
    word: tag
    for tag, words in {
        "DT": "a an the this these those every each some any no all both another either neither",
        "PRP$": "my your his its our their thy",
        "PRP": (
            "i you he she it we they me him them us thee thou ye myself himself herself itself themselves i'm "
            "i'll i've i'd you're you'll you've he's he'll she's she'll it's it'll we're we'll they're they'll"
        ),
        "TO": "to",
        "IN": (
            "in of on at by for from with without into onto upon about above across after against among around as "
            "before behind below beneath beside between beyond despite during except inside like near off over "
            "past since than through throughout toward towards under until unto up within if because although "
            "though while whether unless that vs vs."
        ),
        "CC": "and or but nor yet so",
        "MD": (
            "can could will would shall should may might must can't couldn't won't wouldn't shan't shouldn't "
            "mustn't cannot do does did don't doesn't didn't let let's i'll you'll he'll she'll we'll they'll"
        ),
        "VBZ": "is has isn't hasn't",
        "VBP": "am are have aren't haven't",
        "VBD": "was were had wasn't weren't hadn't",
        "VB": "be",
        "VBN": "been",
        "VBG": "being",
        "WP": "who whom what which whose",
        "WRB": "when where why how",
        "EX": "there",
        "RB": (
            "not never always often also very too still just now then here only even ever soon again almost quite "
            "rather really usually perhaps already once twice n't"
        ),
        "JJ": (
            "good new old great little big small own other same such many much more most few last first next "
            "whole several young long high low early late large human public dead red white black daily fresh "
            "final"
        ),
        "CD": (
            "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred "
            "thousand million billion trillion dozen"
        ),
    }.items()
    for word in words.split()
}
"""Words of one class, or of one that matters here."""
VERSION = 2
"""Counted up whenever a tag changes: it is part of what phonemes depend on."""
_BE = _set("is are was were am be been being isn't aren't wasn't weren't it's he's she's i'm you're we're they're")
_HAVE = _set("have has had having haven't hasn't hadn't i've you've we've they've i'd")
_SUBJECTS = _set("i you we they who he she it that which people")
_PAST = _set(
    "was were had did said told went came saw took made knew thought found gave got left stood sat felt ran began kept"
    " yesterday ago last earlier once"
)
_NOUNS_OPEN = frozenset(("DT", "PRP$", "JJ", "CD", "IN", "POS"))
_VERBS_OPEN = frozenset(("TO", "MD", "WP"))
_OBJECTS_OPEN = frozenset(("DT", "PRP$", "PRP"))
# Whose adjective sounds like neither noun nor verb, or like the noun where the verb is expected after "to be".
_ADJECTIVES = _set(
    "absent abstract alternate animate appropriate approximate articulate bass close compact content deliberate diffuse"
    " duplicate elaborate frequent graduate incarnate intimate invalid learned live minute moderate perfect present"
    " separate subject"
)
_ABBREVIATIONS = _set("dr. esq. etc. mr. mrs. ms. no. vs.")
_ELISIONS = _set("tis twas twere twill em til till cause bout round cept neath ere im er un an ave")

_PIECE = re.compile(
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
    """The tokens of one sentence, tagged; joined with their whitespace they are the sentence."""
    tokens = list(_tokens(text))
    words = [token.text.lower().replace("\u2019", "'") for token in tokens]
    for index, token in enumerate(tokens):
        token.tag_ = token.tag_ or _tag(tokens, words, index)
    return tokens


def _tokens(text: str) -> Iterator[Token]:
    """The pieces between blanks, cut where a mark stands; each knows whether a blank follows."""
    quoted = False
    chunks = text.split()
    for number, chunk in enumerate(chunks, 1):
        pieces: list[Token] = []
        for match in _PIECE.finditer(chunk):
            kind = match.lastgroup or "other"
            if kind == "word":
                found = _word(match[0], quoted=quoted, last=number == len(chunks) and match.end() == len(chunk))
                quoted = _still_quoted(found, quoted=quoted)
                pieces += found
            elif kind == "quote":
                pieces.append(Token(text=match[0], tag_="''" if match.start() and pieces else "``"))
            else:
                pieces.append(Token(text=match[0], tag_=_TAGS[kind]))
        if number < len(chunks):
            pieces[-1].whitespace_ = " "
        yield from pieces


def _word(piece: str, *, quoted: bool, last: bool) -> list[Token]:
    """A word without the single quotes and the full stop around it."""
    before, after = [], []
    core = piece.lstrip(_QUOTES)
    if not core:
        return [Token(text=piece, tag_="''")]
    # The apostrophe of 'tis and '90s is the word's own.
    own = core[0].isdigit() or core.lower().rstrip(f".{_QUOTES}") in _ELISIONS
    opening = len(piece) - len(core) - own
    if opening > 0:
        before, piece = [Token(text=piece[:opening], tag_="``")], piece[opening:]
    core = piece.rstrip(_QUOTES)
    if core != piece and core and (quoted or before or core.endswith(".")):
        after, piece = [Token(text=piece[len(core) :], tag_="''")], core
    if piece.endswith(".") and piece.strip("."):
        keeps = piece.lower() in _ABBREVIATIONS or _INITIAL.fullmatch(piece)
        if not keeps:
            after, piece = [Token(text=".", tag_="."), *after], piece[:-1]
        elif last:
            # "Dr." at the end is both an abbreviation and the end.
            after = [Token(text=".", tag_="."), *after]
    return [*before, Token(text=piece), *after]


def _still_quoted(tokens: list[Token], *, quoted: bool) -> bool:
    if tokens[0].tag_ == "``":
        quoted = True
    return quoted and tokens[-1].tag_ != "''"


def _tag(tokens: list[Token], words: list[str], at: int) -> str:
    word, text = words[at], tokens[at].text
    before = _before(tokens, words, at)
    after = words[at + 1] if at + 1 < len(words) else ""
    if text[:1].isdigit() or (text[:1] in "-+." and text[1:2].isdigit()):
        return "CD"
    if word == "a":
        # In a line of prose a capital A is a letter; in a title or in capitals it is the article.
        titled = at + 1 < len(tokens) and tokens[at + 1].text[:1].isupper()
        return "DT" if text == "a" or (at == 0 and after[:1].isalpha()) or titled else "NN"
    if word in _SPECIAL:
        return _SPECIAL[word](before, after, words, at)
    if word in _CLOSED:
        return _CLOSED[word]
    found = _open_class(word, before, after, tokens[at - 1].tag_ if at else "")
    if found.startswith("NN") and text[:1].isupper() and at and tokens[at - 1].tag_ not in (".", "``", ":"):
        # In a line of capitals nothing tells a name, and a name unknown to the dictionary would be spelled out.
        shouting = text.isupper() and any(word.isupper() and word != text for word in (token.text for token in tokens))
        return "NN" if shouting and len(text) > 1 else "NNP"
    return found


def _before(tokens: list[Token], words: list[str], at: int) -> str:
    """The word before, adverbs and quotes skipped, for they tell nothing about what may follow."""
    while at and (tokens[at - 1].tag_ in ("RB", "``", "''") or words[at - 1].endswith("n't")):
        if words[at - 1].endswith("n't"):
            return words[at - 1]
        at -= 1
    return words[at - 1] if at else ""


def _open_class(word: str, before: str, after: str, tag_before: str) -> str:
    """Noun, verb, adjective or adverb, by what stands around the word and then by its ending."""
    known = _CLOSED.get(before, tag_before)
    if word in _ADJECTIVES and _is_adjective(word, before, known, after):
        return "JJ"
    if before == "to" or known in _VERBS_OPEN or (before in _SUBJECTS and known != "DT"):
        return _verb(word)
    if known in _NOUNS_OPEN:
        return "NN"
    if before in _HAVE or before in _BE:
        return _participle(word) or "NN"
    if word.endswith("ly"):
        return "RB"
    # With an object behind it and no verb before it, this is the verb.
    verb = _CLOSED.get(after) in _OBJECTS_OPEN and not tag_before.startswith("VB")
    return _participle(word) or (_verb(word) if verb else "NN")


def _participle(word: str) -> str:
    return "VBG" if word.endswith("ing") else "VBN" if word.endswith("ed") else ""


def _is_adjective(word: str, before: str, known: str, after: str) -> bool:
    noun_behind = after[:1].isalpha() and after not in _CLOSED
    if word == "live":
        return known in _NOUNS_OPEN and noun_behind
    return (known in _NOUNS_OPEN and noun_behind) or before in _BE or before in ("very", "so", "too", "more", "most")


def _verb(word: str) -> str:
    if word.endswith(("ing", "ed")):
        return "VBG" if word.endswith("g") else "VBD"
    return "VBZ" if word.endswith("s") and not word.endswith("ss") else "VB"


def _read(before: str, _after: str, words: list[str], at: int) -> str:
    if before in _HAVE or before in _BE:
        return "VBN"
    if _CLOSED.get(before) in ("TO", "MD") or not before:
        return "VB"
    if _CLOSED.get(before) in _NOUNS_OPEN:
        return "NN"
    past = any(word in _PAST or word.endswith("ed") for word in (*words[:at], *words[at + 1 :]))
    return "VBD" if past or before not in ("i", "you", "we", "they", "who") else "VB"


def _wound(before: str, after: str, _words: list[str], _at: int) -> str:
    if _CLOSED.get(before) in _NOUNS_OPEN:
        return "NN"
    turned = after in ("up", "down", "around", "round", "through", "its", "his", "her", "their", "the", "into", "on")
    return "VBD" if turned else "NN"


def _used(before: str, after: str, words: list[str], at: int) -> str:
    if after != "to":
        return "VBN"
    if before not in _BE:
        return "VBD"
    behind = words[at + 2] if at + 2 < len(words) else ""
    accustomed = behind.endswith("ing") or _CLOSED.get(behind) in _OBJECTS_OPEN
    return "JJ" if accustomed else "VBN"


def _that(before: str, after: str, _words: list[str], _at: int) -> str:
    alone = not after[:1].isalpha() or after in _BE or _CLOSED.get(after) == "MD"
    return "DT" if _CLOSED.get(before) == "IN" or (alone and not before) or not after[:1].isalpha() else "IN"


_SPECIAL = {"read": _read, "reread": _read, "wound": _wound, "used": _used, "that": _that}
