"""The tests that machines break, run on machines unlike the one they were written on. Two conditions share a run."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from strangers.machines import ODD_NAME, busy, copied, odd_locale, path_with_redis, python, set_up, usual_redis

# What starts programs and servers, or depends on paths, names, modes, languages and times.
UNIT = (
    "bind_progress", "cache", "captions", "download", "embedded_unit", "epub", "files", "first_start", "folders",
    "hostile_files", "hostile_names", "lexicon", "live_region", "lock", "machine_load", "packages", "player", "runs",
    "settings", "start_up", "store", "store_sweep", "terminal", "warnings",
)  # fmt: skip
INTEGRATION = ("command_line", "commands", "embedded", "isolated", "probe", "say", "stack", "unfit_servers")
ACCEPTANCE = (
    "api_examples", "bad_input", "bin_test", "bootstrap", "bootstrap_conditions", "bootstrap_refusals", "compose",
    "elsewhere", "folder", "full_disk", "going_on", "operator", "render", "standing_in", "watching", "wheel",
)  # fmt: skip
FRAGILE = [
    f"tests/{folder}/test_{name}.py"
    for folder, names in (("unit", UNIT), ("integration", INTEGRATION), ("acceptance", ACCEPTANCE))
    for name in names
]
# What depends on how a release of Python behaves and not on the machine.
DEPENDS_ON_PYTHON = ["tests/unit", "tests/fundamentals", "tests/integration/test_command_line.py"]
OTHER_PYTHONS = [minor for minor in (11, 12, 13) if minor != sys.version_info[1]]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's: some tests become another one."""
    with tempfile.TemporaryDirectory(prefix="chorus-strangers-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_path_with_a_blank_and_an_umlaut_and_another_redis_language_and_time_zone(place: Path) -> None:
    copy = copied(place / ODD_NAME)
    variables = {"PATH": path_with_redis(place / ODD_NAME / "bin"), "LC_ALL": odd_locale(), "TZ": "Pacific/Chatham"}
    with usual_redis(place):
        assert "NOT RUN" in copy.prove(FRAGILE, variables)


def test_no_home_files_for_nobody_else_and_a_busy_machine(place: Path) -> None:
    copy = copied(place / "busy")
    with busy(place):
        assert "NOT RUN" in copy.prove(FRAGILE, {"HOME": None}, umask=0o077)


@pytest.mark.parametrize("minor", OTHER_PYTHONS)
def test_another_python(place: Path, minor: int) -> None:
    interpreter = python(minor)
    copy = copied(place / "python", environment=None)
    set_up(copy, interpreter)
    assert f"Python 3.{minor}" in copy.prove(DEPENDS_ON_PYTHON, {})
