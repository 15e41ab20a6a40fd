"""A run of paragraphs cut into chapters at its headings. Knows no file format."""

from collections import Counter
from collections.abc import Iterator

from tasks.documents import sections
from tasks.documents.blocks import Block, kind_of
from tasks.documents.model import Draft, Wanted


def drafts(blocks: list[Block], wanted: Wanted) -> Iterator[Draft]:
    """The highest level that stands more than once makes the chapters; what stands alone above it is the title."""
    deepest = _deepest(blocks)
    group: list[Block] = []
    text = False
    for block in blocks:
        # A title directly above its first chapter is spoken with it.
        if 0 < block.level <= deepest and text:
            yield _draft(group, deepest, wanted)
            group, text = [], False
        group.append(block)
        text = text or not block.level
    yield _draft(group, deepest, wanted)


def _deepest(blocks: list[Block]) -> int:
    times = Counter(block.level for block in blocks if block.level)
    levels = sorted(times)
    repeated = next((level for level in levels if times[level] > 1), 0)
    return repeated or (levels[:2][-1] if levels else 0)


def _draft(group: list[Block], deepest: int, wanted: Wanted) -> Draft:
    titles = [block.text for block in group if 0 < block.level <= deepest]
    title = titles[-1] if titles else ""
    draft = Draft(wanted=wanted, title=title, kind=kind_of(group, sections.of_title(title)))
    for block in group:
        kind = "" if block.kind == draft.kind else block.kind
        draft.add(block.runs, heading=block.level > 0, kind=kind, continued=block.continued)
    return draft
