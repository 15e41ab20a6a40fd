"""Finds a job's segments in the store after Redis was lost, so that they are planned again but not spoken again.

Knows nothing of planning: it lists the segments in complete parts, and where they are.
"""

from collections.abc import Iterator, Mapping

from broker import worker_process
from broker.ledger import Claim
from broker.specs import StoredPlace
from broker.store import Store, part_key
from chorus.keys import JobKeys
from tasks.parts.part_files import Sidecar, read_sidecars

Salvage = Mapping[tuple[int, int, str], StoredPlace]
"""Where segments are stored, by chapter, offset of the segment's first character, and text."""


def salvage(here: worker_process.Process, claim: Claim) -> Salvage:
    """The segments that are in the store; none for a fresh run, or if the job's store belongs to another desk."""
    if here.store is None or here.store.id != claim.store:
        return {}
    if here.redis.hget(JobKeys(claim.job).record, "fresh") == b"1":
        return {}
    return {
        (sidecar.chapter, segment.start, segment.text): StoredPlace(
            part=sidecar.part, number=segment.number, frames=segment.frames
        )
        for sidecar in _whole(here.store, claim)
        for segment in sidecar.segments
        if not segment.failed
    }


def _whole(store: Store, claim: Claim) -> Iterator[Sidecar]:
    for sidecar in read_sidecars(store, claim.job, claim.epoch):
        # A finished job has sidecars and no parts any more.
        if store.exists(part_key(claim.job, claim.epoch, sidecar.part)):
            yield sidecar
