"""The store is full or missing. The job pauses and says why, and continues when it is resumed."""

import resource
from pathlib import Path

from chaos.harness import Chaos

from chorus.states import State

# Enough for the first lines of a sidecar, too little for a part.
LITTLE_BYTES = 4096


def paused_with_a_reason(chaos: Chaos) -> str:
    chaos.until(lambda: chaos.record().state is State.PAUSED, "the job is paused")
    return chaos.record().waiting


def store_of(chaos: Chaos) -> Path:
    return chaos.folder / "home" / "store"


def test_a_disk_that_is_full(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice")
    chaos.submit()
    desk = chaos.pid("desk")
    with chaos.fault("disk full"):
        before = resource.prlimit(desk, resource.RLIMIT_FSIZE, (LITTLE_BYTES, resource.RLIM_INFINITY))
        assert "is full" in paused_with_a_reason(chaos)
        assert chaos.pid("desk") == desk
        resource.prlimit(desk, resource.RLIMIT_FSIZE, before)
        chaos.client.want("book", "running")
    assert chaos.check().waiting == ""


def test_a_store_that_is_away(chaos: Chaos) -> None:
    chaos.supervise("desk", "voice")
    chaos.submit()
    store, away = store_of(chaos), chaos.folder / "away"
    with chaos.fault("store away"):
        chaos.until(lambda: chaos.record().parts_done > 0, "a part is stored")
        store.rename(away)
        store.mkdir()  # the empty mount point of a disk that was unmounted
        assert "is not there" in paused_with_a_reason(chaos)
        assert list(store.iterdir()) == [], "nothing was written into the empty mount point"
        store.rmdir()
        away.rename(store)
        chaos.client.want("book", "running")
    chaos.check()
