"""A pytest plugin of bin/test: writes what this machine could not run, one line per reason, into a file.

It knows nothing of what the tests are about; a skip's reason is the whole story. Told to end, a run cleans up as an
interrupted one does: its workers would outlive it.
"""

import signal
from collections import Counter
from pathlib import Path

import pytest

skipped: Counter[str] = Counter()
WAS_XFAIL = "wasxfail"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--not-run-file", type=Path, default=None, help="Append the reasons of skipped tests to this file."
    )


def pytest_configure() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, WAS_XFAIL):
        skipped[reason_of(report)] += 1


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        skipped[reason_of(report)] += 1


def pytest_unconfigure(config: pytest.Config) -> None:
    path = config.getoption("--not-run-file")
    if path is not None:  # written even if empty: a run that was cut short leaves no file
        with path.open("a", encoding="utf-8") as file:
            file.writelines(
                f"{reason} ({count} test{'s' * (count > 1)})\n" for reason, count in sorted(skipped.items())
            )


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The sentence given to `pytest.skip`, on one line, after the file it stands in."""
    where = report.nodeid.partition("::")[0].removeprefix("tests/")
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"{where}: {' '.join(text.removeprefix('Skipped: ').split())}"
