"""The Prometheus metrics: names, labels and values, also for an unreachable farm."""

import socket

import pytest

from broker.backlog import Backlog, ListenerLag, Traffic, Unreadable
from broker.farm_status import FarmStatus
from broker.lane_reports import LaneReport
from broker.session_control import Sessions
from chorus.errors import SettingError
from chorus.records import Worker
from chorus.set_aside import SetAside, SetAsideEntry
from workers.cli import status_commands
from workers.cli.metrics import serve, text

VOICE = Worker(
    id="voice@here", host="here", pid=1, role="voice", model="toy voice", variant="raw", slots={"live": 1, "bulk": 2},
    served=7, counters={"cache": {"hits": 3, "misses": 4, "entries": 9, "bytes": 512}},
)  # fmt: skip
DESK = Worker(
    id="desk@here", host="here", pid=2, role="desk", slots={"desk": 2}, served=5,
    counters={"phonemes": {"hits": 2, "words_espeak": 11, "g2p_ms": 1.5}},
)  # fmt: skip
LANE = LaneReport(name="bulk", slots=2, served=6, failures=1, busy_s=2.5, wait_s=0.5, provider="CPUExecutionProvider")
SESSIONS = Sessions(
    node="voice@here", state="serving", resets=0, recycles=0, started_ms=0, model="toy voice", sound="toy",
    startup_s={}, rss_bytes=1000, memory={}, beats={}, lanes=(LANE,),
)  # fmt: skip


def job(name: str, state: str, **more: float) -> Backlog:
    told = {"under_way": 0, "held_s": 0.0, "hint_wait_s": 0.0, **more}
    reader = ListenerLag(name="ear", behind_segments=1, silent_s=0.1)
    return Backlog(
        job=name, state=state, waiting="", segments_done=1, segments_planned=9, planned=False, readers=(reader,), **told
    )


def lines(view: FarmStatus | None) -> set[str]:
    return set(text(lambda: view).splitlines())


def test_every_figure_of_workers_sessions_and_jobs_is_exported() -> None:
    jobs = (
        job("a", "running", under_way=2, held_s=1.5, hint_wait_s=4.0),
        job("b", "running", held_s=1.0, hint_wait_s=0.5),
        job("c", "paused", under_way=1),
    )
    traffic = Traffic(silent_s={"voice@here": 0.25}, queues={"chorus.desk": 3}, jobs=jobs)
    told = lines(FarmStatus(workers=(VOICE, DESK), sessions=(SESSIONS,), traffic=traffic))
    assert {
        "chorus_up 1.0",
        'chorus_worker_info{model="toy voice",role="voice",stand_in="false",variant="raw",worker="voice@here"} 1.0',
        'chorus_worker_steps_total{worker="desk@here"} 5.0',
        'chorus_worker_slots{lane="bulk",worker="voice@here"} 2.0',
        'chorus_cache_hits_total{worker="voice@here"} 3.0',
        'chorus_cache_bytes{worker="voice@here"} 512.0',
        'chorus_phonemes_hits_total{worker="desk@here"} 2.0',
        'chorus_phonemes_words_espeak_total{worker="desk@here"} 11.0',
        'chorus_lane_served_total{lane="bulk",node="voice@here",provider="CPUExecutionProvider"} 6.0',
        'chorus_lane_failures_total{lane="bulk",node="voice@here",provider="CPUExecutionProvider"} 1.0',
        'chorus_lane_busy_seconds_total{lane="bulk",node="voice@here",provider="CPUExecutionProvider"} 2.5',
        'chorus_voice_resident_bytes{node="voice@here"} 1000.0',
        'chorus_jobs{state="running"} 2.0',
        'chorus_jobs{state="paused"} 1.0',
        'chorus_queue_messages{queue="chorus.desk"} 3.0',
        'chorus_worker_silent_seconds{worker="voice@here"} 0.25',
        "chorus_segments_under_way 3.0",
        "chorus_listeners 3.0",
        "chorus_held_audio_seconds 2.5",
        "chorus_hint_wait_seconds 4.0",
    } <= told


def test_a_farm_without_work_has_no_waiting_time() -> None:
    idle = FarmStatus(workers=(DESK,), traffic=Traffic(silent_s={}, queues={}, jobs=()))
    assert {"chorus_hint_wait_seconds 0.0", "chorus_listeners 0.0"} <= lines(idle)


def test_what_was_set_aside_is_counted_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    entry = SetAsideEntry(index="chorus:active", name="\\x1b[2J", reason="it is no job's id")
    traffic = Traffic(
        silent_s={}, queues={}, jobs=(), set_aside=SetAside(total=9, held=7, latest=(entry,)),
        unreadable=(Unreadable(name="new", why="Job new was written by a newer Chorus."),),
    )  # fmt: skip
    told = lines(FarmStatus(workers=(DESK,), traffic=traffic))
    assert {"chorus_set_aside_total 9.0", "chorus_set_aside_entries 7.0", "chorus_unreadable 1.0"} <= told
    status_commands._print_traffic(traffic)
    assert capsys.readouterr().out.splitlines() == [
        "new: Job new was written by a newer Chorus.",
        "set aside: 7 entries that cannot be read (9 so far); `chorus reset --set-aside` removes them:",
        "  \\x1b[2J in chorus:active: it is no job's id",
        "  … and 6 more",
    ]


def test_an_unreachable_server_is_reported_and_nothing_else() -> None:
    assert {line for line in lines(None) if not line.startswith("#")} == {"chorus_up 0.0"}


@pytest.mark.parametrize("port", ["taken", 70_000])
def test_an_unusable_port_is_refused(port: int | str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1] if port == "taken" else int(port)
        with pytest.raises(SettingError, match=f"--port {number}"):
            serve(lambda: None, number, print)
