"""What a Mac is asked, and the record of its answers."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from apple.record import Record, write

from broker.settings import FarmSettings
from workers.accelerators.hardware import Machine, detect
from workers.models.resolving import Model, resolve

HERE = Path(__file__).parent
# CoreML may compile for minutes, and each trial has three.
LIMIT_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest.fixture(scope="session")
def machine() -> Machine:
    return detect()


@pytest.fixture(scope="session")
def model() -> Model:
    """The pulled Kokoro if there is one, else the stand-in voice; the record names it."""
    return resolve(FarmSettings())


@pytest.fixture(scope="session")
def record(machine: Machine, model: Model) -> Iterator[Record]:
    """Filled by the tests, and written when all of them are over, to be committed."""
    record = Record(day=datetime.now(UTC).date(), machine=machine, model=model.name)
    yield record
    sys.stderr.write(f"\nThe record: {write(record, HERE / 'records')}\n")
