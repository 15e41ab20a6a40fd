"""What the stand-in voice takes minutes to prove: that it can be built again, and that its words are understood."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIMIT_S = 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))
