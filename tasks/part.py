"""The step `part:m`: it puts about a minute of segments in order, writes them into the store and frees them in Redis.

Knows nothing of how segments are cut or spoken.
"""

import json
from collections.abc import Iterator
from typing import cast

from broker import worker_process
from broker.ledger import Claim, Outcome
from broker.specs import PartSpec, SegmentSpec
from broker.store import Store
from chorus.errors import FarmError
from chorus.keys import JobKeys
from chorus.reassembly import Reassembler
from chorus.wire import RATE_HZ, Chunk, Kind, decode
from tasks.audio.pcm import silence
from tasks.parts.part_files import SpokenSegment, has_part, read_part, write_part


def assemble(claim: Claim) -> tuple[Outcome, str]:
    """Write the part, then free its audio in Redis."""
    here = worker_process.current()
    store = here.opened_store()
    keys = JobKeys(claim.job)
    found = here.redis.hget(keys.parts, str(claim.number))
    if found is None:
        raise FarmError(f"Job {claim.job} has no part {claim.number} in Redis any more: submit it again.")
    part = PartSpec.from_json(found)
    numbers = part.numbers
    spoken = _from_stream(here, keys, numbers)
    if len(spoken) < len(numbers):
        # After `retry` only the failed segments are spoken again; the others are in the part as it was stored before.
        spoken = _from_store(store, claim) | spoken
    if missing := [number for number in numbers if number not in spoken]:
        lost = f"Segments {missing} of part {claim.number} are neither in Redis nor in the store"
        raise FarmError(f"{lost}: render the job again with --fresh.")
    ordered = [spoken[number] for number in numbers]
    sidecar = write_part(store, claim.job, claim.epoch, claim.number, chapter=part.chapter, segments=ordered)
    outcome = here.ledger.commit_part(claim)
    return outcome, f"{len(ordered)} segments, {sidecar.frames / RATE_HZ:.1f} s stored"


def _from_stream(here: worker_process.Process, keys: JobKeys, numbers: range) -> dict[int, SpokenSegment]:
    """The segments whose audio or failure marker is on the stream, by number."""
    names = [str(number) for number in numbers]
    ids, specs, timings = (
        cast("list[bytes | None]", here.redis.hmget(key, fields))
        for key, fields in (
            (keys.entries, names),
            (keys.specs, names),
            (keys.specs, [f"timings:{name}" for name in names]),
        )
    )
    found: dict[int, SpokenSegment] = {}
    for number, entries, spec, timing in zip(numbers, ids, specs, timings, strict=True):
        if entries is not None and spec is not None:
            chunks = _ordered(number, _fetch(here, keys, entries))
            found[number] = _spoken(number, SegmentSpec.from_json(spec), chunks, json.loads(timing or b"[]"))
    return found


def _fetch(here: worker_process.Process, keys: JobKeys, ids: bytes) -> Iterator[Chunk]:
    with here.redis.pipeline(transaction=False) as batch:
        for entry in ids.split():
            batch.xrange(keys.stream, entry, entry)
        for answer in batch.execute():
            yield from (decode(fields) for _, fields in answer)


def _ordered(number: int, chunks: Iterator[Chunk]) -> list[Chunk]:
    reassembler = Reassembler(number)
    ready = [one for chunk in chunks for one in reassembler.push(chunk)]
    if reassembler.state.segment != number + 1:
        lost = f"Chunks {reassembler.missing()} of segment {number} are missing on the stream"
        raise FarmError(f"{lost}: render the job again with --fresh.")
    return ready


def _spoken(
    number: int, spec: SegmentSpec, chunks: list[Chunk], timings: list[tuple[str, float, float]]
) -> SpokenSegment:
    failed = chunks[0].kind is Kind.FAILURE
    return SpokenSegment(
        number=number,
        pcm=silence(spec.frames * 1000 / RATE_HZ) if failed else b"".join(chunk.pcm for chunk in chunks),
        start=spec.start,
        end=spec.end,
        text=spec.text,
        timings=tuple((symbol, start, end) for symbol, start, end in timings),
        failed=failed,
    )


def _from_store(store: Store, claim: Claim) -> dict[int, SpokenSegment]:
    """The segments of this part as an earlier attempt stored it, by number; none if there is no such part."""
    if not has_part(store, claim.job, claim.epoch, claim.number):
        return {}
    before = read_part(store, claim.job, claim.epoch, claim.number)
    return {
        segment.number: SpokenSegment(
            number=segment.number,
            pcm=before.pcm[2 * segment.offset : 2 * (segment.offset + segment.frames)],
            start=segment.start,
            end=segment.end,
            text=segment.text,
            timings=segment.timings,
            failed=segment.failed,
        )
        for segment in before.sidecar.segments
    }
