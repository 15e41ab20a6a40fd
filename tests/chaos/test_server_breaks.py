"""The server is killed, frozen, out of memory, disconnected, or loses data. The workers go on where they were."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from chaos.harness import Chaos, lasting
from chaos.proxy import Proxy

from chorus.submission import Terms


@pytest.fixture
def proxy(chaos: Chaos) -> Iterator[Proxy]:
    """The proxy through which the workers of this test reach the server."""
    with Proxy(chaos.server.port) as proxy:
        chaos.worker_url = proxy.url
        yield proxy


def with_work_in_flight_and_queued(chaos: Chaos, *, segments: int = 2) -> None:
    chaos.supervise("desk", "voice")
    # At normal priority the window is two segments for one slot, and the worker holds both: none would be queued.
    chaos.begin(segments=segments, terms=Terms(priority="high"))
    chaos.until(lambda: chaos.steps("r") and sum(chaos.queued().values()), "work is in flight and queued")


@pytest.mark.parametrize(
    ("number", "outage_s"),
    [
        pytest.param(signal.SIGTERM, 0, id="SIGTERM"),
        pytest.param(signal.SIGKILL, 0, id="SIGKILL", marks=pytest.mark.short),
        pytest.param(signal.SIGKILL, 5, id="SIGKILL_and_away_for_5_s"),
        pytest.param(signal.SIGKILL, 30, id="SIGKILL_and_away_for_30_s"),
    ],
)
def test_a_server_restarted_with_work_in_flight_and_queued(
    chaos: Chaos, number: signal.Signals, outage_s: float
) -> None:
    with_work_in_flight_and_queued(chaos)
    before = chaos.run_id()
    with chaos.fault(f"server {number.name}, away for {outage_s} s"):
        chaos.stop_server(number)
        lasting(outage_s)
        chaos.start_server()
    assert chaos.run_id() != before
    chaos.check()
    assert "Trying again in 2" not in chaos.logged("voice"), "kombu's pauses between two looks do not grow"


def says_that_it_waits(chaos: Chaos, name: str) -> bool:
    said = chaos.logged(name)
    return "No Redis or Valkey answers" in said and "This worker waits for it." in said


def test_a_server_that_is_down_when_the_workers_start(chaos: Chaos) -> None:
    chaos.submit()
    with chaos.fault("server down at start"):
        chaos.stop_server()
        chaos.supervise("desk", "voice", wait=False)
        for name in ("desk", "voice"):
            chaos.until(partial(says_that_it_waits, chaos, name), f"{name} says that it waits")
        chaos.start_server()
    chaos.check()
    assert chaos.ends("voice") + chaos.ends("desk") == []


def test_every_client_killed(chaos: Chaos) -> None:
    with_work_in_flight_and_queued(chaos)
    with chaos.fault("CLIENT KILL"):
        assert int(chaos.redis.execute_command("CLIENT", "KILL", "TYPE", "normal")) >= 6
    chaos.check()


@pytest.mark.parametrize(
    "seconds",
    [pytest.param(3, id="3_s"), pytest.param(15, id="15_s"), pytest.param(60, id="60_s")],
)
def test_a_frozen_server(chaos: Chaos, seconds: int) -> None:
    with_work_in_flight_and_queued(chaos)
    pid, before = chaos.server_pid(), chaos.run_id()
    with chaos.fault(f"server frozen for {seconds} s"):
        os.kill(pid, signal.SIGSTOP)
        lasting(seconds)
        assert Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "T"
        os.kill(pid, signal.SIGCONT)
    assert chaos.run_id() == before
    chaos.check()


def test_a_line_that_swallows_everything(chaos: Chaos, proxy: Proxy) -> None:
    with_work_in_flight_and_queued(chaos)
    with chaos.fault("half-open line"):
        proxy.swallow()
        chaos.until(lambda: proxy.swallowed > 0, "something was swallowed")
    chaos.check()
    assert proxy.swallowed > 0


def test_a_line_that_is_reset(chaos: Chaos, proxy: Proxy) -> None:
    with_work_in_flight_and_queued(chaos)
    with chaos.fault("reset"):
        proxy.reset()
        chaos.until(lambda: proxy.resets >= 6, "every connection was reset")
    chaos.check()


def test_a_line_with_200_ms_latency(chaos: Chaos, proxy: Proxy) -> None:
    with_work_in_flight_and_queued(chaos)
    with chaos.fault("latency 200 ms"):
        proxy.latency_s = 0.2
        chaos.until(lambda: proxy.delayed > 10, "answers come late")
    chaos.check()


@pytest.mark.parametrize("queues", ["chorus.bulk.*", "chorus.*"])
def test_queues_deleted(chaos: Chaos, queues: str) -> None:
    with_work_in_flight_and_queued(chaos)
    deleted: list[bytes] = []

    def struck() -> bool:
        deleted.extend(name for name in chaos.redis.scan_iter(queues, _type="list") if chaos.redis.delete(name))
        return bool(deleted)

    with chaos.fault(f"DEL {queues}"):
        chaos.until(struck, "a queue with messages was deleted")
    chaos.check()


def test_scripts_flushed(chaos: Chaos) -> None:
    with_work_in_flight_and_queued(chaos)
    with chaos.fault("SCRIPT FLUSH"):
        chaos.redis.script_flush()
    assert chaos.counted("NOSCRIPT") > 0
    chaos.check()


def test_a_server_out_of_memory_and_relieved(chaos: Chaos) -> None:
    with_work_in_flight_and_queued(chaos)
    with chaos.fault("out of memory for 4 s"):
        chaos.redis.config_set("maxmemory", 1)
        lasting(4)
        assert chaos.counted("OOM") > 0
        chaos.redis.config_set("maxmemory", 0)
    chaos.check()


def test_a_log_that_lost_its_tail(chaos: Chaos) -> None:
    with_work_in_flight_and_queued(chaos, segments=4)
    spoken = chaos.record().segments_done
    with chaos.fault("truncated log"):
        chaos.stop_server()
        log = chaos.log_of_the_server()
        os.truncate(log, log.stat().st_size - 200_000)
        with chaos.frozen("desk", "voice"):
            chaos.start_server()
            chaos.recorder.start_again()
            assert chaos.record().segments_done < spoken
    chaos.check()


def test_a_log_that_lost_the_end_of_a_book(chaos: Chaos) -> None:
    """The file was made and its parts deleted, but the server has lost the commit of the bind."""
    chaos.supervise("desk", trap="broker.ledger:Ledger.commit_bind before")
    chaos.supervise("voice")
    chaos.submit()
    chaos.trapped("desk")
    with chaos.fault("truncated log"):
        log = chaos.log_of_the_server()
        before = log.stat().st_size
        chaos.release("desk")
        chaos.until(lambda: chaos.record().finished, "the book is finished")
        store = chaos.folder / "home" / "store"
        chaos.until(lambda: not list(store.rglob("part-*.flac")), "its parts are gone")
        chaos.stop_server()
        os.truncate(log, before)
        with chaos.frozen("desk", "voice"):
            chaos.start_server()
            chaos.recorder.start_again()
            assert not chaos.record().finished
    chaos.check(published=False)


def test_a_server_that_was_emptied(chaos: Chaos) -> None:
    """The book is submitted again; the parts in the store are not spoken again."""
    chaos.supervise("desk", "voice")
    chaos.submit()
    with chaos.fault("FLUSHALL"):
        chaos.until(lambda: chaos.record().parts_done == 1, "a part is stored")
        chaos.redis.flushall()
        assert chaos.client.jobs() == []
        chaos.recorder.start_again()
        chaos.submit()
    record = chaos.check(published=False)
    assert 0 < sum(record.spoken_by.values()) < record.segments_planned
