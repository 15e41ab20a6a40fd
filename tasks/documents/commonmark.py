"""A CommonMark parser with tables, footnotes and our inline markup, which loses no text however deep it is nested.

It gives tokens and does not know how they are read aloud.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from chorus.errors import SourceError
from tasks.documents import markup

_MOST_WORK = 100_000
"""The most work, counted in lines: the parser then takes some seconds and hundreds of megabytes."""
_WORK = {"\n": 1.0, "[": 6.0, "<": 3.0, "|": 0.9, **dict.fromkeys("*_`&\\~", 0.6)}
"""The work for a character, measured in lines of a paragraph, which take about 20 microseconds each."""
_DEEPEST_COLUMNS = 40
_DEEPEST = 2 * _DEEPEST_COLUMNS
"""The deepest nesting that the parser is given; no level takes less than a column. Beyond it text would be lost."""
_PREFIX = re.compile(r"^(?:[ \t>]|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])){41,}", re.MULTILINE)
_NOTE = re.compile(r" {0,3}\[\^([^\]\s]{1,60})\]:[ \t]*(.*)")
_REFERENCE = re.compile(r"\[\^([^\]\s]{1,60})\](?!:)")
_BODY_INDENT = re.compile(r" {1,4}|\t")
_NOTES = "notes"
_NAME = "name"


def tokens(text: str, name: str) -> list[Token]:
    """The document's tokens. `footnote_open` and `footnote_close` enclose a note; `speech` has a Run in its meta."""
    if sum(text.count(sign) * work for sign, work in _WORK.items()) > _MOST_WORK:
        raise SourceError(f"{name} has too many lines and signs to be read as Markdown: split it or call it .txt.")
    return _parser().parse(_PREFIX.sub(_flattened, text), {_NAME: name, _NOTES: set()})


def _flattened(match: re.Match[str]) -> str:
    """The prefix of a line, without the levels beyond the deepest nesting."""
    return match[0].expandtabs(4)[:_DEEPEST_COLUMNS]


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST + 20}).enable(["table", "strikethrough"])
    parser.block.ruler.before("reference", "footnote", _note, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.before("link", "footnote_ref", _reference)
    parser.inline.ruler.before("link", "speech", _speech)
    return parser


def _note(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Parse a footnote's body: its first line, the lines that continue it, and indented paragraphs after it."""
    match = _NOTE.fullmatch(state.src, state.bMarks[first] + state.tShift[first], state.eMarks[first])
    if match is None:
        return False
    if silent:
        return True
    lines = [match[2]]
    line = first + 1
    while line < last and (_wraps(state, line) or _indented(state, line, last)):
        text = state.src[state.bMarks[line] : state.eMarks[line]]
        lines.append(_BODY_INDENT.sub("", text, count=1))
        line += 1
    state.env[_NOTES].add(match[1])
    state.push("footnote_open", "", 1)
    # Notes inside notes are not parsed: each level would need a recursion.
    state.md.block.parse("\n".join(lines).replace("[^", "\\[^"), state.md, state.env, state.tokens)
    state.push("footnote_close", "", -1)
    state.line = line
    return True


def _wraps(state: StateBlock, line: int) -> bool:
    """Whether a line directly below continues the note's paragraph."""
    start = state.bMarks[line] + state.tShift[line]
    return not state.isEmpty(line) and not state.isEmpty(line - 1) and not _NOTE.match(state.src, start)


def _indented(state: StateBlock, line: int, last: int) -> bool:
    """Whether this line, or the next that is not empty, is indented like a note's later paragraphs."""
    while line < last and state.isEmpty(line):
        line += 1
    return line < last and state.sCount[line] - state.blkIndent >= len("    ")


def _reference(state: StateInline, silent: bool) -> bool:
    match = _REFERENCE.match(state.src, state.pos)
    if match is None or match[1] not in state.env[_NOTES]:
        return False
    if not silent:
        state.push("footnote_ref", "", 0)
    state.pos = match.end()
    return True


def _speech(state: StateInline, silent: bool) -> bool:
    match = markup.match(state.src, state.pos)
    # `/guide/` is a path; `/ˈɡaɪd/` is a pronunciation.
    if match is None or (match["ipa"] or "ˈ").isascii():
        return False
    run = markup.understood(match, state.env[_NAME])
    if run is None:
        return False
    if not silent:
        state.push("speech", "", 0).meta["run"] = run
    state.pos = match.end()
    return True
