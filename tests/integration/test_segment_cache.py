"""Cached segments are not spoken again, on a real farm, counted by the runs of the model."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from support import ValkeyServer, wait_until
from workshop import Workshop, heard_tokens, opened, planned_tokens

from broker import session_control
from broker.cache import FOLDER, digest
from broker.ledger import Ledger
from broker.primers import EVICTED, LARGEST_BYTES, MOST, Primers
from broker.settings import FarmSettings
from broker.specs import ChapterPlan, DocumentFacts, SegmentSpec
from broker.store import LocalStore, report_key
from chorus.commands import run
from chorus.keys import PRIMER_S, PRIMERS, PRIMERS_USED
from chorus.reading import PAUSES_MS
from chorus.records import JobRecord
from chorus.states import State
from chorus.wire import RATE_HZ
from tasks import documents
from tasks.segmenting.segments import segments
from workers.commands import app

LINES = [f"Line number {number} of the book is this." for number in ("one", "two", "three", "four", "five", "six")]
REFRAIN = "And the sea came in again."


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A desk and a voice that keep what they spoke; one slot, so that nothing is spoken twice at the same moment."""
    folder = tmp_path_factory.mktemp("farm")
    with ValkeyServer(folder) as server, opened(Workshop(server.url, folder)) as farm:
        yield farm.start("desk", "voice", CHORUS_CACHE_MB="100")


def book(*lines: str) -> bytes:
    return "\n\n".join(lines).encode()


def runs(farm: Workshop) -> int:
    """How often the model was really run."""
    return sum(lane.served for one in session_control.status(farm.url) for lane in one.lanes)


def spoken(farm: Workshop, source: bytes, job: str, **wishes: Any) -> JobRecord:
    farm.client.submit(source, name="book.txt", job=job, **{"format": "wav", **wishes})
    record = farm.finished(job)
    assert record.state is State.DONE, record.error
    return record


def saved(farm: Workshop, record: JobRecord) -> Path:
    return farm.client.save(record.job, farm.folder / f"{record.job}.wav")


def cut(source: bytes) -> list[str]:
    return [one.phonemes for chapter in documents.read(source, "b.txt").chapters for one in segments(chapter, "en-us")]


def counters(farm: Workshop, what: str, name: str = "voice") -> dict[str, float]:
    worker = farm.worker(name)
    return dict(worker.counters[what]) if worker else {}


def test_a_new_edition_speaks_only_the_edited_sentence(farm: Workshop) -> None:
    first, second = book(*LINES), book(*LINES[:3], "Here the author had another thought.", *LINES[4:])
    changed = set(cut(second)) - set(cut(first))
    assert len(changed) == 1
    spoken(farm, first, "first-edition")
    before = runs(farm)
    record = spoken(farm, second, "second-edition")
    assert runs(farm) - before == 1
    assert (record.segments_done, record.segments_cached) == (len(cut(second)), len(cut(second)) - 1)
    assert sum(record.spoken_by.values()) == 1
    assert 0 < record.frames_cached < record.frames
    path = saved(farm, record)
    assert heard_tokens(path) == planned_tokens(second, "book.txt")


def test_a_repeated_sentence_is_spoken_once(farm: Workshop) -> None:
    # Shorter lines would share a segment with the refrain.
    source = book("It rained for all of the day.", REFRAIN, "It snowed for all of the night.", REFRAIN)
    before = runs(farm)
    record = spoken(farm, source, "refrain")
    assert runs(farm) - before == len(set(cut(source))) < record.segments_done
    assert heard_tokens(saved(farm, record)) == planned_tokens(source, "book.txt")


def test_cached_audio_is_the_same_to_the_last_bit_and_counts_in_no_speed(farm: Workshop) -> None:
    source = book("Once more.", *LINES)
    one, other = spoken(farm, source, "kept-one"), spoken(farm, source, "kept-other")
    assert (one.segments_cached < one.segments_done, other.segments_cached) == (True, other.segments_done)
    files = [saved(farm, record) for record in (one, other)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert (other.audio_wall_ms, other.spoken_by, other.first_audio_from) == (0, {}, "cache")
    told = json.loads(LocalStore(farm.folder / "home" / "store").read(report_key("kept-other", 1)))
    assert told["segments"] == {
        "planned": other.segments_done, "spoken": 0, "cached": other.segments_done, "failed": 0,
    }  # fmt: skip
    assert told["times_real_time"] is None


def test_pauses_are_not_part_of_cached_audio(farm: Workshop) -> None:
    alone = spoken(farm, book("This ends a chapter."), "alone")
    among = spoken(farm, book("This ends a chapter.", "And here it did not."), "among")
    assert among.segments_cached == 1
    silence = {name: PAUSES_MS[name] * RATE_HZ // 1000 for name in ("chapter", "paragraph")}
    assert alone.frames - silence["chapter"] == among.frames_cached - silence["paragraph"]


@pytest.mark.parametrize(
    "change", [{"voice": "bf_emma", "language": "en-us"}, {"voice": "af_heart+bf_emma"}, {"speed": 1.1}]
)
def test_another_voice_or_speed_is_not_taken_from_the_cache(farm: Workshop, change: dict[str, Any]) -> None:
    source = book("This is said in several ways.")
    spoken(farm, source, "usual")
    name = hashlib.sha256(repr(change).encode()).hexdigest()[:8]
    assert spoken(farm, source, f"other-{name}", **change).segments_cached == 0
    assert spoken(farm, source, f"again-{name}", **change).segments_cached == 1


def test_a_blend_is_cached_under_its_normalised_spelling(farm: Workshop) -> None:
    source = book("Two voices in one.")
    one = spoken(farm, source, "blend", voice="af_bella(2)+af_heart(1)")
    other = spoken(farm, source, "blend-again", voice="af_heart:50,af_bella:100")
    assert one.request.voice == other.request.voice == "af_bella*2+af_heart"
    assert (one.segments_cached, other.segments_cached) == (0, 1)


def test_an_unknown_voice_in_a_blend_stops_the_job_with_its_name(farm: Workshop) -> None:
    farm.client.submit("Hello.", job="unknown", voice="af_heart+af_bela", format="wav")
    record = farm.finished("unknown")
    assert record.state is State.FAILED
    assert "Voice 'af_bela' in 'af_heart+af_bela' is unknown: did you mean af_bella" in record.error


def test_a_fresh_run_does_not_use_the_cache(farm: Workshop) -> None:
    source = book("A fresh start.")
    spoken(farm, source, "fresh")
    before = runs(farm)
    farm.client.submit(source, name="book.txt", job="fresh", format="wav", fresh=True)
    wait_until(lambda: farm.client.job("fresh").epoch == 2, description="the second run has begun")
    record = farm.finished("fresh")
    assert (record.epoch, record.segments_cached, runs(farm) - before) == (2, 0, 1)


def test_a_damaged_entry_is_spoken_again_and_replaced(farm: Workshop) -> None:
    source = book("Something gnaws at this sentence.")
    first = spoken(farm, source, "gnawed")
    (phonemes,) = cut(source)
    model = farm.client.workers()[-1]
    name = digest(1, model.sound, model.voices_digest, "af_heart", 1.0, phonemes)
    entry = farm.folder / "home" / "store" / FOLDER / name[:2] / name
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    second, third = spoken(farm, source, "gnawed-2"), spoken(farm, source, "gnawed-3")
    assert (first.segments_cached, second.segments_cached, third.segments_cached) == (0, 0, 1)
    assert saved(farm, first).read_bytes() == saved(farm, third).read_bytes()
    wait_until(lambda: counters(farm, "cache")["damaged"] == 1, description="the damage is counted")


def test_a_worker_reports_cache_hits_and_size(workshop: Workshop) -> None:
    workshop.start("desk", "voice", CHORUS_CACHE_MB="100")
    source = book("This line is there to be counted.", "This line is there to be counted, too.")
    for job in ("count-1", "count-2", "count-3"):
        spoken(workshop, source, job)
    for job in ("live-1", "live-2", "live-3"):
        rest = live(workshop, job)[0].segments_done - 1
    # Whoever finds first words with the server asks no disk for them; the rest of them lies there.
    wanted = {
        "cache": {"hits": 4 + 2 * rest, "misses": 2 + 1 + rest, "damaged": 0, "entries": 2 + 1 + rest},
        "primer": {"hits": 2, "misses": 1, "entries": 1},
    }

    def told() -> bool:
        seen = {what: counters(workshop, what) for what in wanted}
        return seen["cache"].pop("bytes", 0) > 0 and seen == wanted

    wait_until(told, description="the heartbeat has told the counts")


def test_status_shows_each_workers_counts(
    farm: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(farm.folder / "home"))
    spoken(farm, book("For the record."), "status")
    wait_until(
        lambda: counters(farm, "phonemes", "desk").get("words_misaki") and counters(farm, "cache")["entries"],
        description="both workers have told what they did",
    )
    assert run(app, ["status", "--url", farm.url]) == 0
    told = capsys.readouterr().out
    assert re.search(
        r"^voice@test#\d+, cache: hits \d+, misses \d+( \(hit rate \d+ %\))?, damaged \d+, entries \d+, [\d.]+ MB$",
        told, re.MULTILINE,
    )  # fmt: skip
    assert re.search(r"^voice@test#\d+, primer: hits \d+, misses \d+.*, entries \d+$", told, re.MULTILINE)
    assert re.search(r"^desk@test#\d+, English tagger: (rules|en_core_web_sm) \S+", told, re.MULTILINE)
    assert run(app, ["status", "--url", farm.url, "--json"]) == 0
    desk, voice = json.loads(capsys.readouterr().out)["workers"]
    assert set(voice["counters"]["cache"]) == {"hits", "misses", "damaged", "entries", "bytes"}
    counted = desk["counters"]["phonemes"]
    assert counted["misses"] >= counted["size"] > 0
    assert counted["words_misaki"] > 0
    assert counted["g2p_ms"] > 0


NUMBER, MAYBE = (int, float), (int, float, type(None))
LANE = {
    "name": str, "state": str, "reason": str, "provider": str, "nodes": int, "nodes_total": int, "slots": int,
    "served": int, "failures": int, "busy_s": NUMBER, "wait_s": NUMBER, "peak": int, "predicted_s": NUMBER,
    "error_s": NUMBER, "age_s": NUMBER,
}  # fmt: skip
MEMORY = {
    "in_use_bytes": MAYBE, "baseline_bytes": int, "room_bytes": int, "available_bytes": int, "mb_per_h": MAYBE,
    "fresh_pages": MAYBE, "steps": dict,
}  # fmt: skip
STATUS = {
    "running": bool, "keep": bool, "trouble": str, "processes": list, "server": {"address": str, "version": str},
    "workers": [
        {
            "id": str, "role": str, "host": str, "pid": int, "slots": dict, "served": int, "counters": dict,
            "model": str, "variant": str, "variant_why": str, "stand_in": bool, "tagger": str, "store": str,
        },
    ],
    "sessions": [
        {
            "node": str, "state": str, "resets": int, "recycles": int, "started_ms": int, "model": str, "sound": str,
            "startup_s": {"imports": NUMBER, "model": NUMBER, "sessions": NUMBER, "warm_up": NUMBER, "ready": NUMBER},
            "rss_bytes": int, "memory": MEMORY, "lanes": [LANE],
            "beats": {lane: {"beats": int, "broken": int} for lane in ("bulk", "live")},
        },
    ],
    "traffic": {
        "silent_s": dict, "queues": dict,
        "jobs": [
            {
                "job": str, "state": str, "waiting": str, "segments_done": int, "segments_planned": int,
                "under_way": int, "held_s": NUMBER, "hint_wait_s": NUMBER, "readers": list,
            },
        ],
    },
    "usage": {"cpu": MAYBE, "gpu": MAYBE, "ane_w": MAYBE, "unavailable": str},
}  # fmt: skip


def unlike(told: Any, shape: Any, place: str = "status") -> list[str]:
    """The places where what was told lacks a figure, or has one of another type."""
    if isinstance(shape, dict):
        missing = [f"{place}.{name} is missing" for name in shape.keys() - told.keys()]
        return missing + [
            line for name in shape.keys() & told.keys() for line in unlike(told[name], shape[name], f"{place}.{name}")
        ]
    if isinstance(shape, list):
        none = [] if told else [f"{place} is empty"]
        return none + [line for one in told for line in unlike(one, shape[0], place)]
    return [] if isinstance(told, shape) else [f"{place} is {told!r}"]


def test_the_json_status_has_every_figure_at_its_stable_place(
    farm: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(farm.folder / "home"))
    farm.client.submit(TEXT, job="shown", live=True)
    farm.client.want("shown", "paused")
    assert run(app, ["status", "--url", farm.url, "--json"]) == 0
    assert unlike(json.loads(capsys.readouterr().out), STATUS) == []
    farm.client.want("shown", "cancelled")


TEXT = "A live text begins with a few words. Then it goes on for as long as it likes, and somebody listens."


def live(farm: Workshop, job: str, **wishes: Any) -> tuple[JobRecord, list[bytes]]:
    """The job, and its audio by segment as a listener heard it."""
    farm.client.submit(TEXT, job=job, live=True, **wishes)
    heard: dict[int, bytes] = {}
    for chunk in farm.client.listen(job):
        heard[chunk.segment] = heard.get(chunk.segment, b"") + chunk.pcm
    return farm.finished(job), list(heard.values())


def test_the_server_caches_live_first_words_and_the_rest_is_spoken(farm: Workshop) -> None:
    one, first = live(farm, "live-1")
    assert one.first_audio_from in ("cold", "warm")
    other, second = live(farm, "live-2")
    assert other.first_audio_from == "primer"
    assert second == first
    assert other.segments_done == other.segments_planned > 1


@pytest.mark.parametrize("change", [{"voice": "af_bella"}, {"speed": 1.25}, {"language": "en-gb"}])
def test_other_first_words_are_not_taken_from_the_cache(farm: Workshop, change: dict[str, Any]) -> None:
    live(farm, "live-usual")
    job = f"live-{next(iter(change))}"
    assert live(farm, job, **change)[0].first_audio_from == "warm"


def test_without_caches_everything_is_spoken_again(workshop: Workshop) -> None:
    workshop.start("desk", "voice")
    for job in ("one", "two"):
        record, _ = live(workshop, job)
        assert record.segments_cached == 0
        assert record.first_audio_from == {"one": "cold", "two": "warm"}[job]
    assert workshop.worker("voice").counters == {}  # type: ignore[union-attr]
    assert not (workshop.folder / "home" / "store" / FOLDER).exists()


def test_a_worker_on_another_machine_finds_cached_first_words(workshop: Workshop) -> None:
    workshop.start("desk", "voice-here", CHORUS_CACHE_MB="100", CHORUS_STORE=str(workshop.folder / "here"))
    one, first = live(workshop, "live-1")
    workshop.kill("voice-here")
    workshop.start("voice-there", CHORUS_CACHE_MB="100", CHORUS_STORE=str(workshop.folder / "there"))
    other, second = live(workshop, "live-2")
    assert (one.first_audio_from, other.first_audio_from) == ("cold", "primer")
    assert second == first
    assert (other.segments_cached, other.segments_done > 1) == (1, True)


class CountingConnection(redis.Connection):
    """Counts what is sent: one round trip each."""

    sent = 0

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        type(self).sent += 1
        super().send_packed_command(*args, **options)


@pytest.fixture
def primers(server: "redis.Redis") -> Primers:
    return Primers(server)


def test_a_primer_expires_after_its_last_use(server: "redis.Redis") -> None:
    primers = Primers(server, kept=timedelta(milliseconds=300))
    primers.keep("a", b"first words")
    assert primers.find("a") == b"first words"
    assert primers.find("b") is None
    wait_until(lambda: not server.exists(PRIMERS, PRIMERS_USED), description="both keys have expired")
    assert primers.find("a") is None
    assert primers.entries == 0
    primers.keep("a", b"again")
    assert Primers(server).find("a") == b"again"


def test_each_primer_expires_separately(server: "redis.Redis", primers: Primers) -> None:
    for name in ("old", "new"):
        primers.keep(name, b"words")
    server.zincrby(PRIMERS_USED, -PRIMER_S * 1000, "old")
    assert primers.find("new") == b"words"
    assert primers.find("old") is None
    assert (server.hkeys(PRIMERS), primers.entries) == ([b"new"], 1)
    assert 0 < server.ttl(PRIMERS) <= PRIMER_S


def test_sixty_four_primers_are_kept_and_the_least_recently_used_is_removed(
    server: "redis.Redis", primers: Primers
) -> None:
    for number in range(MOST):
        primers.keep(str(number), b"words")
        server.zadd(PRIMERS_USED, {str(number): server.zscore(PRIMERS_USED, str(number)) - MOST + number})
    assert (primers.find("0"), primers.entries) == (b"words", MOST)
    primers.keep("new", b"words")
    assert primers.entries == MOST + 1 - EVICTED
    kept = {name.decode() for name in server.hkeys(PRIMERS)}
    assert kept == {name.decode() for name in server.zrange(PRIMERS_USED, 0, -1)}
    assert kept == {"0", "new", *map(str, range(EVICTED + 1, MOST))}


def test_a_long_first_segment_is_not_kept_as_primer(server: "redis.Redis", primers: Primers) -> None:
    primers.keep("short", b"words")
    primers.keep("long", bytes(LARGEST_BYTES + 1))
    assert server.hkeys(PRIMERS) == [b"short"]


def test_looking_up_first_words_takes_one_round_trip(redis_url: str) -> None:
    pool = redis.ConnectionPool.from_url(redis_url, connection_class=CountingConnection)
    with redis.Redis(connection_pool=pool) as connection:
        primers = Primers(connection)
        primers.keep("a", b"words")
        primers.find("a")  # the scripts are loaded once per server
        for name in ("a", "b"):
            before = CountingConnection.sent
            primers.find(name)
            assert CountingConnection.sent - before == 1


def test_with_a_full_server_only_the_primer_is_lost(
    server: "redis.Redis", primers: Primers, caplog: pytest.LogCaptureFixture
) -> None:
    primers.keep("a", b"words")
    server.config_set("maxmemory", 1)
    try:
        primers.keep("b", b"words")
        primers.find("a")
    finally:
        server.config_set("maxmemory", 0)
    assert primers.find("b") is None
    assert "cannot be kept" in caplog.text


def planned(farm: Workshop, job: str, *wishes: dict[str, Any]) -> JobRecord:
    """A job whose segments the test cuts itself: each says the same, with these wishes of its own."""
    with redis.Redis.from_url(farm.url) as connection:
        ledger = Ledger(connection, FarmSettings())
        farm.client.submit("Once.", job=job)
        wait_until(lambda: farm.client.job(job).state is State.RUNNING, description="the job has begun")
        claim = ledger.claim(job, "plan:0", "the test's own")
        usual = SegmentSpec(
            chapter=0, start=0, end=1, text="a", phonemes="həlˈoʊ", pause_ms=100, characters=1, frames=24_000
        )
        specs = [replace(usual, **wish) for wish in wishes]
        ledger.extend(claim, specs, first_index=0, document=DocumentFacts(chapters=1, characters=len(wishes)))
        ledger.commit_plan(claim, ChapterPlan(characters=len(wishes), segments=len(wishes)))
    return farm.finished(job)


def test_a_segments_own_voice_and_rate_override_the_requests(workshop: Workshop) -> None:
    workshop.start("voice", CHORUS_CACHE_MB="100")
    blend = "bf_emma*2+af_heart"
    record = planned(
        workshop, "wishes", {}, {"rate": 2.0}, {"rate": 100}, {"voice": blend}, {"voice": "af_heart:1,bf_emma:2"}
    )
    assert record.state is State.DONE, record.error
    assert record.segments_cached == 1, "the last two are one blend, and no two others are alike"
    frames = {chunk.segment: chunk.frames - 2400 for chunk in workshop.client.listen("wishes")}
    # Twice as fast the toy voice takes one frame for a token instead of two; four times as fast, that is stretched.
    assert [frames[number] / frames[0] for number in range(5)] == pytest.approx([1, 0.5, 0.25, 1, 1])
    record = planned(workshop, "nobody", {}, {"voice": "af_hart"})
    assert record.state is State.FAILED
    assert "Voice 'af_hart' is unknown: did you mean af_heart" in record.error
