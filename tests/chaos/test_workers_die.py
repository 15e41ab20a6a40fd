"""Workers are killed, frozen, stopped or late. Other workers take over their steps, and nothing is published twice."""

import signal
from datetime import date, timedelta

import pytest
from chaos.harness import Chaos

from chorus.records import Worker

SPOKEN = "broker.ledger:Ledger.commit_segment"


@pytest.mark.short
def test_a_voice_worker_killed_in_the_middle_of_a_segment(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice")
    chaos.begin()
    held = chaos.catch("voice")
    with chaos.fault("kill -9", held):
        chaos.kill("voice")
    chaos.check()
    assert chaos.ends("voice") == [-signal.SIGKILL]


def test_a_voice_worker_killed_while_another_one_lives(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice-heir")
    chaos.supervise("voice", trap=f"{SPOKEN} before")
    chaos.submit()
    held = chaos.trapped("voice")
    with chaos.fault("kill -9", [held]):
        chaos.kill("voice")
    chaos.check()


@pytest.mark.parametrize(
    "trap",
    [
        pytest.param("broker.store:LocalStore.write after", id="between_a_part_and_its_sidecar"),
        pytest.param("broker.ledger:Ledger.commit_part before", id="between_a_sidecar_and_its_commit"),
        pytest.param("tasks.parts.part_files:read_part after", id="in_the_middle_of_a_bind"),
        pytest.param("broker.ledger:Ledger.commit_bind before", id="between_a_file_and_its_commit"),
        pytest.param("broker.ledger:Ledger.extend after", id="in_the_middle_of_a_plan"),
    ],
)
def test_a_desk_worker_killed(chaos: Chaos, trap: str) -> None:
    chaos.supervise("desk", trap=trap)
    chaos.supervise("voice")
    chaos.submit()
    chaos.trapped("desk")
    held = chaos.steps("r") - chaos.steps("r", "segment")
    assert held
    with chaos.fault("kill -9", held):
        chaos.kill("desk")
    chaos.check()


def test_all_workers_killed_at_once(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice", "voice2")
    chaos.begin()
    chaos.freeze("desk")
    chaos.freeze("voice2")
    held = chaos.catch("voice") | chaos.steps("r")
    with chaos.fault("kill -9 of all", held):
        chaos.kill("desk", "voice", "voice2")
    chaos.check()


def test_a_worker_killed_between_taking_a_message_and_claiming_its_step(chaos: Chaos) -> None:
    chaos.supervise("desk")
    chaos.supervise("voice", trap="broker.ledger:Ledger.claim before")
    chaos.submit()
    popped = chaos.trapped("voice")
    assert popped in chaos.steps("s")
    assert chaos.attempts(popped) == 0
    with chaos.fault("kill -9", [popped]):
        chaos.kill("voice")
    chaos.check()


@pytest.mark.short
def test_a_worker_killed_between_a_commit_and_sending_what_follows(chaos: Chaos) -> None:
    chaos.supervise("desk")
    chaos.supervise("voice", trap=f"{SPOKEN} after")
    chaos.submit()
    chaos.until(lambda: chaos.record().segments_done == 1, "the first segment is committed")
    chaos.trapped("voice")
    sent = chaos.steps("s", "segment")
    assert len(sent) > sum(chaos.queued().values()), "the ledger has marked steps as sent whose messages were not sent"
    with chaos.fault("kill -9", sent):
        chaos.kill("voice")
    chaos.check()


def test_a_worker_killed_with_messages_held_by_the_gate(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice")
    chaos.begin()
    held = chaos.catch("voice")
    while len(lost := chaos.steps("s", "segment")) <= sum(chaos.queued().values()):
        # Frozen before it had received the next hint. A step that is sent, and not in a queue, is held by the process.
        chaos.thaw("voice")
        held = chaos.catch("voice")
    with chaos.fault("kill -9", held | lost):
        chaos.kill("voice")
    chaos.check()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=["SIGTERM", "SIGQUIT"])
def test_a_worker_told_to_go(chaos: Chaos, number: signal.Signals) -> None:
    chaos.supervise("desk", "voice")
    chaos.begin()
    held = chaos.catch("voice")
    with chaos.fault(number.name):
        chaos.thaw("voice")
        chaos.send_signal("voice", number)
        chaos.until(lambda: chaos.ends("voice"), "it has ended")
    chaos.check()
    assert -signal.SIGKILL not in chaos.ends("voice")
    assert all(f"{step.replace(':', ' ')}: " in chaos.logged("voice") for step in held), "it finished what it held"


def test_a_worker_frozen_past_its_lease_wakes_and_commits_late(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice")
    chaos.begin()
    held = chaos.catch("voice")
    with chaos.fault("SIGSTOP", held):
        chaos.supervise("voice-heir")
        chaos.until(lambda: held <= chaos.finished_steps(), "another worker has spoken what it held")
        chaos.thaw("voice")
    late = [f"{step.replace(':', ' ')}: duplicate" for step in held]
    chaos.until(lambda: all(one in chaos.logged("voice") for one in late), "its commit was late, and its log says so")
    chaos.check()


def test_an_old_worker_still_speaks_while_a_fresh_run_began(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice-other")
    chaos.supervise("voice", trap=f"{SPOKEN} before")
    chaos.submit()
    old = chaos.trapped("voice")
    number = int(old.partition(":")[2])

    def planned_again() -> bool:
        record = chaos.record()
        return record.epoch == 2 and record.segments_planned > number

    with chaos.fault("--fresh"):
        chaos.submit(fresh=True)
        # Before the new run has planned the segment, no commit of it would be accepted from any run.
        chaos.until(planned_again, "the next run has planned the same segment")
        chaos.recorder.start_again()
        chaos.release("voice")
    late = f"{old.replace(':', ' ')}: no longer wanted"
    chaos.until(lambda: late in chaos.logged("voice"), "the commit of the old run is discarded")
    chaos.check()


def test_a_segment_that_takes_longer_than_its_lease_is_spoken_once(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice-other")
    chaos.supervise("voice", trap=f"{SPOKEN} before")
    chaos.submit()
    held = chaos.trapped("voice")
    taken_s = chaos.redis.time()[0]
    with chaos.fault("a slow segment"):
        chaos.until(lambda: chaos.redis.time()[0] > taken_s + 5, "longer than its lease, which was renewed")
        assert chaos.attempts(held) == 1
        chaos.release("voice")
    chaos.check()


def test_every_message_sent_three_times(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice", "voice2", trap="celery.app.base:Celery.send_task thrice")
    chaos.begin()
    with chaos.fault("three of each"):
        pass
    record = chaos.check()
    refused = ("duplicate", "another attempt is working on it", "no longer wanted")
    said = "".join(chaos.logged(name) for name in ("voice", "voice2"))
    assert sum(said.count(word) for word in refused) >= record.segments_planned

    def voices() -> list[Worker]:
        return [worker for worker in chaos.client.workers() if worker.role == "voice"]

    over_ms = record.finished_ms or 0
    chaos.until(
        lambda: all(worker.seen_ms > over_ms for worker in voices()), "each has registered again with its final count"
    )
    assert sum(worker.served for worker in voices()) == record.segments_planned, "one attempt spoke each segment"


def test_a_worker_whose_clock_is_a_day_ahead(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice-right")
    with_us_ms = chaos.worker("voice-right").started_ms  # type: ignore[union-attr]
    chaos.supervise("voice-ahead", "desk-ahead", trap="time:time ahead")
    assert chaos.worker("voice-ahead").started_ms > with_us_ms + 80_000_000  # type: ignore[union-attr]
    chaos.begin()
    with chaos.fault("clock"):
        pass
    record = chaos.check()
    assert len(record.spoken_by) == 2, "both clocks' workers took part"


def test_clocks_that_jump_a_day_ahead_and_back_again(chaos: Chaos) -> None:
    workers = ("desk", "voice")
    chaos.supervise(*workers, trap="time:time jumping")
    chaos.begin()
    today, tomorrow = (f"[{date.today() + timedelta(days=days)} " for days in (0, 1))  # noqa: DTZ011 - as they log it
    with chaos.fault("clocks jump"):
        for name in workers:
            chaos.release(name)
        chaos.until(lambda: tomorrow in chaos.logged("voice"), "the voice worker logs tomorrow's date")
        for name in workers:
            chaos.revoke_release(name)
    chaos.check()
    assert today in chaos.logged("voice").rpartition(tomorrow)[2], "and then today's again"
