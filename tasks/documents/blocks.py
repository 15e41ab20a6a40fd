"""One paragraph of a marked-up document, before it becomes part of a chapter. Knows neither markup nor chapters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from chorus.reading import SKIPPABLE
from tasks.documents.runs import Run, clean

# An empty line inside <pre>, or two <br>, separate paragraphs.
_BREAK = re.compile(r"\n[^\S\n]*\n\s*")

_SECTIONS = frozenset(SKIPPABLE) - {"tables"}
_LINKED_SHARE = 0.5
"""A section with a smaller share of its characters in links is no table of contents, whatever its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One paragraph or heading."""

    runs: tuple[Run, ...]
    level: int = 0
    """The level of a heading, from 1; 0 for any other paragraph."""
    anchors: tuple[str, ...] = ()
    """The ids at its beginning, or between the previous block and it. A link to one of them leads here."""
    kind: str = ""
    """The kind of section or element that it is part of: a word of chorus.reading.SKIPPABLE, or `code`."""
    continued: bool = False
    """Whether it belongs to the same note, table or code block as the block before."""
    linked_chars: int = 0
    """The number of its characters that are in links; a table of contents consists of links."""

    @property
    def text(self) -> str:
        """Its text, with the alternative texts of pictures."""
        return clean("".join(run.text for run in self.runs))


def split(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs of a paragraph, split at empty lines."""
    runs = list(runs)
    text = "".join(run.text for run in runs)
    cuts = [match.span() for match in _BREAK.finditer(text)]
    if not cuts:
        return [runs]
    parts: list[list[Run]] = [[]]
    at = 0
    for run in runs:
        end = at + len(run.text)
        while cuts and cuts[0][0] < end:
            start, after = cuts[0]
            if start >= at:
                parts[-1].append(replace(run, text=text[at:start]))
                parts.append([])
            at = min(after, end)
            if after > end:
                break
            cuts.pop(0)
        parts[-1].append(replace(run, text=text[at:end]))
        at = end
    return parts


def kind_of(blocks: list[Block], otherwise: str) -> str:
    """The kind of all blocks of a section, else `otherwise`; `contents` only if most of the text is links."""
    kinds = {block.kind for block in blocks}
    if len(kinds) == 1 and (kind := kinds.pop()) in _SECTIONS:
        return kind
    if otherwise != "contents":
        return otherwise
    linked = sum(block.linked_chars for block in blocks)
    chars = sum(len(block.text) for block in blocks if not block.level)
    return otherwise if linked > _LINKED_SHARE * chars else ""
