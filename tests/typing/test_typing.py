"""The SDK is typed for those who use it: a file of uses is checked, and every public name has one."""

import subprocess
import sys
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
    assert getattr(chorus, name).__name__ == name
    assert name in dir(chorus)
    assert name in (HERE / "public_names.py").read_text()


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
