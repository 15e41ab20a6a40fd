"""A stranger runs another bin/test inside, which has its own limits for each test."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIMIT_S = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))
