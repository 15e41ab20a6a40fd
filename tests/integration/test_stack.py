"""The stack on this machine: one supervisor runs it, clients share it, and nothing is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import redis
from support import free_port, wait_until

from broker.settings import FarmSettings
from chorus.errors import DiskError, ServerError, SettingError
from workers.stack.run_folder import ProcessStatus, Program, Report, RunFolder, StackSpec
from workers.stack.stack import Stack, down, ensure, status, up

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = Program(name="sleeper", argv=(sys.executable, "-c", "import signal; signal.pause()"))
SECOND = Program(name="second", argv=SLEEPER.argv)
SPEC = StackSpec(voice=False, desk=False, others=(SLEEPER,))
# A client that says when its stack is there and then waits to be killed, or for its input to end.
CLIENT = """
import sys
from pathlib import Path
from broker.settings import FarmSettings
from workers.stack.run_folder import Program, StackSpec
from workers.stack.stack import ensure
others = (Program(name="sleeper", argv=(sys.executable, "-c", "import signal; signal.pause()")),)
with ensure(FarmSettings(home=Path(sys.argv[1])), StackSpec(voice=False, desk=False, others=others)) as stack:
    print(stack.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FarmSettings]:
    farm = FarmSettings(home=tmp_path / "home of its own")
    yield farm
    down(farm)


@pytest.fixture
def run(farm: FarmSettings) -> RunFolder:
    return RunFolder.of(farm)


def report(run: RunFolder) -> Report:
    said = run.report()
    assert said is not None
    return said


def processes(run: RunFolder) -> dict[str, ProcessStatus]:
    return {process.name: process for process in report(run).processes}


def family(run: RunFolder) -> list[psutil.Process]:
    """The supervisor, its guard and everything it runs."""
    supervisor = psutil.Process(report(run).pid)
    return [supervisor, *supervisor.children()]


def guard_of(run: RunFolder) -> psutil.Process:
    return next(process for process in family(run) if "workers.stack.guard" in process.cmdline())


def gone(process: psutil.Process) -> bool:
    """Ended, though perhaps nobody has buried it: that is the machine's first process's business."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(members: list[psutil.Process]) -> None:
    wait_until(lambda: all(gone(member) for member in members), description="every process of the stack has ended")


def put(url: str, key: str, value: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.set(key, value)


def got(url: str, key: str) -> bytes | None:
    with redis.Redis.from_url(url) as client:
        value = client.get(key)
    assert value is None or isinstance(value, bytes)
    return value


def client_of(farm: FarmSettings) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(farm.home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(client: "subprocess.Popen[str]") -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()


# --- sharing


def test_a_stack_runs_while_it_is_used_and_ends_afterwards(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as stack:
        put(stack.url, "key", "value")
        assert {"server", "sleeper"} == set(processes(run))
        assert stack.alive()
        members = family(run)
    wait_gone(members)
    wait_until(lambda: not run.supervised(), description="the supervisor's lock is free")
    assert [path.name for path in run.path.glob("*.json")] == []


def test_the_next_client_finds_the_data_of_the_previous_one(farm: FarmSettings) -> None:
    with ensure(farm, SPEC) as stack:
        put(stack.url, "kept", "whole")
    with ensure(farm, SPEC) as stack:
        assert got(stack.url, "kept") == b"whole"


def test_clients_that_come_at_once_share_one_supervisor(farm: FarmSettings, run: RunFolder) -> None:
    def use(_: int) -> tuple[str, int]:
        with ExitStack() as stay:
            stack = stay.enter_context(ensure(farm, SPEC))
            stays.append(stay.pop_all())
            return stack.url, report(run).pid

    stays: list[ExitStack] = []
    with ThreadPoolExecutor(4) as pool:
        seen = set(pool.map(use, range(4)))
    for stay in stays:
        stay.close()
    assert len(seen) == 1


def test_the_stack_stays_until_the_last_client_leaves(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as kept:
        with ensure(farm, SPEC):
            before = processes(run)["sleeper"].pid
        # What dies after the first has left is still started again: somebody is looking after it.
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: processes(run)["sleeper"].pid not in {0, before}, description="a new sleeper runs")
        assert kept.alive()


def test_a_second_client_adds_what_it_needs(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC):
        first = processes(run)["sleeper"].pid
        with ensure(farm, StackSpec(voice=False, desk=False, others=(SECOND,))):
            assert {"server", "sleeper", "second"} == set(processes(run))
            assert processes(run)["sleeper"].pid == first


def test_a_killed_client_releases_the_stack(farm: FarmSettings, run: RunFolder) -> None:
    with client_of(farm) as client:
        assert said(client).startswith("redis://")
        members = family(run)
        client.kill()
    wait_gone(members)


def test_a_stack_for_a_remote_server_runs_beside_the_local_one(
    farm: FarmSettings, tmp_path: Path, run: RunFolder
) -> None:
    told = tmp_path / "told"
    writer = f"import os, signal; open({str(told)!r}, 'w').write(os.environ['CHORUS_URL']); signal.pause()"
    spec = StackSpec(voice=False, desk=False, others=(Program(name="sleeper", argv=(sys.executable, "-c", writer)),))
    with ensure(farm, SPEC) as own:
        elsewhere = farm.model_copy(update={"url": own.url.replace("/0", "/3")})
        with ensure(elsewhere, spec) as other:
            assert other.url == elsewhere.url
            assert {"sleeper"} == set(processes(RunFolder.of(elsewhere)))
            assert report(RunFolder.of(elsewhere)).pid != report(run).pid
            wait_until(lambda: told.exists() and told.read_text() == elsewhere.url, description="the worker knows")


# --- whatever is killed


def test_a_killed_supervisor_ends_all_programs_and_the_next_starts_cleanly(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as stack:
        put(stack.url, "kept", "whole")
        members = family(run)
        assert len(members) == 4
        members[0].kill()
        wait_gone(members)
        assert not stack.alive()
        with ensure(farm, SPEC) as again:
            assert got(again.url, "kept") == b"whole"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_killing_the_guard_with_the_supervisor_still_ends_all_programs(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC):
        members = family(run)
        guard = guard_of(run)
        guard.suspend()
        members[0].kill()
        guard.kill()
        wait_gone(members)


def test_the_guard_alone_ends_the_remaining_programs() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    watch = "from workers.stack.guard import main; main(0.1)"
    with (
        subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as stubborn,
        subprocess.Popen(SLEEPER.argv) as docile,
        subprocess.Popen([sys.executable, "-c", watch], cwd=ROOT, stdin=subprocess.PIPE, text=True) as guard,
    ):
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        guard.communicate(f"{stubborn.pid}\n{docile.pid}\nnonsense\n")
        assert (stubborn.wait(10), docile.wait(10)) == (-signal.SIGKILL, -signal.SIGTERM)


def test_a_killed_guard_is_replaced_by_one_that_knows_all_programs(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC):
        first = guard_of(run)
        first.kill()
        wait_until(
            lambda: [p for p in family(run) if p != first and "workers.stack.guard" in p.cmdline()],
            description="a new guard runs",
        )
        members = family(run)
        members[0].kill()
        wait_gone(members)


def test_a_program_that_ends_is_restarted_and_its_last_output_is_kept(farm: FarmSettings, run: RunFolder) -> None:
    dying = Program(name="dying", argv=(sys.executable, "-c", "raise SystemExit('I cannot go on.')"))
    with ensure(farm, StackSpec(voice=False, desk=False, others=(SLEEPER, dying))):
        wait_until(lambda: processes(run)["dying"].restarts >= 2, description="it was started twice again")
        assert processes(run)["dying"].last_words == "I cannot go on."
        assert processes(run)["sleeper"].restarts == 0


def test_a_program_that_cannot_be_started_is_reported(farm: FarmSettings, run: RunFolder) -> None:
    absent = Program(name="absent", argv=("/no/such/program",))
    with ensure(farm, StackSpec(voice=False, desk=False, others=(absent,))):
        wait_until(lambda: "cannot start" in processes(run)["absent"].last_words, description="the reason is told")


def test_a_killed_server_is_restarted_on_its_port_with_its_data(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as stack:
        put(stack.url, "kept", "whole")
        # Every second the log is forced to disk; a killed process loses nothing that it had written.
        before = processes(run)["server"].pid
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: processes(run)["server"].pid not in {0, before}, description="a new server runs")
        assert got(stack.url, "kept") == b"whole"


def test_a_terminated_supervisor_ends_all_programs_in_order(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as stack:
        members = family(run)
        put(stack.url, "kept", "whole")
        os.kill(members[0].pid, signal.SIGTERM)
        wait_gone(members)
        with ensure(farm, SPEC) as again:
            assert got(again.url, "kept") == b"whole"
            assert again.url != stack.url
            assert again.alive()


def test_files_left_by_a_crash_do_no_harm(farm: FarmSettings, run: RunFolder) -> None:
    # A report and a record that name a living process which is not ours: this one.
    run.say(Report(pid=os.getpid(), failure="old", failure_kind="ServerError"))
    run.want(StackSpec(others=(SECOND,)))
    record = {"pid": os.getpid(), "port": free_port(), "password": "old", "version": "Valkey 9"}
    (run.path / "server.json").write_text(json.dumps(record))
    assert not status(farm).running
    assert status(farm).server is None
    with ensure(farm, SPEC):
        assert {"server", "sleeper"} == set(processes(run))


# --- up, down, status


def test_up_keeps_the_stack_running_and_down_ends_it(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC):
        run.keep.touch()
        before = processes(run)["sleeper"].pid
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: processes(run)["sleeper"].pid not in {0, before}, description="a new sleeper runs")
    members = family(run)
    assert down(farm)
    assert all(gone(member) for member in members[1:])
    assert not run.keep.exists()
    assert not down(farm)


def test_down_ends_a_stack_in_use(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as stack:
        members = family(run)
        assert down(farm)
        assert all(gone(member) for member in members[1:])
        assert not stack.alive()


def test_the_status_lists_running_programs_without_the_password(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as stack:
        shown = status(farm)
        assert shown.running
        assert not shown.keep
        assert shown.server is not None
        assert shown.server.address in stack.url
        assert shown.server.version.split()[0] in {"Valkey", "Redis"}
        assert shown.server.pid == processes(run)["server"].pid
        assert {process.name: process.alive for process in shown.processes} == {"server": True, "sleeper": True}
        assert stack.url.split(":")[2].split("@")[0] not in repr(shown)


def test_the_status_reports_an_unreachable_remote_server(farm: FarmSettings) -> None:
    away = farm.model_copy(update={"url": f"redis://127.0.0.1:{free_port()}/0"})
    shown = status(away)
    assert shown.server is None
    assert away.url.removeprefix("redis://").removesuffix("/0") in shown.trouble


def test_a_taken_flower_port_is_named_with_its_variable(farm: FarmSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(SettingError, match=rf"Port {port} .*CHORUS_FLOWER_PORT"):
            up(farm.model_copy(update={"flower_port": port}), flower=True)


# --- what is refused


def test_a_taken_port_is_reported_to_the_caller(farm: FarmSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with (
            pytest.raises(SettingError, match=rf"Port {port} cannot be used.*CHORUS_PORT"),
            ensure(farm.model_copy(update={"port": port}), SPEC),
        ):
            pass


def test_an_unreachable_remote_server_starts_nothing(farm: FarmSettings) -> None:
    away = farm.model_copy(update={"url": f"redis://127.0.0.1:{free_port()}/0"})
    with pytest.raises(ServerError, match="127"), ensure(away, SPEC):
        pass
    assert not RunFolder.of(away).supervised()


def test_a_home_without_writable_folders_is_named(farm: FarmSettings) -> None:
    elsewhere = farm.model_copy(update={"home": farm.home_folder() / "other"})
    elsewhere.home_folder()
    (farm.home_folder() / "other" / "run").write_text("a file where a folder should be")
    with pytest.raises(DiskError, match=r"other/run cannot be used \(.*CHORUS_HOME"), ensure(elsewhere, SPEC):
        pass


def test_celerys_own_broker_variable_is_ignored(
    farm: FarmSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://somebody.elses/0")
    writer = f"import os, signal; open({str(told)!r}, 'w').write(repr(dict(os.environ))); signal.pause()"
    with ensure(
        farm, StackSpec(voice=False, desk=False, others=(Program(name="w", argv=(sys.executable, "-c", writer)),))
    ):
        wait_until(lambda: told.exists() and "CHORUS_HOME" in told.read_text(), description="the worker has started")
    assert "somebody" not in told.read_text()


def test_a_long_log_is_rotated_when_its_program_starts(farm: FarmSettings, run: RunFolder) -> None:
    run.log("sleeper").write_bytes(b"x" * 5_000_000)
    with ensure(farm, SPEC):
        assert run.log("sleeper").stat().st_size == 0
        assert run.log("sleeper").with_suffix(".log.1").stat().st_size == 5_000_000


def test_a_stack_exists_for_the_duration_of_its_block(farm: FarmSettings, run: RunFolder) -> None:
    with ensure(farm, SPEC) as stack:
        assert isinstance(stack, Stack)
        assert stack.run.path == run.path
