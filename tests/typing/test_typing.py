"""The SDK is typed for those who use it: a file of uses is checked, and every public name has one."""

import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import chorus

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def test_an_application_is_checked_against_the_public_names() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--follow-imports=silent"]
    checked = subprocess.run(
        [*command, str(HERE / "public_names.py")], capture_output=True, text=True, check=False, cwd=ROOT, timeout=110
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", chorus.__all__)
def test_every_public_name_is_there_and_has_its_use(name: str) -> None:
    assert getattr(chorus, name) is getattr(import_module(f"chorus.{chorus._HOMES[name]}"), name)
    assert name in dir(chorus)
    assert re.search(rf"\b{name}\b", (HERE / "public_names.py").read_text().partition("\n)\n")[2])


def test_every_error_of_the_sdk_is_public() -> None:
    for module in pkgutil.iter_modules(chorus.__path__):
        import_module(f"chorus.{module.name}")
    found = {chorus.ChorusError}
    while more := {kind for one in found for kind in one.__subclasses__()} - found:
        found |= more
    ours = {kind.__name__ for kind in found if kind.__module__.startswith("chorus.")}
    assert {name for name in ours if not name.startswith("_")} <= set(chorus.__all__)


def test_every_public_name_is_known_to_type_checkers_and_at_runtime() -> None:
    assert set(chorus.__all__) == set(chorus._HOMES)
    assert chorus.__all__ == sorted(chorus.__all__)


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'chorus' has no attribute 'Speech'"):
        _ = chorus.Speech


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    script = "import sys, chorus; print(sorted({'redis', 'typer', 'pydantic', 'celery', 'numpy'} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert told.stdout == "[]\n"


def test_the_sdk_brings_its_types_to_others() -> None:
    assert (Path(chorus.__file__).parent / "py.typed").is_file()
