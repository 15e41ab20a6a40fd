"""What an earlier ledger left in the store: a job whose Redis was lost is planned anew, but not spoken anew.

Knows nothing of planning: it says which segments lie in whole parts, and where.
"""

from collections.abc import Iterator, Mapping

from broker import worker_process
from broker.ledger import Claim
from broker.specs import StoredPlace
from broker.store import Store, part_key
from chorus.keys import JobKeys
from tasks.parts.part_files import Sidecar, read_sidecars

Salvage = Mapping[tuple[int, int, str], StoredPlace]
"""By chapter, the segment's first character in it, and its text."""


def salvage(here: worker_process.Process, claim: Claim) -> Salvage:
    """The segments spoken already; none for a fresh run, nor where the store is another desk's."""
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
        # A finished job's parts are gone, and only their sidecars stay.
        if store.exists(part_key(claim.job, claim.epoch, sidecar.part)):
            yield sidecar
