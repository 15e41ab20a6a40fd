"""The step `bind`: it makes one finished file and a report from a job's parts, in the store, in constant memory.

Knows nothing of how the audio was spoken.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, cast

import redis

from broker import registry, worker_process
from broker.ledger import Claim, Outcome
from broker.specs import ChapterPlan
from broker.store import Store, part_key, report_key, result_key
from chorus import standing_in
from chorus.keys import JobKeys
from chorus.records import JobRecord
from chorus.request import Request
from chorus.wire import RATE_HZ, SAMPLE_BYTES
from tasks.audio import BookChapter, BookMeta, Encoded, encode_into
from tasks.parts.coverage import CoverageProof
from tasks.parts.part_files import Sidecar, ahead, chapter_marks, read_parts, read_sidecar

REPORT_S: Final = 1.0
"""A bind reports its progress at most this often."""


def bind(claim: Claim) -> tuple[Outcome, str]:
    """Encode the file, write the report, commit, and delete the parts."""
    here = worker_process.current()
    store = here.opened_store()
    keys = JobKeys(claim.job)
    record = JobRecord.from_fields(claim.job, cast("dict[bytes, bytes]", here.redis.hgetall(keys.record)))
    chapters = chapter_marks(_sidecars(store, claim, record.parts_total), _titles(here, keys, record.chapters_total))
    if not _is_made(store, claim, record):
        made = _make(here, store, claim, record, _book(here, claim, record, chapters))
        proof = _proof(here, claim, store, record)
        report = json.dumps(_report(record, chapters, made, proof), indent=2, ensure_ascii=False).encode()
        store.write(report_key(claim.job, claim.epoch), report)
    path = store.path(result_key(claim.job, claim.epoch, record.request.format))
    result: dict[str, Any] = {
        "path": str(path),
        "store": store.id,
        "host": registry.host(),
        "bytes": path.stat().st_size,
        "frames": sum(chapter.frames for chapter in chapters),
        "format": record.request.format,
    }
    outcome = here.ledger.commit_bind(claim, result)
    if outcome.status == "ok" and not record.segments_failed:
        _drop_parts(store, claim, record.parts_total)
    length = f"{result['frames'] / RATE_HZ:.1f} s in {len(chapters)} chapters"
    return outcome, f"{length}, {result['bytes']} bytes of {record.request.format}"


def _is_made(store: Store, claim: Claim, record: JobRecord) -> bool:
    """Whether an earlier attempt made the file and deleted the parts. Redis may lose that commit when it restarts."""
    parts = (part_key(claim.job, claim.epoch, part) for part in range(record.parts_total))
    made = (report_key(claim.job, claim.epoch), result_key(claim.job, claim.epoch, record.request.format))
    return all(map(store.exists, made)) and not all(map(store.exists, parts))


def _make(here: worker_process.Process, store: Store, claim: Claim, record: JobRecord, book: BookMeta) -> Encoded:
    def tell(frames: int) -> None:
        # Progress is not essential: a server that is away for a moment must not discard minutes of encoding.
        with suppress(redis.RedisError):
            here.ledger.tell_bound(claim, frames)

    parts = read_parts(store, claim.job, claim.epoch, range(record.parts_total))
    pcm = counted((part.pcm for part in ahead(parts)), tell)
    with store.writer(result_key(claim.job, claim.epoch, record.request.format)) as path:
        return encode_into(pcm, book, record.request.format, path)


def counted(blocks: Iterable[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    """The same blocks. `tell` gets the number of frames so far: at the start, at most every second, and at the end."""
    frames, reported_s = 0, time.monotonic()
    tell(frames)
    for block in blocks:
        yield block
        frames += len(block) // SAMPLE_BYTES
        if time.monotonic() - reported_s >= REPORT_S:
            reported_s = time.monotonic()
            tell(frames)
    tell(frames)


def _sidecars(store: Store, claim: Claim, parts: int) -> Iterator[Sidecar]:
    return (read_sidecar(store, claim.job, claim.epoch, part) for part in range(parts))


def _drop_parts(store: Store, claim: Claim, parts: int) -> None:
    """Delete the parts' audio, which the file holds now. The sidecars stay: they record what was spoken where."""
    for part in range(parts):
        store.path(part_key(claim.job, claim.epoch, part)).unlink(missing_ok=True)


def _titles(here: worker_process.Process, keys: JobKeys, chapters: int) -> list[str]:
    plans = here.redis.hmget(keys.chapters, [str(number) for number in range(chapters)])
    return [ChapterPlan.from_json(plan or b"{}").title for plan in plans]


def _book(here: worker_process.Process, claim: Claim, record: JobRecord, chapters: tuple[BookChapter, ...]) -> BookMeta:
    request = Request.from_json(claim.request)
    return BookMeta(
        title=request.title or record.title,
        author=request.author or record.author,
        series=record.series,
        language=record.language,
        chapters=chapters,
        cover=cast("bytes | None", here.redis.get(JobKeys(claim.job).cover)),
        comment=" ".join((f"Spoken by {record.model}, voice {request.voice}, with Chorus.", *_remarks(record))),
    )


def _remarks(record: JobRecord) -> list[str]:
    """What a listener of the file should know about its voice."""
    return [standing_in.REMARK] if record.model == standing_in.NAME else []


def _proof(here: worker_process.Process, claim: Claim, store: Store, record: JobRecord) -> CoverageProof:
    """Compare the sidecars with the plan, character by character."""
    plans = cast("dict[bytes, bytes]", here.redis.hgetall(JobKeys(claim.job).chapters))
    proof = CoverageProof(chapters={int(number): ChapterPlan.from_json(plan) for number, plan in plans.items()})
    for sidecar in _sidecars(store, claim, record.parts_total):
        proof.read(sidecar, RATE_HZ)
    return proof


def _report(
    record: JobRecord, chapters: tuple[BookChapter, ...], made: Encoded, proof: CoverageProof
) -> dict[str, Any]:
    audio_s = made.frames / RATE_HZ
    spoken_s = max(0, made.frames - record.frames_cached) / RATE_HZ
    running_s = time.time() - (record.running_since_ms or record.created_ms) / 1000
    wall_s = record.active_ms / 1000 + running_s
    return {
        "job": record.job,
        "title": record.request.title or record.title,
        "chapters": [
            {
                "title": chapter.title,
                "start_s": round(chapter.start / RATE_HZ, 3),
                "length_s": round(chapter.frames / RATE_HZ, 3),
            }
            for chapter in chapters
        ],
        "segments": {
            "planned": record.segments_planned,
            "spoken": record.segments_done - record.segments_cached,
            "cached": record.segments_cached,
            "failed": record.segments_failed,
        },
        "characters": {"source": record.characters_total, "covered": record.characters, **proof.as_report()},
        "audio_s": round(audio_s, 3),
        "wall_s": round(wall_s, 3),
        "g2p_ms_per_segment": round(record.g2p_us / 1000 / max(1, record.segments_planned), 3),
        "inference_s": round(record.audio_wall_ms / 1000, 3),
        # Only what this job spoke counts: audio from the cache says nothing about speed.
        "times_real_time": round(spoken_s / wall_s, 2) if spoken_s else None,
        "first_audio_s": None if record.first_audio_ms is None else record.first_audio_ms / 1000,
        "first_audio_from": record.first_audio_from,
        "model": record.model,
        "model_digest": record.model_digest,
        "model_source": record.model_source,
        "variant": record.variant,
        "remarks": _remarks(record),
        "voices_digest": record.voices,
        "voice": record.request.voice,
        "audio_sha256": made.sha256_pcm,
    }
