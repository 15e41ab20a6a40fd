"""Each chaos test has its own server with an append-only file. A table at the end shows how long recovery took."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.harness import RECOVERIES, Chaos, broken_farm, table
from support import ValkeyServer

HERE = Path(__file__).parent
# A test may wait several times, and each wait may take PATIENCE_S.
LIMIT_S = 240


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "short: one of the few faults that every run of ./bin/test causes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if RECOVERIES:
        terminalreporter.section("Recovery, from the end of the fault to the work going on")
        terminalreporter.write_line(table(RECOVERIES))


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server that writes its log every second, as the embedded one does."""
    folder = tmp_path / "server"
    folder.mkdir()
    with ValkeyServer(folder, "--appendonly", "yes", "--appendfsync", "everysec") as server:
        yield server


@pytest.fixture
def chaos(
    valkey: ValkeyServer,
    redis_url: str,  # noqa: ARG001 - the law of its keys
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Chaos]:
    name = request.node.name.removeprefix("test_")
    folder = tmp_path_factory.getbasetemp() / "chaos" / name
    folder.mkdir(parents=True)
    with broken_farm(valkey, folder, name) as chaos:
        yield chaos
