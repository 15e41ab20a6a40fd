"""Reads SSML: paragraphs, with breaks, rates, voices, languages and readings as marks. Entities are never resolved.

Knows what SSML's elements mean, and not how they are spoken.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lxml import etree

from chorus.errors import SourceError
from chorus.reading import PAUSES_MS
from chorus.request import FASTEST, SLOWEST
from chorus.screen_text import printable
from tasks.documents import markup
from tasks.documents.model import USUAL, Document, Draft, ReaderOptions, Run, Tag, audible
from tasks.documents.plain import title_of

_MOST_TAGS = 100_000
"""The most tags, opening and closing; a novel with every sentence marked has a quarter of that."""
_DEEPEST = 40
"""The most levels of elements."""
_MOST_NAMED = 12
"""At most this many kinds of ignored things are named; the others are counted."""
_NAME_CHARS = 40
_NAMED_CHARS = 100
"""The most characters of an element's name, and of its whole description in the list of ignored things."""
_ROOT = "speak"
_LOOKS = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:(?:<\?xml[^>]{0,200}\?>|<!--.{0,2000}?-->|<!DOCTYPE\s+speak[^>]{0,1000}>)\s*)*<speak[\s>/]",
    re.DOTALL,
)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^>\[]{0,1000}>")
_DECLARATIONS = re.compile(rb"<!DOCTYPE[^>\[]{0,1000}\[")
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_BLANKS = re.compile(r"\s+")
_EMPTY_LINE = re.compile(r"[^\S\n]*\n[^\S\n]*\n\s*")
_LENGTH = re.compile(r"\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(m?s)")
_RATE = re.compile(r"([+-]?)(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})(%?)")
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
_STRENGTHS_MS: Mapping[str, int] = {
    "none": 0, "x-weak": PAUSES_MS["clause"], "weak": PAUSES_MS["sentence"], "medium": PAUSES_MS["paragraph"],
    "strong": PAUSES_MS["scene"], "x-strong": PAUSES_MS["chapter"],
}  # fmt: skip
_READINGS = {
    **{word: word for word in ("cardinal", "ordinal", "characters", "fraction", "unit", "date", "time", "telephone",
                               "currency")},
    **dict.fromkeys(("spell-out", "verbatim", "digits", "letters"), "characters"),
    "number": "cardinal",
}  # fmt: skip
"""The values of `interpret-as`, and their names in marks."""
_FORMATS = {
    "date": re.compile(r"dmy|mdy|ymd|ydm|dm|md|ym|my|d|m|y"),
    "time": re.compile(r"(?:h|hm|hms)(?:12|24)?"),
}
"""The readings whose format matters. The country of a telephone number, for example, does not."""
_REPEATED = re.compile(r"([a-z])\1+")
_HARMLESS = frozenset(("emphasis", "w", "token", "mark", "lang"))
_SILENT = frozenset(("meta", "metadata", "lexicon", "lookup", "desc"))
_STOPS = tuple(".!?:;…。！？।\"'”’»)")
_FIXED = frozenset(("say", "phonemes", "as"))


@dataclass(kw_only=True, slots=True)
class _Element:
    """An open element."""

    tag: Tag | None = None
    language: Tag | None = None
    name: str = ""
    rate: float = 1.0
    heard: bool = False
    """Whether it holds any text."""
    silent: bool = False


@dataclass(kw_only=True)
class _Speech:
    """Collects paragraphs from the parser's events. The tree of a malicious file could be too large for memory."""

    file: str
    draft: Draft
    language: str = ""
    root: str = ""
    ignored: Counter[str] = field(default_factory=Counter)
    _open: list[_Element] = field(default_factory=list)
    _runs: list[Run] = field(default_factory=list)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Open an element."""
        if len(self._open) >= _DEEPEST:
            raise SourceError(f"{self.file} has elements more than {_DEEPEST} deep inside each other: flatten it.")
        # Not by lxml's QName, which refuses names that its parser lets through.
        name = tag.rpartition("}")[2]
        if not self._open:
            self.root, self.language = name, attributes.get(_LANG, "")
        above = self._open[-1] if self._open else _Element()
        element = _Element(name=name, rate=above.rate, silent=above.silent or name in _SILENT)
        if self._open and (language := attributes.get(_LANG)):
            element.language = Tag("language", language)
        if meaning := _MEANINGS.get(name):
            meaning(self, element, attributes)
        elif name not in _HARMLESS and not element.silent:
            self.ignored[f"<{name[:_NAME_CHARS]}>"] += 1
        self._open.append(element)

    def data(self, text: str) -> None:
        """Add text. The parser may split it anywhere."""
        if not self._open or self._open[-1].silent:
            return
        if text.strip():
            for element in self._open:
                element.heard = True
        self._runs.append(Run(text, self._tags()))

    def end(self, _: str) -> None:
        """Close an element."""
        element = self._open.pop()
        if element.tag and element.tag.kind == "say" and not element.heard:
            # Without written text the alias is the whole text.
            self._runs.append(Run(element.tag.value, self._tags()))
        if element.name == "s":
            self._sentence()
        elif element.name in ("p", _ROOT):
            self._flush()

    def close(self) -> None:
        """End the document."""
        self._flush()

    def speak(self, element: _Element, _: Mapping[str, str]) -> None:
        """Begin a paragraph. A <speak> inside the document is one as well."""
        element.tag = None
        self._flush()

    def pause(self, _: _Element, attributes: Mapping[str, str]) -> None:
        """Add a pause, by length or strength."""
        written = attributes.get("time", "").strip()
        if match := _LENGTH.fullmatch(written):
            length_ms = float(match[1]) * (1 if match[2] == "ms" else 1000)
            self._runs.append(markup.pause(length_ms, f'<break time="{written}"/>', self.file))
            return
        length_ms = _STRENGTHS_MS.get(attributes.get("strength", "medium"), -1)
        if length_ms > 0:
            self._runs.append(markup.pause(length_ms, "", self.file))
        if written or length_ms < 0:
            self.ignored[f'the length of <break time="{written}">' if written else "the strength of a <break>"] += 1

    def sub(self, element: _Element, attributes: Mapping[str, str]) -> None:
        """Replace the written words."""
        alias = " ".join(attributes.get("alias", "").split())
        element.tag = Tag("say", alias) if alias else None

    def phoneme(self, element: _Element, attributes: Mapping[str, str]) -> None:
        """Set the phonemes of the written words."""
        alphabet, sounds = attributes.get("alphabet", "ipa").strip().lower(), attributes.get("ph", "").strip()
        if alphabet == "ipa" and sounds:
            element.tag = Tag("phonemes", sounds)
        else:
            self.ignored[f"phonemes in {alphabet or 'no alphabet'}" if sounds else "empty phonemes"] += 1

    def say_as(self, element: _Element, attributes: Mapping[str, str]) -> None:
        """Set how figures and letters are read."""
        stated, order = (attributes.get(name, "").strip().lower() for name in ("interpret-as", "format"))
        reading = _READINGS.get(stated)
        if reading is None:
            self.ignored[f'<say-as interpret-as="{stated}">'] += 1
            return
        element.tag = Tag("as", reading)
        if not order or reading not in _FORMATS:
            return
        order = _REPEATED.sub(r"\1", order)  # yyyymmdd is ymd
        if _FORMATS[reading].fullmatch(order):
            element.tag = Tag("as", f"{reading}:{order}")
        else:
            self.ignored[f'the format of <say-as interpret-as="{stated}" format="{order}">'] += 1

    def prosody(self, element: _Element, attributes: Mapping[str, str]) -> None:
        """Set the rate. Pitch and volume cannot be changed with this model."""
        written = attributes.get("rate", "").strip().lower()
        rate = _rate(written)
        if rate:
            element.rate = min(FASTEST, max(SLOWEST, element.rate * rate))
            element.tag = Tag("rate", f"{element.rate:g}")
        elif written:
            self.ignored[f'<prosody rate="{written}">'] += 1
        for name in ("pitch", "range", "contour", "volume", "duration"):
            self.ignored[f"the {name} of <prosody>"] += name in attributes

    def voice(self, element: _Element, attributes: Mapping[str, str]) -> None:
        """Set the voice."""
        name = attributes.get("name", "").strip()
        if re.fullmatch(markup.VOICE, name):
            element.tag = Tag("voice", name)
        else:
            self.ignored[f'<voice name="{name}">' if name else "a <voice> without a name"] += 1

    def _tags(self) -> tuple[Tag, ...]:
        return tuple(tag for element in self._open for tag in (element.language, element.tag) if tag is not None)

    def _sentence(self) -> None:
        """End a sentence, with a pause if no punctuation ends it."""
        said = "".join(run.text for run in self._runs[-8:]).rstrip()
        if said and not said.endswith(_STOPS):
            self._runs.append(markup.pause(PAUSES_MS["sentence"], "", self.file))
        self._runs.append(Run("\n"))

    def _flush(self) -> None:
        """Add the collected text as paragraphs. Blanks are collapsed as in XML, and empty lines separate paragraphs."""
        paragraph: list[Run] = []
        for run in self._runs:
            fixed = any(tag.kind in _FIXED for tag in run.tags)
            first, *others = [run.text] if fixed or run.text == "\n" else _EMPTY_LINE.split(run.text)
            paragraph.append(_spaced(run, first))
            for text in others:
                self.draft.add(paragraph)
                paragraph = [_spaced(run, text)]
        self.draft.add(paragraph)
        self._runs.clear()


_MEANINGS: Mapping[str, Callable[[_Speech, _Element, Mapping[str, str]], None]] = {
    "speak": _Speech.speak, "p": _Speech.speak, "paragraph": _Speech.speak, "s": lambda *_: None,
    "break": _Speech.pause, "sub": _Speech.sub, "phoneme": _Speech.phoneme, "say-as": _Speech.say_as,
    "prosody": _Speech.prosody, "voice": _Speech.voice,
}  # fmt: skip


def looks(data: bytes) -> bool:
    """Whether these bytes begin like SSML."""
    return _LOOKS.match(data[:4096]) is not None


def read(data: bytes, name: str, options: ReaderOptions = USUAL) -> Document:
    """The document in an SSML file; SourceError with the line of a mistake."""
    if data.count(b"<") > _MOST_TAGS:
        raise SourceError(f"{name} has more than {_MOST_TAGS} tags: split it.")
    speech = _Speech(file=name, draft=Draft(options=options))
    _parse(data, speech, options.encoding)
    if speech.root != _ROOT:
        found = f"<{speech.root[:_NAME_CHARS]}> instead of <{_ROOT}>"
        raise SourceError(f"{name} is no SSML: it begins with {found}. Call it .txt, or put <{_ROOT}> around it.")
    chapters, left_out = audible([speech.draft], otherwise=title_of(name))
    return Document(
        title=title_of(name),
        language=speech.language,
        chapters=chapters,
        left_out=(*left_out, *_ignored(+speech.ignored)),
    )


def _ignored(counts: Counter[str]) -> Iterator[str]:
    for what, count in counts.most_common(_MOST_NAMED):
        short = what if len(what) <= _NAMED_CHARS else f"{what[: _NAMED_CHARS - 1]}…"
        yield f"{short}{f', {count} times' if count > 1 else ''} (not understood; its text is read)"
    if len(counts) > _MOST_NAMED:
        yield f"{len(counts) - _MOST_NAMED} other kinds of elements (not understood; their text is read)"


def _parse(data: bytes, speech: _Speech, encoding: str) -> None:
    # Without zero bytes, so that a document type in UTF-16 is found as well.
    if _DECLARATIONS.search(data.replace(b"\0", b"")):
        raise SourceError(f"{speech.file} declares entities of its own: remove its DOCTYPE.")
    parser = etree.XMLParser(
        target=cast("Any", speech),  # it has all methods that lxml calls
        encoding=encoding or None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        # With a document type, lxml would drop an unknown entity without an error.
        etree.fromstring(_DOCTYPE.sub(b"", data, count=1), parser)
    except (etree.XMLSyntaxError, LookupError) as error:
        what = printable(str(error).split(", line ")[0])[:_NAMED_CHARS]
        line = getattr(error, "lineno", 0) or 0
        raise SourceError(f"{speech.file} is not well-formed SSML: line {line}, {what}. Correct it there.") from error


def _spaced(run: Run, text: str) -> Run:
    return run if text == "\n" else Run(_BLANKS.sub(" ", text), run.tags)


def _rate(written: str) -> float:
    """The factor of the speed; 0 if it is not understood."""
    if written in _RATES:
        return _RATES[written]
    match = _RATE.fullmatch(written)
    if match is None:
        return 0.0
    number = float(match[2]) / (100 if match[3] else 1)
    return max(0.0, 1 + number if match[1] == "+" else 1 - number if match[1] else number)
