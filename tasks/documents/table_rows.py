"""Turns a table into text that a listener can follow: row by row, each cell with its heading. Knows no markup."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tasks.documents.blocks import Block
from tasks.documents.runs import Run

_HEAD_CHARS = 30
_HEADS_CHARS = 80
"""Longer headings are spoken once and not with every row."""
_CELL_CHARS = 300
"""A longer cell is prose, and its row is used for layout."""


def row(cells: Iterable[tuple[Run, ...]], heads: tuple[str, ...] = ()) -> Iterator[Run]:
    """The runs of a row: `Ann, 30`, or with headings `Name: Ann; Age: 30`. Empty cells are left out."""
    said = [(at, cell) for at, cell in enumerate(cells) if any(run.text.strip() for run in cell)]
    for number, (at, cell) in enumerate(said):
        if number:
            yield Run("; " if heads else ", ")
        if heads and heads[at]:
            yield Run(f"{heads[at]}: ")
        yield from cell


def short_heads(cells: list[str]) -> tuple[str, ...]:
    """The headings to speak with every row; empty if they are too long for that, or only one."""
    short = (
        all(len(cell) <= _HEAD_CHARS and "\n" not in cell for cell in cells) and sum(map(len, cells)) <= _HEADS_CHARS
    )
    return tuple(cell.rstrip(":") for cell in cells) if short and len(cells) > 1 else ()


@dataclass(kw_only=True, slots=True)
class Table:
    """A table that is being read: blocks are added cell by cell, and rows are returned."""

    _layout: bool = False
    _cells: list[list[Block]] = field(default_factory=list)
    _headings: list[bool] = field(default_factory=list)
    _heads: tuple[str, ...] = ()
    _unsaid: list[Block] = field(default_factory=list)
    """The row of headings, until it was spoken with another row."""

    @property
    def in_cell(self) -> bool:
        """Whether blocks belong to a cell now."""
        return bool(self._cells) and not self._layout

    def cell(self, *, heading: bool) -> None:
        """Begin a cell."""
        self._cells.append([])
        self._headings.append(heading)

    def add(self, block: Block) -> None:
        """Add a block to the last cell."""
        self._cells[-1].append(block)

    def end_row(self) -> list[Block]:
        """End the row, and return its blocks."""
        cells, headings = self._cells, self._headings
        self._cells, self._headings = [], []
        blocks = [block for cell in cells for block in cell]
        if not blocks or self._layout or not all(map(_fits, cells)):
            return [*self._said(), *blocks]
        if all(headings) and not self._heads:
            self._heads = short_heads([cell[0].text if cell else "" for cell in cells])
            self._unsaid = [_joined(cells, blocks, ())]
            return [] if self._heads else self._said()
        if len(cells) != len(self._heads):
            return [*self._said(), _joined(cells, blocks, ())]
        self._unsaid = []
        return [_joined(cells, blocks, self._heads)]

    def give_up(self) -> list[Block]:
        """Treat the table as layout, because it holds another table. Return the blocks collected so far."""
        self._layout = True
        return self.end_row()

    def end(self) -> list[Block]:
        """End the table, and return the blocks that were not returned yet."""
        return [*self.end_row(), *self._said()]

    def _said(self) -> list[Block]:
        unsaid, self._unsaid = self._unsaid, []
        return unsaid


def _fits(cell: list[Block]) -> bool:
    """Whether a cell is one short text."""
    return not cell or (
        len(cell) == 1 and not cell[0].level and sum(len(run.text) for run in cell[0].runs) <= _CELL_CHARS
    )


def _joined(cells: list[list[Block]], blocks: list[Block], heads: tuple[str, ...]) -> Block:
    """The cells of a row as one block."""
    return Block(
        runs=tuple(row([cell[0].runs if cell else () for cell in cells], heads)),
        anchors=tuple(anchor for block in blocks for anchor in block.anchors),
        kind=blocks[0].kind,
        continued=blocks[0].continued,
        linked_chars=sum(block.linked_chars for block in blocks),
    )
