"""Understands markup that authors write between words: `[word](/ipa/)`, `[pause:1.5s]`, `[voice:af_bella]`, speakers.

What only looks like markup stays text. Knows no file format: readers pass their text, or single marks in it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from chorus.errors import SourceError
from chorus.reading import LONGEST_PAUSE_MS
from tasks.documents.runs import Run, Tag

_SHARE = r"\w[\w.]{0,60}(?:[(*:]\d{0,6}(?:\.\d{1,6})?%?\)?)?"
VOICE = rf"{_SHARE}(?:[ ]?[+,][ ]?{_SHARE}){{0,7}}"
"""The form of a voice's name or a blend. Whether the voice exists is checked elsewhere."""
_MARKUP = re.compile(
    r"(?P<escape>\\)?"
    r"\[(?:pause:\s*(?P<length>\d{1,9}(?:\.\d{0,9})?)\s*(?P<unit>m?s)"
    rf"|voice:\s*(?P<voice>(?:{VOICE})?)\s*"
    r"|(?P<word>[^\[\]\n]{1,200})\]\(/(?P<ipa>[^/()\[\]\n]{1,200})/\)(?P<closed>))"
    r"(?(closed)|\])"
)
_IPA_SIGNS = frozenset(" .'-|\u2016\u203f\u02c8\u02cc\u02d0\u02d1\u0361\u2191\u2193")
_SPEAKER = re.compile(r"[^\S\n]*([^:\n]{1,60}?)[^\S\n]*:[^\S\n]*")
SOFT = "\r"
"""A line end that only wraps the text. A speaker's line may begin after it; otherwise it is a blank."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """The speakers of a text and their voices, as the front matter lists them."""

    voices: Mapping[str, str] = field(default_factory=dict)

    def starts(self, line: str) -> bool:
        """Whether the line begins with a speaker's name."""
        return self._speaker(line) is not None

    def speeches(self, runs: Iterable[Run]) -> Iterator[list[Run]]:
        """A paragraph split before each speaker's line, without the names, and in the speakers' voices."""
        runs = list(runs)
        if not self.voices:
            yield [_on_one_line(run) for run in runs]
            return
        for lines in filter(None, _speeches(_lines(runs), self)):
            yield [_on_one_line(run) for run in lines]

    def speaker(self, line: list[Run]) -> re.Match[str] | None:
        """The match of a speaker's name at the beginning of the line, up to the first word; None if there is none."""
        plain = line and not line[0].tags and not line[0].kind
        return self._speaker(line[0].text) if plain else None

    def _speaker(self, line: str) -> re.Match[str] | None:
        match = _SPEAKER.match(line) if self.voices else None
        return match if match and match[1].casefold() in self.voices else None


def runs(text: str, name: str) -> list[Run]:
    """The text as runs, with its markup understood. `name` is the file's, for error messages."""
    found: list[Run] = []
    at = 0
    for match in _MARKUP.finditer(text):
        run = understood(match, name)
        if run is not None:
            found += [Run(text[at : match.start()]), run]
            at = match.end()
    return [run for run in (*found, Run(text[at:])) if run.text or run.tags]


def visible(text: str, name: str) -> str:
    """The text without its markup."""
    return "".join(run.text for run in runs(text, name)) if "[" in text else text


def match(text: str, at: int) -> re.Match[str] | None:
    """The markup that begins at this offset, if any. `understood` says what it means."""
    return _MARKUP.match(text, at)


def understood(match: re.Match[str], name: str) -> Run | None:
    """The meaning of markup: a word with its phonemes, a pause, or a change of voice; None if it is text."""
    if match["escape"] is not None:
        return Run(match[0][1:])
    if match["length"] is not None:
        return pause(_milliseconds(match), match[0], name)
    if match["voice"] is not None:
        return Run("", (Tag("voice", match["voice"]),))
    ipa = match["ipa"].strip()
    return Run(match["word"], (Tag("phonemes", ipa),)) if ipa and all(map(_phonetic, ipa)) else None


def pause(length_ms: float, written: str, name: str) -> Run:
    """A silence of this length; SourceError if it is longer than the limit."""
    if length_ms > LONGEST_PAUSE_MS:
        raise SourceError(f"{name} has {written}: write {LONGEST_PAUSE_MS // 1000} seconds at most.")
    return Run("", (Tag("pause", str(round(length_ms))),))


def _milliseconds(match: re.Match[str]) -> float:
    return float(match["length"]) * (1 if match["unit"] == "ms" else 1000)


def _phonetic(char: str) -> bool:
    return char in _IPA_SIGNS or unicodedata.category(char) in ("Ll", "Lu", "Lo", "Lm", "Sk", "Mn")


def _lines(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """The paragraph's lines, each with its line end. Adjacent runs without tags become one."""
    line: list[Run] = []
    for plain, group in groupby(runs, key=lambda run: not run.tags and not run.kind):
        for run in [Run("".join(run.text for run in group))] if plain else group:
            *ended, last = re.split(rf"(?<=[{SOFT}\n])", run.text)
            for text in ended:
                yield [*line, replace(run, text=text)]
                line = []
            line += [replace(run, text=last)] if last or not run.text else []
    yield line


def _speeches(lines: Iterable[list[Run]], cast: Cast) -> Iterator[list[Run]]:
    """The paragraphs: lines without a speaker, and each speech with the following lines that name no speaker."""
    said: list[Run] = []
    voice: Tag | None = None
    for line in lines:
        match = cast.speaker(line)
        if match is None:
            said += line
            continue
        yield list(_in_voice(voice, said))
        said = [Run(line[0].text[match.end() :]), *line[1:]]
        voice = Tag("voice", cast.voices[match[1].casefold()])
    yield list(_in_voice(voice, said))


def _in_voice(voice: Tag | None, runs: Iterable[Run]) -> Iterator[Run]:
    """The runs in a speaker's voice. A change of voice within a speech ends with the speech."""
    now = voice
    for run in runs:
        if voice is not None and not run.text and any(tag.kind == "voice" for tag in run.tags):
            now = run.tags[-1] if run.tags[-1].value else voice
        else:
            yield replace(run, tags=(now, *run.tags)) if now is not None and run.text else run


def _on_one_line(run: Run) -> Run:
    return replace(run, text=run.text.replace(SOFT, " ")) if SOFT in run.text else run
