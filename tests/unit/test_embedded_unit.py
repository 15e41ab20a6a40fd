"""The decisions of the stack, without starting any program."""

import subprocess
import sys

import pytest

from workers.stack.run_folder import Program, StackSpec
from workers.stack.supervisor import Backoff, end_all

MINE = Program(name="mine", argv=("true",))


def test_the_wait_before_a_restart_doubles_up_to_ten_seconds() -> None:
    backoff = Backoff()
    assert [backoff.after(0.0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_program_that_ran_for_half_a_minute_is_restarted_without_delay() -> None:
    backoff = Backoff()
    waits = [backoff.after(0.0), backoff.after(29.9), backoff.after(30.0), backoff.after(0.0)]
    assert waits == [0.2, 0.4, 0.2, 0.4]


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (StackSpec(), ["voice", "desk"]),
        (StackSpec(flower=True), ["voice", "desk", "flower"]),
        (StackSpec(voice=False, url="redis://elsewhere/0"), ["desk"]),
        (StackSpec(voice=False, desk=False, others=(MINE,)), ["mine"]),
    ],
)
def test_a_stack_runs_the_requested_programs(spec: StackSpec, names: list[str]) -> None:
    assert [program.name for program in spec.programs(5555)] == names


def test_with_a_server_elsewhere_no_server_is_started() -> None:
    assert StackSpec().server
    assert not StackSpec(url="redis://elsewhere/0").server


def test_a_stack_for_two_clients_has_the_programs_of_both() -> None:
    both = StackSpec(voice=False, others=(MINE,)).joined(StackSpec(desk=False, flower=True, others=(MINE,)))
    assert both == StackSpec(voice=True, desk=True, flower=True, others=(MINE,))


def test_no_password_appears_on_a_command_line() -> None:
    spec = StackSpec(flower=True, url="redis://:secret@elsewhere/0")
    assert not [word for program in spec.programs(5555) for word in program.argv if "secret" in word]


def test_a_program_that_ignores_its_termination_is_killed_with_its_children() -> None:
    stubborn = (
        "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']); print(flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        end_all((process,), 0.1)
        assert process.returncode == -9
        # The pipe ends only when the grandchild, which has it too, is gone.
        assert process.stdout.read() == b""
