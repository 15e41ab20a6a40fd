"""bind — the parts become one finished file with its report, in the store. Constant memory."""

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
"""How often a bind says how far it is."""


def bind(claim: Claim) -> tuple[Outcome, str]:
    """Encode once, say what was made, and let the parts go."""
    here = worker_process.current()
    store = here.opened_store()
    keys = JobKeys(claim.job)
    record = JobRecord.from_fields(claim.job, cast("dict[bytes, bytes]", here.redis.hgetall(keys.record)))
    chapters = chapter_marks(_sidecars(store, claim, record.parts_total), _titles(here, keys, record.chapters_total))
    if not _is_made(store, claim, record):
        made = _make(here, store, claim, record, _book(here, claim, record, chapters))
        proof = _proof(here, claim, store, record)
        told = json.dumps(_report(record, chapters, made, proof), indent=2, ensure_ascii=False).encode()
        store.write(report_key(claim.job, claim.epoch), told)
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
    """Whether the file is there and its parts are not: a server that lost its last second asks for it once more."""
    parts = (part_key(claim.job, claim.epoch, part) for part in range(record.parts_total))
    made = (report_key(claim.job, claim.epoch), result_key(claim.job, claim.epoch, record.request.format))
    return all(map(store.exists, made)) and not all(map(store.exists, parts))


def _make(here: worker_process.Process, store: Store, claim: Claim, record: JobRecord, book: BookMeta) -> Encoded:
    def tell(frames: int) -> None:
        # Nothing depends on it: a server that is away for a moment must not cost the minutes of encoding.
        with suppress(redis.RedisError):
            here.ledger.tell_bound(claim, frames)

    parts = read_parts(store, claim.job, claim.epoch, range(record.parts_total))
    pcm = counted((part.pcm for part in ahead(parts)), tell)
    with store.writer(result_key(claim.job, claim.epoch, record.request.format)) as path:
        return encode_into(pcm, book, record.request.format, path)


def counted(blocks: Iterable[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    """The same audio. `tell` learns how many frames were taken: at the start, at most every second, at the end."""
    frames, told_s = 0, time.monotonic()
    tell(frames)
    for block in blocks:
        yield block
        frames += len(block) // SAMPLE_BYTES
        if time.monotonic() - told_s >= REPORT_S:
            told_s = time.monotonic()
            tell(frames)
    tell(frames)


def _sidecars(store: Store, claim: Claim, parts: int) -> Iterator[Sidecar]:
    return (read_sidecar(store, claim.job, claim.epoch, part) for part in range(parts))


def _drop_parts(store: Store, claim: Claim, parts: int) -> None:
    """The file holds it all now; the sidecars stay, because they say what was spoken where."""
    for part in range(parts):
        store.path(part_key(claim.job, claim.epoch, part)).unlink(missing_ok=True)


def _titles(here: worker_process.Process, keys: JobKeys, chapters: int) -> list[str]:
    told = here.redis.hmget(keys.chapters, [str(number) for number in range(chapters)])
    return [ChapterPlan.from_json(one or b"{}").title for one in told]


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
    """What whoever hears the file should know of its voice."""
    return [standing_in.REMARK] if record.model == standing_in.NAME else []


def _proof(here: worker_process.Process, claim: Claim, store: Store, record: JobRecord) -> CoverageProof:
    """Whether the sidecars hold what was planned, character by character."""
    told = cast("dict[bytes, bytes]", here.redis.hgetall(JobKeys(claim.job).chapters))
    proof = CoverageProof(chapters={int(number): ChapterPlan.from_json(one) for number, one in told.items()})
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
        "characters": {"source": record.characters_total, "covered": record.characters, **proof.told()},
        "audio_s": round(audio_s, 3),
        "wall_s": round(wall_s, 3),
        "g2p_ms_per_segment": round(record.g2p_us / 1000 / max(1, record.segments_planned), 3),
        "inference_s": round(record.audio_wall_ms / 1000, 3),
        # Of what was spoken: what was kept from before is no speed.
        "times_real_time": round(spoken_s / wall_s, 2) if spoken_s else None,
        "first_audio_s": None if record.first_audio_ms is None else record.first_audio_ms / 1000,
        "first_audio_from": record.first_audio_from,
        "model": record.model,
        "model_digest": record.model_digest,
        "variant": record.variant,
        "remarks": _remarks(record),
        "voices_digest": record.voices,
        "voice": record.request.voice,
        "audio_sha256": made.sha256_pcm,
    }
