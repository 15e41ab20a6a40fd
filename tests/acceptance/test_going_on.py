"""A render that is interrupted, killed or shared: it pauses, goes on where it was, and leaves nothing behind."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import SAMPLE, SLOW_WORK, Machine, closing, half_spoken, kept_up
from support import wait_until
from toy.build import MODEL, build
from workshop import heard_tokens, planned_tokens

from workers.cli.rendering import AGAIN


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A stack that is up and speaks slowly."""
    with kept_up(tmp_path_factory.mktemp("kept")) as machine:
        yield machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Nothing runs on it yet."""
    with closing(Machine(tmp_path, model=build(tmp_path / "slow.onnx", work=SLOW_WORK))) as machine:
        yield machine


def test_ctrl_c_pauses_and_the_same_command_goes_on(machine: Machine) -> None:
    out = machine.folder / "book.wav"
    words = ("render", SAMPLE, "-o", out)
    rendering = machine.start(*words)
    with machine.frozen(half_spoken):
        rendering.send_signal(signal.SIGINT)
        said, complained = rendering.communicate(timeout=30)
    assert (rendering.returncode, complained) == (130, "")
    assert re.search(r"\nPaused after segment \d+\. Run the same command to resume\.\n\Z", said)
    assert not out.exists()
    machine.wait_quiet()

    again = machine.chorus(*words)
    assert (again.returncode, again.stderr) == (0, "")
    assert "Resuming after segment " in again.stdout
    assert heard_tokens(out) == planned_tokens(SAMPLE.read_bytes(), "sample.md")
    machine.wait_quiet()

    logged = machine.run.log("supervisor").stat().st_size
    out.unlink()
    assert AGAIN in machine.chorus(*words).stdout
    assert out.exists()
    assert machine.run.log("supervisor").stat().st_size == logged, "nothing had to be started for it"


def test_an_interrupted_book_is_the_undisturbed_one(kept: Machine) -> None:
    kept.forget()
    out = kept.folder / "book.wav"
    words = ("render", SAMPLE, "-o", out)
    rendering = kept.start(*words)
    with kept.frozen(half_spoken):
        rendering.send_signal(signal.SIGINT)
        rendering.communicate(timeout=30)
    assert rendering.returncode == 130
    assert kept.chorus(*words).returncode == 0
    interrupted = out.read_bytes()
    undisturbed = kept.chorus(*words, "--fresh")
    assert undisturbed.returncode == 0
    assert AGAIN not in undisturbed.stdout
    assert "Resuming" not in undisturbed.stdout
    assert out.read_bytes() == interrupted


def test_a_killed_render_leaves_no_process_behind_and_the_next_goes_on(machine: Machine) -> None:
    out = machine.folder / "book.wav"
    rendering = machine.start("render", SAMPLE, "-o", out)
    with machine.frozen(half_spoken):
        rendering.kill()
        rendering.communicate()
    machine.wait_quiet()
    assert not out.exists()
    again = machine.chorus("render", SAMPLE, "-o", out)
    assert (again.returncode, again.stderr) == (0, "")
    assert "Resuming after segment " in again.stdout
    assert heard_tokens(out) == planned_tokens(SAMPLE.read_bytes(), "sample.md")
    machine.wait_quiet()


def test_two_renders_at_once_share_one_stack(machine: Machine) -> None:
    renders = []
    for name in ("one", "two"):
        source = machine.folder / f"{name}.md"
        source.write_text(f"# Chapter {name}\n\nThis is number {name}, and it says so.\n")
        renders.append(machine.start("render", source, "-f", "wav"))
    with machine.frozen(lambda client: len(client.jobs()) == 2):
        assert len(machine.named("workers.commands")) == 2
        assert len(machine.named("workers.stack.supervisor")) == 1
        assert len(machine.servers()) == 1
        assert len(machine.named("workers.voice")) == 1
    for rendering in renders:
        _, complained = rendering.communicate(timeout=60)
        assert (rendering.returncode, complained) == (0, "")
    for name in ("one", "two"):
        source = machine.folder / f"{name}.md"
        assert heard_tokens(source.with_suffix(".wav")) == planned_tokens(source.read_bytes(), source.name)
    machine.wait_quiet()


def test_a_stack_that_is_stopped_under_a_render_is_said_to_be_so(machine: Machine) -> None:
    # Long enough that what the worker still finishes when it is told to go is not the whole of it.
    source = machine.folder / "book.md"
    source.write_bytes(SAMPLE.read_bytes() * 6)
    rendering = machine.start("render", source, "-o", machine.folder / "book.wav")
    with machine.frozen(half_spoken):
        pass
    assert machine.chorus("down").stdout == "Stopped.\n"
    _, complained = rendering.communicate(timeout=30)
    assert (rendering.returncode, complained) == (
        1,
        "chorus: The stack was stopped during the render: run the same command to resume.\n",
    )


def test_a_server_that_dies_under_a_render_costs_only_time(kept: Machine) -> None:
    kept.forget()
    out = kept.folder / "survivor.wav"
    rendering = kept.start("render", SAMPLE, "-o", out)
    with kept.frozen(half_spoken):
        before = kept.pid("server")
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: kept.pid("server") not in {0, before}, description="the server is back")
    _, complained = rendering.communicate(timeout=60)
    assert (rendering.returncode, complained) == (0, "")
    assert heard_tokens(out) == planned_tokens(SAMPLE.read_bytes(), "sample.md")


def test_a_voice_that_cannot_start_ends_the_render_with_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    # Kokoro's face, and inside it an operator that no runtime has.
    broken.write_bytes(MODEL.read_bytes().replace(b"Expand", b"Expond"))
    with closing(Machine(tmp_path, model=broken)) as machine:
        said = machine.chorus("render", SAMPLE, "-o", tmp_path / "book.wav")
    assert said.returncode == 1
    assert said.stderr.startswith("chorus: The voice worker does not start: ")
    assert str(broken) in said.stderr
    assert said.stderr.count("\n") == 1
