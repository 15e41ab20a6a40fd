"""A document goes in, a finished file comes out, and every token planned is in it, once and in order."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import redis
from support import wait_until
from toy.build import build
from workshop import ROOT, Workshop, heard_tokens, opened, planned_tokens

from chorus.keys import JobKeys
from chorus.states import State
from chorus.wire import Chunk, Kind

SAMPLE = (ROOT / "docs" / "sample.md").read_bytes()
# Long enough that a segment is still being spoken when the test looks.
SLOW_WORK = 2000
PADS_MS = 200
"""At most, the silence of the model's own two pads at three quarters of its speed."""


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_finished_wav_holds_exactly_the_planned_tokens(workshop: Workshop, tmp_path: Path, workers: int) -> None:
    workshop.start("desk", *[f"voice{n}" for n in range(workers)])
    workshop.client.submit(SAMPLE, name="sample.md", job="book", format="wav")
    record = workshop.finished("book")
    assert record.state is State.DONE, record.error
    saved = workshop.client.save("book", tmp_path / "book.wav")
    assert heard_tokens(saved) == planned_tokens(SAMPLE, "sample.md")
    assert saved.stat().st_size == 44 + 2 * record.frames


def test_voices_rates_and_silences_of_a_text_are_heard_as_they_are_written(workshop: Workshop, tmp_path: Path) -> None:
    source = (
        b'<speak><break time="1500ms"/><p>Ada looked up. <voice name="bf_emma">Who is it?</voice> She asked.</p>'
        b'<break time="2s"/><p><prosody rate="80%">Nobody spoke.</prosody> <sub alias="doctor">Dr</sub> Who left.</p>'
        b"</speak>"
    )
    workshop.start("desk", "voice")
    workshop.client.submit(source, name="talk.ssml", job="talk", format="wav", speed=0.75)
    record = workshop.finished("talk")
    assert record.state is State.DONE, record.error
    saved = workshop.client.save("talk", tmp_path / "talk.wav")
    assert heard_tokens(saved) == planned_tokens(source, "talk.ssml")
    heard_ms, written_ms = silences_ms(saved), [wait_ms / 0.75 for wait_ms in (1500, 200, 200, 2000, 200, 1200)]
    pads_ms = [heard - written for heard, written in zip(heard_ms, written_ms, strict=True)]
    assert all(0 < pad_ms < PADS_MS for pad_ms in pads_ms), pads_ms


def silences_ms(path: Path) -> list[float]:
    """Each stretch without sound in a file at 24 kHz, in ms."""
    wave = np.frombuffer(path.read_bytes()[44:], "<i2")
    edges = np.flatnonzero(np.diff(wave == 0, prepend=False, append=False))
    return [float(length) / 24 for length in edges[1::2] - edges[::2]]


def test_a_book_survives_the_killing_of_its_worker(redis_url: str, tmp_path: Path) -> None:
    slow = build(tmp_path / "slow.onnx", work=SLOW_WORK)
    with opened(Workshop(redis_url, tmp_path, model=slow)) as workshop, redis.Redis.from_url(redis_url) as connection:
        workshop.start("desk", "voice-victim")
        workshop.client.submit(SAMPLE, name="sample.md", job="book", format="wav")
        keys = JobKeys("book")

        def spoken_now() -> list[bytes]:
            steps = connection.hgetall(keys.steps).items()
            return [step for step, state in steps if state == b"r" and step.startswith(b"segment")]

        def caught_in_the_middle() -> bool:
            """Frozen first, so that what it holds now it still holds when it dies."""
            workshop.freeze("voice-victim")
            if workshop.client.job("book").segments_done >= 2 and spoken_now():
                return True
            workshop.thaw("voice-victim")
            return False

        wait_until(caught_in_the_middle, description="two segments are spoken and another is being spoken")
        orphans = spoken_now()
        workshop.kill("voice-victim")
        workshop.start("voice")
        wait_until(
            lambda: all(int(connection.hget(keys.attempts, step) or 2) >= 2 for step in orphans),
            description="what the dead worker held is taken again",
        )
        assert workshop.finished("book").state is State.DONE
        saved = workshop.client.save("book", tmp_path / "book.wav")
    assert heard_tokens(saved) == planned_tokens(SAMPLE, "sample.md")


def test_a_live_job_is_heard_in_order_while_it_is_made(redis_url: str, tmp_path: Path) -> None:
    slow = build(tmp_path / "slow.onnx", work=SLOW_WORK)
    text = "First things first, said the clock. Then it struck two, and then, after a pause, it struck three."
    chunks: list[Chunk] = []
    with opened(Workshop(redis_url, tmp_path, model=slow)) as workshop:
        workshop.start("desk", "voice")
        job = workshop.client.submit(text, live=True).job
        listener = workshop.client.listen(job)
        listening = threading.Thread(target=lambda: [chunks.append(chunk) for chunk in listener])
        listening.start()

        def first_segment_spoken() -> bool:
            """Frozen first, so that no more is spoken while the test looks."""
            workshop.freeze("voice")
            if workshop.client.job(job).segments_done:
                return True
            workshop.thaw("voice")
            return False

        try:
            wait_until(first_segment_spoken, description="the first segment is spoken")
            done = workshop.client.job(job).segments_done
            wait_until(lambda: chunks, description="the listener has the first segment, and the voice is frozen")
            workshop.thaw("voice")
            record = workshop.finished(job)
            listening.join(timeout=30)
        finally:
            listener.give_up()
            listening.join()
    assert done < record.segments_done, "the job was still being made"
    assert record.first_audio_ms is not None
    assert [chunk.kind for chunk in chunks] == [Kind.AUDIO] * len(chunks)
    assert [chunk.segment for chunk in chunks] == sorted(chunk.segment for chunk in chunks)
    assert {chunk.segment for chunk in chunks} == set(range(record.segments_done))
    first, longest = len(chunks[0].pcm), max(len(chunk.pcm) for chunk in chunks)
    assert first < longest, "a live job's first segment is short"


@pytest.mark.timeout(300)
def test_thousands_of_segments_stay_within_both_windows_and_in_little_memory(
    workshop: Workshop, tmp_path: Path
) -> None:
    # Toy segments last milliseconds: with more slots the gate's tenth of a second is not what the test waits for.
    workshop.start("desk", "desk2", "voice", CHORUS_SLOTS="4")
    waves = [f"Wave {n} came in, and wave {n} went out." for n in range(2500)]
    # A short chapter, and one that is nearly all of the book: by two desks it is planned a stretch at a time.
    chapters = ["\n\n".join([f"# Chapter {n}", *waves[n:end]]) for n, end in ((0, 200), (200, 2500))]
    source = "\n\n".join(chapters).encode()
    workshop.client.submit(source, name="long.md", job="book", format="flac")
    keys = JobKeys("book")
    slots = workshop.worker("voice").slots["bulk"]  # type: ignore[union-attr]
    most = {"memory": 0, "segment_leases": 0, "parts": 0, "ahead": 0}
    with redis.Redis.from_url(workshop.url) as connection:

        def over() -> bool:
            told = connection.hmget(keys.specs, connection.hkeys(keys.entries) or ["none"])
            parts = {json.loads(one)["part"] for one in told if one}
            seen = {
                "memory": connection.info("memory")["used_memory"],
                "segment_leases": connection.zcard(keys.segment_leases),
                "parts": max(parts) - min(parts) + 1 if parts else 0,
                "ahead": planned_ahead(connection.hmget(keys.record, ["segments_planned", "next"])),
            }
            most.update({name: max(most[name], value) for name, value in seen.items()})
            return workshop.client.job("book").finished

        wait_until(over, description="the book is finished", timeout_s=280)
    record = workshop.client.job("book")
    assert record.state is State.DONE, record.error
    assert record.segments_done == record.segments_planned >= 2500
    assert record.characters == record.characters_total
    assert 0 < most["segment_leases"] <= max(2 * slots, 4)
    assert 0 < most["parts"] <= 3
    assert 900 < most["ahead"] < 1100
    assert most["memory"] < 64 * 2**20
    assert heard_tokens(workshop.client.save("book", tmp_path / "book.flac")) == planned_tokens(source, "long.md")


def planned_ahead(counters: list[bytes | None]) -> int:
    planned, sent = (int(count or 0) for count in counters)
    return planned - sent


def test_a_job_whose_redis_was_lost_is_planned_anew_but_not_spoken_anew(workshop: Workshop, tmp_path: Path) -> None:
    source = SAMPLE + b"\n\n" + SAMPLE * 8
    workshop.start("desk", "voice")
    workshop.client.submit(source, name="sample.md", job="book", format="wav")
    wait_until(lambda: workshop.client.job("book").parts_done >= 2, description="two parts are stored")
    workshop.client.want("book", "paused")
    wait_until(lambda: workshop.client.job("book").state is State.PAUSED, description="the job is paused")
    with redis.Redis.from_url(workshop.url) as connection:
        connection.flushall()
    wait_until(lambda: len(workshop.client.workers()) == 2, description="both workers have signed in again")
    workshop.client.submit(source, name="sample.md", job="book", format="wav")
    record = workshop.finished("book")
    assert record.state is State.DONE, record.error
    spoken_again = sum(record.spoken_by.values())
    assert 0 < spoken_again < record.segments_planned == record.segments_done
    assert record.characters == record.characters_total
    saved = workshop.client.save("book", tmp_path / "book.wav")
    assert heard_tokens(saved) == planned_tokens(source, "sample.md")
