"""Rules for text that looks like numbers to later rules: web and mail addresses, paths, versions, telephone numbers.

Knows how addresses are built. The words for their marks come from the language's table.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tasks.normalise.rewriting import Rule

_WORDY = frozenset(
    "com org net gov info shop blog online store app dev museum name pro news wiki zip co mil int biz".split()
)
"""Top-level domains that are read as words; the others are spelled."""
_BARE = (
    "com org net edu gov info io co uk de fr es it eu ca au jp cn in br ru ch nl se pl at be nz ie za us tv app"
    " dev ai biz mil blog"
).split()
_UNWRITTEN = frozenset(("in", "us", "it", "at", "be", "es", "co", "app", "mil"))
"""Top-level domains that are also words. Without `www.` or a path they are the first word of the next sentence."""
_SPELLED = frozenset(
    "www api html htm php pdf faq ftp http https rss url id js css xml sql csv png jpg gif svg txt md py cpp exe mp doc"
    " docx xls xlsx ppt pptx epub usr tmp cfg ini yml wav ogg m4b mp3 mp4 uk eu io ai tv".split()
)
_SAID = {"json": "jason", "jpeg": "J peg", "md": "M D", "txt": "T X T", "exe": "E X E", "yaml": "yaml", "toml": "toml"}
_FILES = (
    "pdf|docx?|xlsx?|pptx?|txt|md|html?|php|css|js|ts|py|rs|go|java|c|h|cpp|json|xml|ya?ml|toml|csv|tsv|zip|tar|gz|exe"
    "|png|jpe?g|gif|svg|mp3|mp4|wav|flac|m4b|ogg|epub|sh|sql|ini|cfg|log|lock"
)
_LABEL = r"[^\W_](?:[\w-]{0,62})"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{0,8}}"
_PATH = r"(?:[/?#][^\s<>\"\u201c\u201d\u00ab\u00bb\ue000]{0,2000})?"
_TAIL = ".,;:!?)]}'\"\u2019\u201d\u2026*_"
_URL = re.compile(
    rf"(?<![\w@.])(?i:(?P<scheme>https?|ftp|file)://)(?P<user>[\w.-]{{1,64}}@)?(?P<host>"
    rf"{_HOST})(?P<port>:[0-9]{{1,5}})?(?P<path>{_PATH})"
)
_WWW = re.compile(rf"(?<![\w@.])(?P<host>(?i:www)\.{_HOST}\.[a-z]{{2,12}})(?P<port>:[0-9]{{1,5}})?(?P<path>{_PATH})")
_BARE_HOST = re.compile(
    rf"(?<![\w@./-])(?P<host>{_LABEL}(?:\.{_LABEL}){{0,4}}\.(?P<end>{'|'.join(_BARE)}))"
    rf"(?P<port>:[0-9]{{1,5}})?(?![\w@-]|\.\w)(?P<path>{_PATH})"
)
_LOCAL = re.compile(
    rf"(?<![\w@./-])(?P<host>localhost|[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}})(?P<port>:[0-9]{{1,5}})(?P<path>{_PATH})"
)
_MAIL = re.compile(
    rf"(?<![\w.+@-])(?:mailto:)?(?P<name>[\w][\w.+%-]{{0,63}})@(?P<host>{_HOST}\.[A-Za-z]{{2,12}})(?![\w@])"
)
_FILE = re.compile(
    rf"(?<![\w./\\-])(?P<file>(?:[\w.-]{{1,64}}/){{0,8}}[\w-]{{1,64}}(?:\.[\w-]{{1,32}}){{0,2}}\.(?:{_FILES}))(?![\w/\\-]|\.\w)"
)
_UNIX = re.compile(
    r"(?<![\w./])(?P<path>(?:~|\.{1,2})?(?:/[\w.~+-]{1,64}){2,16}/?|(?:~|\.{1,2})(?:/[\w.+-]{1,64})+/?)(?![\w/])"
)
_WINDOWS = re.compile(r"(?<!\w)(?P<path>[A-Za-z]:\\[\w.\\ -]{0,100}[\w])")
_VERSION = re.compile(r"(?<![\w.,])(?P<v>[vV]?)(?P<digits>[0-9]{1,5}(?:\.[0-9]{1,5}){2,4})(?![\w]|\.[0-9])")
_VERSIONED = re.compile(r"(?<![\w.,])(?P<v>v)(?P<digits>[0-9]{1,4}(?:\.[0-9]{1,4})?)(?![\w]|\.[0-9])")
_PHONES = tuple(map(re.compile, (
    r"(?<![\w.+(-])(?P<phone>\+[0-9]{1,3}(?:[ .\-/\u2011]?\(?[0-9]{1,5}\)?){2,6})(?![\w-])",
    r"(?<![\w.+-])(?P<phone>(?:1[-. ])?\([0-9]{3}\)[ -]?[0-9]{3}[-. ][0-9]{4})(?![\w-])",
    r"(?<![\w.+-])(?P<phone>(?:1[-. ])?[0-9]{3}[-. ][0-9]{3}[-. ][0-9]{4})(?![\w-])",
    r"(?<![\w.+-])(?P<phone>(?:1[-. ])?[0-9]{3}([-.])[0-9]{3}\2[0-9]{4})(?![\w-])",
    r"(?<![\w.+$£€-])(?P<phone>[0-9]{3}-[0-9]{4})(?![\w-])",
    r"(?<![\w.+$£€-])(?P<phone>\(?0[0-9]{2,4}\)?[ -][0-9]{3,4}(?:[ -][0-9]{3,4})?)(?![\w-])",
    r"(?<![\w.+$£€-])(?P<phone>[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{4}([ -])[0-9]{4}\2[0-9]{4}\2[0-9]{4})(?![\w-])",
    r"(?<=ISBN )(?P<phone>97[89](?:[- ]?[0-9]{1,7}){3}[- ]?[0-9X]|[0-9][0-9-]{8,12}[0-9X])(?!\w)",
    r"(?<![\w.+$£€-])(?P<phone>0[0-9](?:[ .][0-9][0-9]){4})(?![\w-])",
    r"(?i:(?<=\bcall )|(?<=\bdial )|(?<=\bphone )|(?<=\bcalled ))(?P<phone>[19]11|999|112|101|411)(?!\w)",
)))  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkNames:
    """The names of the marks in addresses, and how letters and figures are read, in one language."""

    names: Mapping[str, str]
    """The names by mark: `.` is dot, `/` slash."""
    number: Callable[[str], str]
    """A run of digits in words."""
    digits: Callable[[str], str]
    """Digits one by one. Other characters between them separate groups."""
    plus: str
    letters: Callable[[str], str] = lambda text: ".".join(text.upper())
    """Letters one by one."""
    version: str = ""
    """The word for a `v` before a number."""


def rules(marks: MarkNames) -> Iterator[Rule]:
    """The rules, which run before all others."""
    for pattern in (_URL, _WWW, _LOCAL, _MAIL, _BARE_HOST):
        yield Rule(kind="addresses", pattern=pattern, say=lambda match: _address(match, marks))
    for pattern in (_WINDOWS, _UNIX):
        yield Rule(kind="addresses", pattern=pattern, say=lambda match: _said(match["path"], marks))
    yield Rule(kind="addresses", pattern=_FILE, say=lambda match: _said(match["file"], marks))
    for pattern in _PHONES:
        yield Rule(kind="phones", pattern=pattern, say=lambda match: _phone(match["phone"], marks), needs="digits")
    yield Rule(kind="numbers", pattern=_VERSION, say=lambda match: _version(match, marks), needs="digits")
    if marks.version:
        yield Rule(kind="numbers", pattern=_VERSIONED, say=lambda match: _version(match, marks), needs="digits")


def _phone(text: str, marks: MarkNames) -> str:
    plus, rest = ("", text) if text[0] != "+" else (f"{marks.plus} ", text[1:])
    letters = f" {rest[-1]}" if rest[-1].isalpha() else ""
    return plus + marks.digits(rest) + letters


def _version(match: re.Match[str], marks: MarkNames) -> str | None:
    parts = match["digits"].split(".")
    # A number with dots between its thousands is no version either.
    if not marks.version and len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:]):
        return None
    # A date with dots is no version.
    if len(parts) == 3 and len(parts[2]) == 4 and not match["v"]:
        return None
    joint = f" {marks.names['.']} " if len(parts) == 4 or not marks.version else " point "
    head = f"{marks.version} " if match["v"] else ""
    return head + joint.join(map(marks.number, parts))


def _address(match: re.Match[str], marks: MarkNames) -> str | None:
    """An address as a person reads it aloud: without scheme and final slash."""
    fields = match.groupdict()
    host = fields["host"]
    bare = "end" in fields
    if bare and fields["end"] in _UNWRITTEN and not fields["path"]:
        return None
    said = _said(host, marks, ending=True)
    if fields.get("name"):
        return f"{_said(fields['name'], marks)} {marks.names['@']} {said}"
    if fields.get("user"):
        said = f"{_said(fields['user'], marks)} {said}"
    if fields["port"]:
        said = f"{said} {_said(fields['port'], marks)}"
    path = fields["path"].rstrip(_TAIL)
    trailing = fields["path"][len(path) :]
    path = path.rstrip("/")
    return " ".join(filter(None, (said, _said(path, marks)))) + _punctuation(trailing)


def _punctuation(trailing: str) -> str:
    return trailing.translate(dict.fromkeys(map(ord, "*_")))


_PARTS = re.compile(r"%[0-9A-Fa-f]{2}|[0-9]+|[^\W\d_]+|[^\w\s]|_|\w")
_LONGEST = 12


def _said(text: str, marks: MarkNames, *, ending: bool = False) -> str:
    """A part of an address in words: letters, figures, marks."""
    parts = _PARTS.findall(text)
    words = [_part(part, marks) for part in parts]
    if ending and len(parts) > 2 and parts[-2] == ".":
        words[-1] = parts[-1].lower() if parts[-1].lower() in _WORDY else marks.letters(parts[-1])
    return " ".join(words)


def _part(part: str, marks: MarkNames) -> str:
    if part in marks.names:
        return marks.names[part]
    if part[0] == "%":
        return f"{marks.names['%']} {' '.join(part[1:])}"
    if part.isdecimal() and part.isascii():
        return marks.number(part) if len(part) <= _LONGEST else marks.digits(part)
    if part.lower() in _SAID:
        return _SAID[part.lower()]
    short = len(part) == 1 or part.lower() in _SPELLED or not set("aeiouy") & set(part.lower())
    return marks.letters(part) if short and part.isascii() else part
