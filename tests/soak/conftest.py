"""A soak lasts as long as it is told to; at the end stands what happened."""

from pathlib import Path

import pytest
from soak.telling import TABLES

HERE = Path(__file__).parent
# The tests end by themselves; this is for one that does not.
LIMIT_S = 3 * 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for title, text in TABLES:
        terminalreporter.section(title)
        terminalreporter.write_line(text)
