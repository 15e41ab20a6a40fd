"""What a soak says: a line a minute while it runs, and tables at the end."""

from collections.abc import Callable, Iterable, Sequence

import pytest

TABLES: list[tuple[str, str]] = []
"""Title and text of what stands at the end of the run."""


def progress(config: pytest.Config) -> Callable[[str], None]:
    """Writes a line at once, past pytest's capture: half an hour of silence looks like a hang."""
    capture, terminal = config.pluginmanager.getplugin("capturemanager"), config.get_terminal_writer()

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.line(line)
            terminal.flush()

    return say


def tell(title: str, rows: Iterable[Sequence[object]]) -> None:
    """Keep a table for the end of the run."""
    TABLES.append((title, table(rows)))


def table(rows: Iterable[Sequence[object]]) -> str:
    """Columns of equal width: words to the left, figures to the right."""
    cells = [[f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    return "\n".join("  ".join(_padded(row, widths)) for row in cells)


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    first, *others = zip(row, widths, strict=True)
    yield first[0].ljust(first[1])
    yield from (cell.rjust(width) for cell, width in others)
