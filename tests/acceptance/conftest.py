"""The bootstrap's fixtures: a package index on loopback and a checkout that is not set up yet."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bootstrap_lab import PIP_WORKS, Checkout, Index, make_tools, python_that


@pytest.fixture
def index() -> Iterator[Index]:
    opened = Index()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def open_folders() -> Iterator[Path]:
    """A folder that every user may look into; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def open_folder(open_folders: Path) -> Path:
    folder = Path(tempfile.mkdtemp(dir=open_folders))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def checkout(tmp_path: Path, index: Index) -> Iterator[Checkout]:
    made = Checkout(tmp_path / "checkout", index, tools=make_tools(tmp_path / "tools", python_that(PIP_WORKS)))
    yield made
    made.close()
