"""The rules of the ledger, on a real server without Celery: the tests act as planner, voice worker and desk."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import redis
from support import wait_until

from broker import backlog, registry
from broker.ledger import AudioOrigin, Claim, Ledger, Outcome, Pins, SegmentResult
from broker.settings import FarmSettings
from broker.specs import ChapterPlan, DocumentFacts, SegmentSpec
from chorus import Client
from chorus.errors import JobFailedError
from chorus.keys import JobKeys
from chorus.records import Worker
from chorus.request import Format, OnError, Priority
from chorus.states import State
from chorus.submission import Terms
from chorus.wire import Chunk, Kind, cut, decode

SOUND = "0123456789ab"
FRAMES = 11 * 24000
LEASE_S = 0.5
PINS = Pins(sound=SOUND, store="here")
VOICES = {SOUND: {"model": "toy voice", "model_digest": "d1", "variant": "raw", "voices": "d2"}}


@dataclass
class Farm:
    """Everything a worker would do, one call at a time."""

    ledger: Ledger
    client: Client
    connection: "redis.Redis"
    job: str = "book"
    hints: list[str] = field(default_factory=list)
    chapters: tuple[int, ...] = ()

    def submit(self, *, form: Format = "wav", live: bool = False, on_error: OnError = "silence", **more: Any) -> None:
        self.client.submit("Once.", job=self.job, format=form, live=live, on_error=on_error, **more)
        self.note(self.advance())

    def advance(self, **options: bool) -> Outcome:
        return self.ledger.advance(self.job, PINS, **options)

    def now_ms(self) -> float:
        """The server's clock, as the ledger reads it."""
        seconds, micros = self.connection.time()
        return float(seconds * 1000 + micros / 1000)

    def note(self, outcome: Outcome) -> Outcome:
        self.hints += [hint.step for hint in outcome.hints if hint.step not in self.hints]
        return outcome

    def take(self, step: str, token: str = "", samples: str = "") -> Claim:
        return self.ledger.claim(self.job, step, token or f"token of {step}", samples=samples, graph=f"it, {samples}")

    def plan(self, *chapters: int) -> None:
        """Say how many segments each chapter has, and plan the first."""
        self.chapters = chapters
        self.hints.remove("plan:0")
        self.work("plan:0")

    def plan_chapter(self, claim: Claim) -> Outcome:
        k, count = claim.number, self.chapters[claim.number]
        about = DocumentFacts(title="Book", chapters=len(self.chapters), characters=10 * sum(self.chapters))
        specs = [spec(k)] * count
        self.note(self.ledger.extend(claim, specs, first_index=0, document=about if k == 0 else None))
        return self.ledger.commit_plan(
            claim, ChapterPlan(title=f"Chapter {k + 1}", characters=10 * count, segments=count)
        )

    def speak(self, step: str) -> Outcome:
        return self.note(self.publish(self.take(step)))

    def publish(self, claim: Claim, source: AudioOrigin = "warm", *, audible: bool = True) -> Outcome:
        pcm = bytes([claim.number % 255 + 1, 0]) * 100
        told = SegmentResult(frames=100, wall_ms=5, audible=audible, worker="voice@here#1", source=source)
        return self.ledger.commit_segment(claim, cut(claim.number, pcm), told)

    def work(self, step: str) -> Outcome:
        """Do any step that was hinted."""
        if step.startswith("segment"):
            return self.speak(step)
        claim = self.take(step)
        assert claim.status == "ok"
        if step.startswith("plan"):
            return self.note(self.plan_chapter(claim))
        if step == "bind":
            result = {"path": "/x", "store": "here", "host": "h", "bytes": 1, "frames": 1, "format": "wav"}
            return self.note(self.ledger.commit_bind(claim, result))
        return self.note(self.ledger.commit_part(claim))

    def work_off(self, pick: Callable[[list[str]], str] = lambda hints: hints[0]) -> None:
        while self.hints:
            step = pick(self.hints)
            self.hints.remove(step)
            assert self.work(step).status == "ok"

    def number(self, name: str) -> int:
        """A counter of the job's record that clients have no use for."""
        return int(self.connection.hget(JobKeys(self.job).record, name) or 0)

    def state(self) -> State:
        return self.client.job(self.job).state

    def stream(self) -> list[Chunk]:
        return [decode(fields) for _, fields in self.connection.xrange(JobKeys(self.job).stream)]


def spec(chapter: int) -> SegmentSpec:
    return SegmentSpec(
        chapter=chapter, start=0, end=10, text="0123456789", phonemes="a", pause_ms=0, characters=10, frames=FRAMES,
    )  # fmt: skip


@pytest.fixture
def farm(redis_url: str) -> Iterator[Farm]:
    with redis.Redis.from_url(redis_url) as connection, Client(redis_url) as client:
        ledger = Ledger(connection, FarmSettings(lease_s=LEASE_S))
        ledger.note_farm({SOUND: 2}, VOICES)
        yield Farm(ledger=ledger, client=client, connection=connection)


def test_a_book_runs_from_submit_to_its_file(farm: Farm) -> None:
    farm.submit()
    farm.plan(7, 3)
    farm.work_off()
    record = farm.client.job("book")
    assert record.state is State.DONE
    assert (record.segments_planned, record.segments_done, record.segments_failed) == (10, 10, 0)
    assert (record.characters, record.characters_total) == (100, 100)
    assert record.parts_done == record.parts_total == 3
    assert [chunk.kind for chunk in farm.stream()] == [Kind.END]


def test_a_cached_segment_counts_as_done_and_as_no_workers_work(farm: Farm) -> None:
    farm.submit()
    farm.plan(4)
    sources: tuple[AudioOrigin, ...] = ("cache", "warm", "primer", "cold")
    for number, source in enumerate(sources):
        farm.hints.remove(f"segment:{number}")
        farm.note(farm.publish(farm.take(f"segment:{number}"), source))
    farm.work_off()
    record = farm.client.job("book")
    assert (record.state, record.segments_done, record.frames) == (State.DONE, 4, 400)
    assert (record.segments_cached, record.frames_cached) == (2, 200)
    assert (record.audio_wall_ms, record.spoken_by) == (10, {"voice@here#1": 2})
    assert record.first_audio_from == "cache"
    assert record.first_chunk_ms == record.first_audio_ms is not None
    farm.client.submit("Once.", job="book", format="wav", fresh=True)
    farm.note(farm.advance())
    record = farm.client.job("book")
    assert (record.segments_cached, record.frames_cached, record.first_audio_from) == (0, 0, "")
    assert record.first_chunk_ms is None


def test_a_job_without_audio_has_no_time_to_first_sound(farm: Farm) -> None:
    farm.submit()
    farm.plan(3)
    farm.note(farm.publish(farm.take("segment:0"), audible=False))
    record = farm.client.job("book")
    assert record.first_chunk_ms is not None
    assert (record.first_audio_ms, record.first_audio_from) == (None, "")
    farm.note(farm.publish(farm.take("segment:1"), "cold"))
    first_ms = farm.client.job("book").first_audio_ms
    assert first_ms is not None
    assert farm.client.job("book").first_audio_from == "cold"
    farm.note(farm.publish(farm.take("segment:2")))
    assert farm.client.job("book").first_audio_ms == first_ms, "the first time counts"


def test_a_silent_job_has_no_time_to_first_sound(farm: Farm) -> None:
    farm.submit(form="")
    farm.plan(2)
    farm.note(farm.publish(farm.take("segment:0"), audible=False))
    farm.note(farm.ledger.fail(farm.take("segment:1"), "It hurts.", final=True))
    record = farm.client.job("book")
    assert record.state is State.DONE
    assert (record.first_audio_ms, record.first_audio_from) == (None, "")


def test_only_a_requested_fresh_run_is_fresh(farm: Farm) -> None:
    farm.submit()
    assert not farm.take("plan:0").fresh
    farm.client.submit("Once.", job="book", format="wav", fresh=True)
    farm.note(farm.advance())
    assert farm.take("plan:0").fresh


def test_time_spent_on_phonemes_is_added_up(farm: Farm) -> None:
    farm.submit()
    claim = farm.take("plan:0")
    specs = [replace(spec(0), g2p_ms=1.25), replace(spec(0), g2p_ms=0.5), spec(0)]
    farm.ledger.extend(claim, specs, first_index=0, document=DocumentFacts(title="Book", chapters=1, characters=30))
    assert farm.client.job("book").g2p_us == 1750


def test_a_waiting_job_says_what_it_waits_for(farm: Farm) -> None:
    farm.ledger.note_farm({}, VOICES)
    farm.client.submit("Once.", job="book", format="wav")
    farm.ledger.advance("book", Pins())
    assert farm.client.job("book").waiting == "no voice worker is registered"
    farm.ledger.advance("book", Pins(sound=SOUND))
    assert farm.client.job("book").waiting == "no desk worker with a store is registered"
    farm.advance()
    assert farm.client.job("book").waiting == f"no voice worker is here yet that speaks with toy voice (sound {SOUND})"
    farm.ledger.note_farm({SOUND: 1}, VOICES)
    farm.advance()
    assert farm.client.job("book").waiting == ""


def test_a_job_submitted_without_a_voice_worker_learns_its_voice_before_it_is_spoken(farm: Farm) -> None:
    farm.ledger.note_farm({}, {})
    farm.submit()
    farm.ledger.note_farm({SOUND: 2}, VOICES)
    farm.plan(1)
    assert farm.take("segment:0").model == "toy voice"
    record = farm.client.job("book")
    assert (record.model_digest, record.variant, record.voices) == ("d1", "raw", "d2")


def test_without_a_voice_worker_planning_goes_on_but_no_segment_is_dispatched(farm: Farm) -> None:
    farm.ledger.note_farm({}, {})
    farm.submit()
    farm.plan(3)
    assert farm.hints == []
    assert farm.client.job("book").segments_planned == 3


def test_the_same_token_gets_the_same_claim_without_counting_and_another_gets_none(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    first, again = farm.take("segment:0", "mine"), farm.take("segment:0", "mine")
    assert (first.status, first.attempt) == (again.status, again.attempt) == ("ok", 1)
    assert farm.take("segment:0", "yours").status == "busy"


def test_a_repeatable_job_is_spoken_by_workers_of_the_same_samples(farm: Farm) -> None:
    farm.submit(repeatable=True)
    farm.plan(3)
    assert farm.take("segment:0", "still prepared", samples="").status == "unlike"
    farm.advance()
    assert "the voice here is still being prepared" in farm.client.job("book").waiting
    assert farm.take("segment:1", samples="fast").status == "ok", "the first that is sure of its samples decides"
    assert farm.client.job("book").variant == "it, fast", "the report names the graph that speaks"
    farm.advance()
    assert farm.client.job("book").waiting == ""
    other = farm.take("segment:0", "other", samples="original")
    assert (other.status, other.attempt) == ("unlike", 0), "it is no attempt"
    farm.advance()
    assert "no voice worker speaks the samples it began with" in farm.client.job("book").waiting
    assert farm.take("segment:0", samples="fast").status == "ok"
    farm.submit(repeatable=True, fresh=True)
    farm.hints.append("plan:0")
    farm.plan(1)
    assert farm.take("segment:0", samples="original").status == "ok", "begun anew, it may have others"


def test_any_other_job_is_spoken_by_every_worker_of_its_sound(farm: Farm) -> None:
    farm.submit(title='"repeatable":true')
    farm.plan(2)
    assert farm.take("segment:0", samples="").status == farm.take("segment:1", samples="original").status == "ok"


def test_a_segment_is_never_published_twice(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    early = farm.take("segment:0", "early")
    wait_until(lambda: "segment:0" in [hint.step for hint in farm.advance().hints], description="the lease ends")
    late = farm.take("segment:0", "late")
    assert late.attempt == 2
    assert farm.publish(early).status == "ok"
    assert farm.publish(late).status == "done"
    assert farm.publish(early).status == "done"
    assert [chunk.order for chunk in farm.stream() if chunk.kind is Kind.AUDIO] == [(0, 0)]


def test_a_step_with_a_renewed_lease_is_not_dispatched_again(farm: Farm) -> None:
    farm.submit()
    farm.plan(2)
    mine, silent = farm.take("segment:0"), farm.take("segment:1")

    def only_the_silent_one_is_given_on() -> bool:
        assert farm.ledger.renew(mine)
        given_on = [hint.step for hint in farm.advance().hints]
        assert "segment:0" not in given_on
        return given_on == ["segment:1"]

    wait_until(only_the_silent_one_is_given_on, description="the silent attempt's lease ends")
    assert not farm.ledger.renew(silent)


def test_a_segment_whose_worker_died_is_spoken_again_in_its_place(farm: Farm) -> None:
    farm.submit(form="")
    farm.plan(2)
    farm.take("segment:0", "a worker that dies")
    farm.speak("segment:1")
    assert [chunk.segment for chunk in farm.stream()] == [1]
    wait_until(
        lambda: [hint.step for hint in farm.advance().hints] == ["segment:0"], description="the lease of segment 0 ends"
    )
    farm.speak("segment:0")
    assert [chunk.segment for chunk in farm.stream()] == [1, 0, 2], "as they came, and the end behind them"
    assert [chunk.segment for chunk in farm.client.listen("book")] == [0, 1]


def test_an_unclaimed_hint_is_sent_again_at_growing_intervals(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    keys = JobKeys("book")

    def patience_ms() -> float:
        return (farm.connection.zscore(keys.segment_leases, "segment:0") or 0) - farm.now_ms()

    assert 2000 < patience_ms() <= 3000
    for least_ms, most_ms in ((5000, 6000), (11000, 12000)):
        farm.connection.zadd(keys.segment_leases, {"segment:0": 0})  # its deadline has come
        assert [hint.step for hint in farm.advance().hints] == ["segment:0"]
        assert least_ms < patience_ms() <= most_ms


def test_a_reaper_that_slept_does_not_take_claimed_steps(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    farm.take("segment:0")
    farm.connection.zadd(JobKeys("book").segment_leases, {"segment:0": 0})
    assert farm.advance(may_reap=False).hints == ()
    assert [hint.step for hint in farm.advance().hints] == ["segment:0"]


def test_a_reaper_learns_when_the_next_lease_expires(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    farm.take("segment:0")
    farm.connection.zadd(JobKeys("book").segment_leases, {"segment:0": farm.now_ms() + 120})
    (due,) = farm.advance().extra
    assert 0 < int(due) <= 121, "in whole ms, rounded up"
    farm.connection.zadd(JobKeys("book").segment_leases, {"segment:0": 0})
    assert int(farm.advance(may_reap=False).extra[0]) == 0, "over, but this reaper may not give it on"


def test_a_commit_of_an_older_run_is_ignored(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    old = farm.take("segment:0", "old")
    farm.client.submit("Once.", job="book", format="wav", fresh=True)
    farm.hints.clear()
    farm.note(farm.advance())
    farm.plan(1)
    assert farm.publish(old).status == "gone"
    assert farm.take("segment:0", "new").epoch == old.epoch + 1
    assert farm.client.job("book").active_ms == 0
    assert farm.stream() == []


def test_a_chapter_planned_twice_has_its_segments_once(farm: Farm) -> None:
    farm.submit()
    claim = farm.take("plan:0")
    about = DocumentFacts(title="Book", chapters=1, characters=50)
    farm.ledger.extend(claim, [spec(0)] * 2, first_index=0, document=about)
    for _ in range(2):
        farm.ledger.extend(claim, [spec(0)] * 5, first_index=0, document=about)
    farm.ledger.commit_plan(claim, ChapterPlan(title="One", characters=50, segments=5))
    assert farm.client.job("book").segments_planned == 5


def test_the_first_segment_leaves_before_its_chapter_is_planned_to_the_end(farm: Farm) -> None:
    farm.submit()
    claim = farm.take("plan:0")
    about = DocumentFacts(title="Book", chapters=1, characters=50)
    outcome = farm.ledger.extend(claim, [spec(0)], first_index=0, document=about)
    assert [(hint.queue, hint.step) for hint in outcome.hints] == [("bulk", "segment:0")]
    assert farm.publish(farm.take("segment:0")).status == "ok"
    with farm.client.listen("book") as listener:
        assert next(listener).segment == 0, "heard while its chapter's second segment is not cut"
    record = farm.client.job("book")
    assert (record.segments_done, record.segments_planned, record.chapters_planned) == (1, 1, 0)
    farm.ledger.extend(claim, [spec(0)] * 5, first_index=1, document=None)
    assert farm.client.job("book").segments_planned == 6


@pytest.mark.parametrize("given_up", [False, True])
def test_no_more_live_text_is_cut_before_the_first_segment_is_spoken_or_has_failed(farm: Farm, given_up: bool) -> None:
    farm.submit(form="", live=True)
    about = DocumentFacts(title="Book", chapters=1, characters=50)
    begun = farm.ledger.extend(farm.take("plan:0"), [spec(0)], first_index=0, document=about)
    assert begun.status == "enough"
    assert [(hint.queue, hint.step) for hint in begun.hints] == [("live", "segment:0")]
    assert farm.advance().hints == ()
    claim = farm.take("segment:0")
    assert farm.advance().hints == ()
    outcome = farm.ledger.fail(claim, "no", final=True) if given_up else farm.publish(claim)
    assert [(hint.queue, hint.step) for hint in outcome.hints] == [("desk.live", "plan:0")]
    # It goes on behind what it has, and its attempt is the first: none was lost.
    rest = farm.take("plan:0")
    assert rest.attempt == 1
    assert [hint.step for hint in farm.ledger.extend(rest, [spec(0)], first_index=1, document=None).hints] == [
        "segment:1"
    ]


def test_both_windows_hold_in_whatever_order_segments_finish(farm: Farm) -> None:
    chance = random.Random(7)
    keys = JobKeys("book")

    def pick(hints: list[str]) -> str:
        flying = farm.connection.zcard(keys.segment_leases)
        numbers = [chunk.segment for chunk in farm.stream() if chunk.kind is Kind.AUDIO]
        specs = farm.connection.hmget(keys.specs, [str(n) for n in numbers]) if numbers else []
        parts = {int(one.split(b'"part":')[1].split(b",")[0].rstrip(b"}")) for one in specs if one}
        assert flying <= 2 * 2
        assert max(parts, default=0) - min(parts, default=0) < 3
        return chance.choice(hints)

    farm.submit()
    farm.plan(60)
    farm.work_off(pick)
    assert farm.state() is State.DONE


def test_a_slow_store_stops_synthesis_after_three_parts(farm: Farm) -> None:
    farm.submit()
    farm.plan(60)
    while any(step.startswith("segment") for step in farm.hints):
        step = next(step for step in farm.hints if step.startswith("segment"))
        farm.hints.remove(step)
        farm.speak(step)
    assert farm.hints == ["part:0", "part:1", "part:2"]
    segments_per_part = -(-60 * 24000 // FRAMES)
    assert farm.client.job("book").segments_done == 3 * segments_per_part


def test_five_thousand_segments_need_little_memory(farm: Farm) -> None:
    farm.submit()
    used: list[int] = []

    def pick(hints: list[str]) -> str:
        if len(used) < farm.client.job("book").segments_done // 500:
            used.append(farm.connection.info("memory")["used_memory"])
        return hints[0]

    farm.plan(*[500] * 10)
    farm.work_off(pick)
    assert farm.client.job("book").segments_done == 5000
    assert max(used) < 64 * 2**20
    assert farm.connection.memory_usage(JobKeys("book").stream) < 100_000


def test_planning_is_at_most_one_chapter_ahead(farm: Farm) -> None:
    farm.submit()
    farm.plan(100, 100, 100)
    assert "plan:1" in farm.hints
    farm.hints.remove("plan:1")
    farm.work("plan:1")
    assert "plan:2" not in farm.hints
    spoken_to_the_end = [f"segment:{n}" for n in range(100)]
    while not set(farm.hints) & {"plan:2"}:
        step = farm.hints.pop(0)
        assert step in spoken_to_the_end or step.startswith("part")
        farm.work(step)
    assert farm.client.job("book").segments_done >= 90


@pytest.mark.parametrize("seed", range(5))
def test_a_chapter_is_finished_when_it_and_all_before_it_are_spoken_or_failed(farm: Farm, seed: int) -> None:
    chance = random.Random(seed)
    farm.submit()
    farm.plan(3, 0, 12, 1, 0)
    firsts, over = (0, 3, 3, 15, 16, 16), set[int]()
    counts = [0]
    while farm.hints:
        step = farm.hints.pop(chance.randrange(len(farm.hints)))
        if step == "segment:4":
            farm.note(farm.ledger.fail(farm.take(step), "It hurts.", final=True))
        else:
            farm.work(step)
        over |= {int(step.removeprefix("segment:"))} if step.startswith("segment") else set()
        record = farm.client.job("book")
        planned = range(record.chapters_planned)
        finished = [k for k in planned if over >= set(range(firsts[k + 1]))]
        assert record.chapters_done == len(finished)
        counts.append(record.chapters_done)
    assert counts == sorted(counts)
    assert counts[-1] == 5
    farm.client.want("book", "retry")
    farm.note(farm.advance())
    assert farm.client.job("book").chapters_done == 2, "the third has a segment to come again"
    farm.work_off()
    assert farm.client.job("book").chapters_done == 5


def test_a_chapter_is_not_finished_while_more_of_it_may_be_planned(farm: Farm) -> None:
    farm.submit()
    claim = farm.take("plan:0")
    about = DocumentFacts(title="Book", chapters=2, characters=40)
    farm.note(farm.ledger.extend(claim, [spec(0)], first_index=0, document=about))
    farm.speak("segment:0")
    farm.note(farm.ledger.extend(claim, [spec(0)], first_index=1, document=None))
    farm.note(farm.ledger.commit_plan(claim, ChapterPlan(title="One", characters=20, segments=2)))
    assert farm.client.job("book").chapters_done == 0
    farm.speak("segment:1")
    assert farm.client.job("book").chapters_done == 1


def test_an_extremely_long_chapter_is_planned_in_stretches(farm: Farm) -> None:
    farm.submit()
    farm.hints.remove("plan:0")
    count, handed, most = 3000, 0, 0
    about = DocumentFacts(title="Book", chapters=1, characters=10 * count)
    while handed < count:
        claim, status = farm.take("plan:0"), "ok"
        assert (claim.status, claim.attempt) == ("ok", 1), "nothing was lost, so no attempt counts"
        while status == "ok" and handed < count:
            batch = [spec(0)] * min(32, count - handed)
            outcome = farm.note(farm.ledger.extend(claim, batch, first_index=handed, document=about))
            status, handed, about = outcome.status, handed + len(batch), None
        waiting = farm.client.job("book").segments_planned - farm.number("next")
        most = max(most, waiting)
        while status == "enough" and "plan:0" not in farm.hints:
            farm.work(farm.hints.pop(0))
        if status == "enough":
            assert waiting // 4 < farm.client.job("book").segments_planned - farm.number("next") < waiting
            farm.hints.remove("plan:0")
    assert 900 < most < 1100
    farm.note(farm.ledger.commit_plan(claim, ChapterPlan(title="One", characters=10 * count, segments=count)))
    farm.work_off()
    assert farm.client.job("book").segments_done == count


@pytest.mark.parametrize("tells", ["more of it", "its end"])
def test_a_chapter_whose_beginning_the_server_lost_is_planned_again(farm: Farm, tells: str) -> None:
    farm.submit()
    farm.hints.remove("plan:0")
    claim = farm.take("plan:0")
    about = DocumentFacts(title="Book", chapters=1, characters=50)
    farm.ledger.extend(claim, [spec(0)] * 2, first_index=0, document=about)
    # Three more were handed over, and went with the last second of the server's log.
    if tells == "its end":
        outcome = farm.ledger.commit_plan(claim, ChapterPlan(title="One", characters=50, segments=5))
    else:
        outcome = farm.ledger.extend(claim, [spec(0)] * 2, first_index=5, document=None)
    assert outcome.status == "again"
    assert [hint.step for hint in outcome.hints] == ["plan:0"]
    farm.hints, farm.chapters = ["segment:0", "segment:1", "plan:0"], (5,)
    farm.work_off()
    assert farm.client.job("book").segments_done == 5


def test_a_paused_job_finishes_its_claimed_steps_and_starts_none(farm: Farm) -> None:
    farm.submit()
    farm.plan(9)
    held = farm.take("segment:0")
    farm.client.want("book", "paused")
    farm.advance()
    assert farm.publish(held).hints == ()
    assert farm.take("segment:1").status == "gone"
    farm.client.want("book", "running")
    assert {"segment:1", "segment:2", "segment:3"} <= {hint.step for hint in farm.advance().hints}
    assert farm.take("segment:1").status == "ok"


def test_a_cancelled_job_frees_its_memory_and_ends_its_streams(farm: Farm) -> None:
    farm.submit()
    farm.plan(9)
    farm.speak("segment:0")
    held = farm.take("segment:1")
    farm.client.want("book", "cancelled")
    assert farm.advance().status == "cancelled"
    assert farm.publish(held).status == "gone"
    assert [(chunk.kind, chunk.segment, chunk.text) for chunk in farm.stream()] == [(Kind.FAILURE, -1, "cancelled")]
    left = {key.decode().rpartition(":")[2] for key in farm.connection.scan_iter("chorus:{book}:*")}
    assert left <= {"record", "stream", "chapters"}


def test_a_segment_that_fails_twice_leaves_a_failure_marker_and_the_job_goes_on(farm: Farm) -> None:
    farm.submit(form="")
    farm.plan(2)
    assert farm.ledger.fail(farm.take("segment:0", "a"), "It hurts.", final=False).status == "again"
    assert farm.ledger.fail(farm.take("segment:0", "b"), "It hurts.", final=False).status == "failed"
    farm.speak("segment:1")
    assert farm.state() is State.DONE
    heard = [(chunk.kind, chunk.segment) for chunk in farm.client.listen("book")]
    assert heard == [(Kind.FAILURE, 0), (Kind.AUDIO, 1)]


def test_on_error_stop_ends_the_job_with_the_reason_and_retry_goes_on(farm: Farm) -> None:
    farm.submit(form="", on_error="stop")
    farm.plan(3)
    farm.ledger.fail(farm.take("segment:1"), "It hurts.", final=True)
    assert (farm.state(), farm.client.job("book").error) == (State.FAILED, "It hurts.")
    with pytest.raises(JobFailedError, match="It hurts"):
        list(farm.client.listen("book"))
    farm.client.want("book", "retry")
    farm.note(farm.advance())
    farm.work_off()
    assert farm.state() is State.DONE
    assert [chunk.segment for chunk in farm.client.listen("book")] == [0, 1, 2]


def test_retry_speaks_only_what_failed_and_stores_only_its_part(farm: Farm) -> None:
    farm.submit()
    farm.plan(20)
    farm.hints.remove("segment:2")
    farm.note(farm.ledger.fail(farm.take("segment:2"), "It hurts.", final=True))
    farm.work_off()
    assert farm.state() is State.DONE
    assert farm.client.job("book").segments_failed == 1
    farm.client.want("book", "retry")
    farm.note(farm.advance())
    done: list[str] = []

    def pick(hints: list[str]) -> str:
        done.append(hints[0])
        return hints[0]

    farm.work_off(pick)
    assert done == ["segment:2", "part:0", "bind"]
    record = farm.client.job("book")
    assert (record.state, record.segments_done, record.segments_failed) == (State.DONE, 20, 0)


def test_a_bind_reports_its_progress_and_renews_its_lease_by_it(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    while farm.hints != ["bind"]:
        farm.work(farm.hints.pop(0))
    assert farm.client.job("book").bind_started_ms is None
    claim = farm.take("bind")
    before_ms = farm.now_ms()
    assert farm.ledger.tell_bound(claim, 0)
    record = farm.client.job("book")
    assert (record.bound_frames, int(before_ms) <= (record.bind_started_ms or 0) <= farm.now_ms()) == (0, True)
    due_ms = farm.connection.zscore(JobKeys("book").desk_leases, "bind")
    assert farm.ledger.tell_bound(claim, 40)
    after = farm.client.job("book")
    assert (after.bound_frames, after.bind_started_ms) == (40, record.bind_started_ms)
    assert (farm.connection.zscore(JobKeys("book").desk_leases, "bind") or 0) >= (due_ms or 0)
    farm.client.want("book", "cancelled")
    farm.advance()
    assert not farm.ledger.tell_bound(claim, 80), "it is not wanted any more"
    assert farm.client.job("book").bound_frames == 40


def test_the_progress_of_an_earlier_bind_is_reset_when_the_job_runs_again(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    farm.hints.remove("segment:0")
    farm.note(farm.ledger.fail(farm.take("segment:0"), "It hurts.", final=True))
    for again in ("retry", "fresh"):
        while farm.hints != ["bind"]:
            farm.work(farm.hints.pop(0))
        assert farm.ledger.tell_bound(farm.take("bind"), 0)
        assert farm.ledger.tell_bound(farm.take("bind"), 40)
        farm.work_off()
        if again == "retry":
            farm.client.want("book", "retry")
        else:
            farm.client.submit("Once.", job="book", format="wav", fresh=True)
        farm.note(farm.advance())
        record = farm.client.job("book")
        assert (record.bound_frames, record.bind_started_ms) == (0, None), again
    assert record.chapters_done == 0


def test_each_death_of_a_process_counts_as_an_attempt_and_retry_resets_the_count(farm: Farm) -> None:
    farm.submit(form="", on_error="stop")
    farm.plan(1)
    claim = farm.take("segment:0", "1")
    for attempt in range(2, 10):
        farm.ledger.release(claim)
        farm.advance()
        claim = farm.take("segment:0", str(attempt))
        assert (claim.status, claim.attempt, claim.isolated) == ("ok", attempt, attempt >= 3)
    farm.ledger.fail(claim, "It hurts.", final=True)
    farm.client.want("book", "retry")
    farm.advance()
    assert farm.take("segment:0", "anew").attempt == 1


def test_a_returned_step_is_dispatched_at_the_next_tick(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)
    claim = farm.take("segment:0")
    assert farm.advance().hints == ()
    farm.ledger.release(claim)
    assert [hint.step for hint in farm.advance().hints] == ["segment:0"]


def test_a_live_job_uses_the_bulk_queue_once_its_listener_is_ten_seconds_ahead(farm: Farm) -> None:
    farm.submit(form="", live=True)
    farm.plan(12)
    outcome = farm.speak("segment:0")
    assert {hint.queue for hint in outcome.hints if hint.step.startswith("segment")} == {"live"}
    claim = farm.take("segment:1")
    told = SegmentResult(frames=11 * 24000, wall_ms=5, audible=True, worker="voice@here#1")
    outcome = farm.ledger.commit_segment(claim, cut(1, b"\1\0"), told)
    assert {hint.queue for hint in outcome.hints} == {"bulk"}


def test_scripts_are_loaded_again_after_a_script_flush(farm: Farm) -> None:
    farm.submit()
    farm.connection.script_flush()
    farm.plan(1)
    assert farm.speak("segment:0").status == "ok"


def test_an_error_of_every_segment_stops_the_job_even_with_on_error_silence(farm: Farm) -> None:
    farm.submit(on_error="silence")
    farm.plan(3)
    farm.ledger.fail(farm.take("segment:0"), "Voice 'af_hart' is unknown.", final=True, stop=True)
    assert (farm.state(), farm.client.job("book").error) == (State.FAILED, "Voice 'af_hart' is unknown.")


def test_an_urgent_book_gets_a_larger_share_and_no_book_gets_none(farm: Farm) -> None:
    shares: dict[Priority, int] = {}
    priorities: tuple[Priority, ...] = ("low", "normal", "high")
    for priority in priorities:
        farm.job = priority
        farm.client.submit("Once.", job=priority, format="wav", terms=Terms(priority=priority))
        farm.hints.clear()
        farm.note(farm.advance())
        farm.plan(40)
        shares[priority] = sum(step.startswith("segment") for step in farm.hints)
    assert shares == {"low": 2, "normal": 4, "high": 8}


def test_while_the_server_is_short_of_memory_nothing_is_dispatched_and_the_job_says_why(farm: Farm) -> None:
    farm.submit()
    farm.plan(9)
    farm.ledger.note_farm({SOUND: 2}, VOICES, memory_tight=True)
    assert farm.speak("segment:0").hints == ()
    farm.advance()
    assert farm.client.job("book").waiting.startswith("the server has used 70 % of its memory")
    farm.ledger.note_farm({SOUND: 2}, VOICES)
    assert [hint.step for hint in farm.advance().hints] == ["segment:4"]
    assert farm.client.job("book").waiting == ""


def test_the_server_is_short_of_memory_from_70_percent_of_its_maximum(farm: Farm) -> None:
    farm.submit()
    used = farm.connection.info("memory")["used_memory"]
    assert not registry.memory_tight(farm.connection)
    try:
        farm.connection.config_set("maxmemory", used * 2)
        assert not registry.memory_tight(farm.connection)
        farm.connection.config_set("maxmemory", int(used * 1.2))
        assert registry.memory_tight(farm.connection)
    finally:
        farm.connection.config_set("maxmemory", 0)


def test_an_external_error_pauses_the_job_and_counts_against_no_step(farm: Farm) -> None:
    farm.submit()
    farm.plan(6)
    while "part:0" not in farm.hints:
        farm.speak(farm.hints.pop(0))
    farm.hints.remove("part:0")
    refused = farm.take("part:0", "first")
    assert farm.ledger.pause(refused, "The store is full.").status == "paused"
    assert (farm.state(), farm.client.job("book").waiting) == (State.PAUSED, "The store is full.")
    assert farm.take("part:0").status == "gone", "nothing is begun while it is paused"
    farm.client.want("book", "running")
    farm.note(farm.advance())
    assert (farm.state(), farm.client.job("book").waiting) == (State.RUNNING, "")
    assert "part:0" in farm.hints
    assert farm.take("part:0", "second").attempt == 1
    farm.hints.remove("part:0")
    farm.work_off()
    assert farm.state() is State.RUNNING, "only the part that we still hold is missing"


def test_a_job_paused_by_its_user_shows_no_old_reason(farm: Farm) -> None:
    farm.submit()
    farm.ledger.note_farm({}, {})
    farm.advance()
    assert farm.client.job("book").waiting
    farm.client.want("book", "paused")
    farm.advance()
    assert (farm.state(), farm.client.job("book").waiting) == (State.PAUSED, "")


def test_a_live_job_without_a_listener_for_a_minute_pauses_until_one_returns(farm: Farm) -> None:
    farm.submit(form="", live=True)
    farm.plan(9)
    farm.speak("segment:0")
    keys = JobKeys("book")
    for long_ago in ("started_ms", "listened_ms"):
        farm.connection.hset(keys.record, long_ago, 1)
    farm.advance()
    assert farm.state() is State.PAUSED
    assert farm.client.job("book").waiting.startswith("nobody has listened for a minute")
    seconds, _ = farm.connection.time()
    farm.connection.hset(keys.readers, "late", json.dumps({"segment": 0, "deadline_ms": (seconds + 10) * 1000}))
    assert "segment:1" in [hint.step for hint in farm.advance().hints]
    assert farm.state() is State.RUNNING


def test_a_book_with_a_file_needs_no_listener(farm: Farm) -> None:
    farm.submit()
    farm.plan(9)
    for long_ago in ("started_ms", "listened_ms"):
        farm.connection.hset(JobKeys("book").record, long_ago, 1)
    farm.advance()
    assert farm.state() is State.RUNNING


def test_the_running_time_excludes_pauses_and_restarts_with_a_fresh_run(farm: Farm) -> None:
    farm.submit()
    farm.plan(3)
    long_ago_ms = farm.client.job("book").created_ms - 100_000
    farm.connection.hset(JobKeys("book").record, "running_since_ms", long_ago_ms)
    farm.client.want("book", "paused")
    farm.advance()
    ran_ms = farm.client.job("book").active_ms
    assert 100_000 <= ran_ms < 200_000
    farm.advance()
    assert farm.client.job("book").active_ms == ran_ms
    farm.client.submit("Once.", job="book", format="wav", fresh=True)
    farm.connection.hset(JobKeys("book").record, "created_ms", long_ago_ms)
    farm.advance()
    assert farm.client.job("book").active_ms == 0
    farm.hints[:] = ["plan:0"]
    farm.plan(1)
    farm.speak("segment:0")
    assert (farm.client.job("book").first_audio_ms or 0) < 100_000


def test_the_audio_in_redis_is_always_counted_exactly(farm: Farm) -> None:
    chance = random.Random(11)
    held: list[int] = []

    def pick(hints: list[str]) -> str:
        in_stream = sum(len(chunk.pcm) // 2 for chunk in farm.stream() if chunk.kind is Kind.AUDIO)
        assert farm.client.job("book").frames_held == in_stream
        held.append(in_stream)
        return chance.choice(hints)

    farm.submit()
    farm.plan(14)
    farm.hints.remove("segment:2")
    farm.note(farm.ledger.fail(farm.take("segment:2"), "It hurts.", final=True))
    farm.work_off(pick)
    farm.client.want("book", "retry")
    farm.note(farm.advance())
    farm.work_off(pick)
    assert max(held) > 0
    assert held[-1] == farm.client.job("book").frames_held == 0
    farm.client.submit("Once.", job="book", format="wav", fresh=True)
    farm.note(farm.advance())
    farm.plan(3)
    farm.speak("segment:0")
    assert farm.client.job("book").frames_held == 100
    farm.client.want("book", "cancelled")
    farm.advance()
    assert farm.client.job("book").frames_held == 0


def test_the_backlog_of_a_live_job_shows_how_far_each_listener_is_behind(farm: Farm) -> None:
    farm.submit(form="", live=True)
    farm.plan(9)
    for n in range(3):
        farm.speak(f"segment:{n}")
    seconds, _ = farm.connection.time()
    cursors = {"ahead": (3, 9), "slow": (1, 4), "gone": (0, -1)}
    for name, (segment, left_s) in cursors.items():
        cursor = {"segment": segment, "deadline_ms": (seconds + left_s) * 1000}
        farm.connection.hset(JobKeys("book").readers, name, json.dumps(cursor))
    farm.connection.expire(JobKeys("book").readers, 60)
    (told,) = backlog.look(farm.connection).jobs
    assert [(one.name, one.behind_segments) for one in told.readers] == [("ahead", 0), ("slow", 2)]
    ahead, slow = (one.silent_s for one in told.readers)
    assert slow - ahead == pytest.approx(5, abs=0.1)
    assert (told.job, told.state, told.segments_done, told.segments_planned) == ("book", "running", 3, 9)
    assert told.under_way == 4
    assert told.held_s == 300 / 24000


def test_the_backlog_shows_how_long_a_hint_has_waited_since_it_was_last_sent(farm: Farm) -> None:
    farm.submit()
    farm.plan(1)

    def wait_s() -> float:
        (told,) = backlog.look(farm.connection).jobs
        return told.hint_wait_s

    fresh_s = wait_s()
    assert fresh_s > 0
    farm.connection.zincrby(JobKeys("book").segment_leases, -100_000, "segment:0")
    assert 100 < wait_s() < 200 + fresh_s
    farm.advance()
    assert 0 < wait_s() < 100, "it was sent again"
    farm.take("segment:0")
    assert wait_s() == 0


def test_the_backlog_counts_running_segments_of_a_paused_job_but_no_waiting_ones(farm: Farm) -> None:
    farm.submit()
    farm.plan(9)
    farm.take("segment:0")
    farm.client.want("book", "paused")
    farm.advance()
    (told,) = backlog.look(farm.connection).jobs
    assert (told.state, told.under_way, told.hint_wait_s) == ("paused", 1, 0)
    farm.connection.zincrby(JobKeys("book").segment_leases, -100_000, "segment:0")
    (told,) = backlog.look(farm.connection).jobs
    assert told.under_way == 0, "its worker has died"
    farm.client.want("book", "running")
    farm.advance()
    (told,) = backlog.look(farm.connection).jobs
    assert (told.state, told.planned) == ("running", True)
    assert told.under_way > 1
    assert told.hint_wait_s > 0


def test_the_backlog_shows_queues_and_heartbeats_and_omits_finished_jobs(farm: Farm) -> None:
    worker = Worker(id="voice@here#1", host="here", pid=1, role="voice", sound=SOUND, slots={"live": 1, "bulk": 2})
    registry.sign_in(farm.connection, worker)
    farm.connection.lpush(f"chorus.bulk.{SOUND}", "a hint", "another")
    farm.connection.pexpire(f"chorus:worker:{worker.id}", 7000)
    farm.submit()
    traffic = backlog.look(farm.connection)
    assert traffic.queues == {f"chorus.bulk.{SOUND}": 2}
    assert traffic.silent_s == {"voice@here#1": pytest.approx(3, abs=1)}
    assert [job.job for job in traffic.jobs] == ["book"]
    farm.connection.delete(JobKeys("book").record)
    assert backlog.look(farm.connection).jobs == ()
