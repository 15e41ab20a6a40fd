"""`chorus phonemize`: how a text would be pronounced, sentence by sentence and word by word, and by which backend.

Parses, calls, prints. Speaks nothing and needs no server.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chorus import options
from chorus.errors import SourceError
from chorus.request import Request, Wishes
from chorus.screen_text import escaped
from chorus.sources import read_text
from chorus.terminal import tell

if TYPE_CHECKING:
    from tasks.documents.model import Chapter
    from tasks.phonemes.marked_sentence import Word
    from tasks.phonemes.phonemize import Explained, Rules

MOST_BYTES = 1 << 20
"""The longest text that is accepted, several chapters. A whole book is for `inspect` and `render`."""

Text = Annotated[str, typer.Argument(metavar="TEXT", help="What to say; `-` reads it from standard input.")]


@dataclass(frozen=True, kw_only=True)
class ExplainedLine:
    """One sentence with its pronunciation."""

    written: str
    language: str
    explained: "Explained"

    def facts(self) -> dict[str, Any]:
        """What `--json` prints."""
        said = self.explained
        return {
            "text": self.written,
            "language": self.language,
            "reading": said.reading.text,
            "phonemes": said.phonemes.text,
            "tokens": said.phonemes.tokens,
            "backend": said.phonemes.backend,
            "unknown": list(said.phonemes.unknown),
            "words": [self._word(word) for word in said.words],
        }

    def _word(self, word: "Word") -> dict[str, Any]:
        span = self.explained.reading.source(word.start, word.end)
        return {
            "said": word.text,
            "written": self.written[span.start : span.end],
            "start": span.start,
            "end": span.end,
            "phonemes": word.phonemes,
            "backend": word.backend,
        }


@options.with_wishes(only=("voice", "language", "as_written", "lexicon"))
def phonemize(
    text: Text,
    *,
    wishes: Wishes,
    as_json: options.AsJson = False,
) -> None:
    """Show how a text will be read. What is spoken for it, its phonemes, and which backend gave each word's."""
    from chorus.languages import for_voice  # noqa: PLC0415 - as for every command
    from tasks.phonemes.phonemize import Rules, check  # noqa: PLC0415

    request = Request(**wishes)
    spoken = request.language or for_voice(request.voice)
    check(spoken)
    given = read_text(MOST_BYTES, advice="give a part of it, or `chorus inspect` the book") if text == "-" else text
    if not given.strip():
        raise SourceError("The text is empty: give it as an argument, or give `-` and write it to standard input.")
    show = _print_json if as_json else _print
    for line in lines(given, spoken, Rules.of(request)):
        show(line)
    if not as_json:
        _tell_backends(spoken)


def lines(text: str, language: str, rules: "Rules") -> Iterator[ExplainedLine]:
    """The sentences of a text, which is read like a text file."""
    from tasks import documents  # noqa: PLC0415 - see above

    for chapter in documents.read(text.encode("utf-8", "replace"), "text.txt").chapters:
        yield from _chapter(chapter, language, rules)


def _chapter(chapter: "Chapter", language: str, rules: "Rules") -> Iterator[ExplainedLine]:
    from tasks.phonemes.phonemize import explain  # noqa: PLC0415
    from tasks.segmenting.marks import Marks  # noqa: PLC0415 - see above
    from tasks.segmenting.sentences import sentences  # noqa: PLC0415

    marks = Marks(chapter)
    for paragraph in chapter.paragraphs():
        for span in sentences(chapter.text, paragraph.start, paragraph.end, language):
            written = chapter.text[span.start : span.end]
            said = explain(written, language, heading=paragraph.heading, marks=marks.within(span), rules=rules)
            yield ExplainedLine(written=written, language=language, explained=said)


def _print_json(line: ExplainedLine) -> None:
    tell(json.dumps(line.facts(), ensure_ascii=False))


def _print(line: ExplainedLine) -> None:
    facts = line.facts()
    tell(f"text      {facts['text']}")
    if facts["reading"] != facts["text"]:
        tell(f"read as   {facts['reading']}")
    tell(f"phonemes  {facts['phonemes']}  ({facts['tokens']} tokens)")
    table = Table("written", "at", "read as", "phonemes", "backend", box=None, padding=(0, 2, 0, 0))
    for word in facts["words"]:
        at = f"{word['start']}–{word['end']}"
        shown = (word["written"], at, word["said"], word["phonemes"], word["backend"])
        table.add_row(*map(escaped, shown))
    Console(markup=False, emoji=False, highlight=False).print(table)
    if facts["unknown"]:
        tell(f"unknown   {', '.join(facts['unknown'])}")
    tell("")


def _tell_backends(language: str) -> None:
    from tasks.phonemes.backends import release  # noqa: PLC0415 - see above

    tell(f"{language}: {release(language)}")
