"""A disk that fills up under a render costs nobody a page: the job pauses, the command says why and ends."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import SAMPLE, Machine, closing
from workshop import heard_tokens, planned_tokens

from chorus.client import Client
from chorus.states import State

# Too little for a minute of audio.
LITTLE_BYTES = 4096


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with closing(Machine(tmp_path)) as machine:
        assert machine.chorus("up").returncode == 0
        yield machine


def test_a_render_says_that_the_disk_is_full_and_the_same_command_goes_on(machine: Machine) -> None:
    out = machine.folder / "book.wav"
    words = ("render", SAMPLE, "-o", out)
    desk = machine.pid("desk")
    before = resource.prlimit(desk, resource.RLIMIT_FSIZE, (LITTLE_BYTES, resource.RLIM_INFINITY))
    refused = machine.chorus(*words)
    assert refused.returncode == 1
    told = refused.stderr.strip().splitlines()[-1]
    assert f"The store {machine.home / 'store'} is full (file too large): free some space" in told
    assert told.endswith("Then run the same command to resume.")
    with Client(machine.url()) as client:
        assert [job.state for job in client.jobs()] == [State.PAUSED]

    assert machine.pid("desk") == desk
    resource.prlimit(desk, resource.RLIMIT_FSIZE, before)
    again = machine.chorus(*words)
    assert (again.returncode, again.stderr) == (0, "")
    assert heard_tokens(out) == planned_tokens(SAMPLE.read_bytes(), "sample.md")
