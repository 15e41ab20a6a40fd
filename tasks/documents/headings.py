"""Cuts a list of paragraphs into chapters at its headings. Knows no file format."""

from collections import Counter
from collections.abc import Iterator

from tasks.documents import sections
from tasks.documents.blocks import Block, kind_of
from tasks.documents.model import Draft, ReaderOptions


def drafts(blocks: list[Block], options: ReaderOptions) -> Iterator[Draft]:
    """The chapters. They begin at the highest level of heading that occurs more than once.

    A single heading above it is the title, and is spoken with the first chapter even behind a table of contents.
    """
    above: list[Block] = []
    for group in _groups(blocks, _deepest(blocks)):
        title = group[0].text if group[0].level else ""
        kind = kind_of(group, sections.of_title(title))
        if all(block.level for block in group):
            above += group
        elif kind:
            yield _draft(group, title, kind, options)
        else:
            yield _draft([*above, *group], title, kind, options)
            above = []
    if above:
        yield _draft(above, above[-1].text, "", options)


def _groups(blocks: list[Block], deepest: int) -> Iterator[list[Block]]:
    """The blocks from one chapter's heading to the next."""
    group: list[Block] = []
    for block in blocks:
        if 0 < block.level <= deepest and group:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _deepest(blocks: list[Block]) -> int:
    times = Counter(block.level for block in blocks if block.level)
    levels = sorted(times)
    repeated = next((level for level in levels if times[level] > 1), 0)
    return repeated or (levels[:2][-1] if levels else 0)


def _draft(group: list[Block], title: str, kind: str, options: ReaderOptions) -> Draft:
    draft = Draft(options=options, title=title, kind=kind)
    for block in group:
        own = "" if block.kind == kind else block.kind
        draft.add(block.runs, heading=block.level > 0, kind=own, continued=block.continued)
    return draft
