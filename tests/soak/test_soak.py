"""Half an hour of every kind of job while workers are killed, told to go or frozen every few seconds: each job comes to
what it must, by name, and nothing grows.

SOAK_MINUTES, by default 30, says how long; SOAK_SEED repeats a run's choices, and is told with its results.
"""

from collections import Counter
from collections.abc import Iterator
from statistics import median

import pytest
import redis
from chaos.supervised import SupervisedWorkshop
from law import check_keys
from soak.gauges import MEGABYTE
from soak.jobs import MIX, Job
from soak.mischief import HOWS
from soak.soaking import MINUTES, SEED, STEADY, VICTIMS, Soak
from soak.telling import progress, tell
from support import ValkeyServer, wait_until
from toy.build import build
from workshop import opened

from chorus.states import State
from chorus.vocabulary import VOCABULARY
from chorus.wire import RATE_HZ, SAMPLE_BYTES

POISON_TOKEN = VOCABULARY["ʒ"]
# A finished job is its record, its chapters and the end of its stream.
FINISHED_BYTES = 24 * 1024
# What listeners may still hear, and what a failed job goes on from: three parts, each a minute and a segment at most.
AUDIO_BYTES = 3 * 71 * RATE_HZ * SAMPLE_BYTES
LEFT_BYTES = 2 * MEGABYTE
GROWN_SHARE = 0.1
SETTLED_MINUTES = 10
# A thread that needs a connection takes a free one of its pool, or makes one that stays: the ledger's, and Celery's for
# what it sends. So there may be as many of each as there are threads, and a leak goes beyond that.
POOLS = 2
CONNECTIONS_OF_CELERY = 8
ENDS = {0, -9}
"""Told to go, or killed. Anything else, and a worker ended of something that nobody did to it."""


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Soak]:
    """A soak that is over; its farm is still there."""
    folder = tmp_path_factory.mktemp("soak")
    (folder / "server").mkdir()
    model = build(folder / "poisonable.onnx", fault="raise", token=POISON_TOKEN)
    with (
        ValkeyServer(folder / "server", "--appendonly", "yes", "--appendfsync", "everysec") as server,
        opened(SupervisedWorkshop(server.url, folder, model=model)) as farm,
        redis.Redis.from_url(server.url) as connection,
    ):
        farm.supervise(*STEADY, *VICTIMS)
        soak = Soak(farm, connection, progress(request.config))
        try:
            soak.run()
        finally:
            tell_of(soak)
        yield soak


def test_every_job_comes_to_what_it_must(soak: Soak) -> None:
    assert soak.wrong == {}
    assert sorted(soak.under_way) == [], "these never came to an end"
    assert {job.kind for job in soak.over.values()} == {make.__name__.replace("_", "-") for make in MIX}


def test_what_was_submitted_is_done_cancelled_or_failed_by_design_and_nothing_else_is_there(soak: Soak) -> None:
    assert soak.listed() == {name: job.must_be for name, job in soak.over.items()}


def test_strikes_of_each_kind_hit_steps_under_way_and_every_one_of_these_went_on(soak: Soak) -> None:
    struck = [strike for strike in soak.mischief.strikes if strike.held]
    assert {strike.how for strike in struck} == set(HOWS)
    assert [strike for strike in struck if strike.recovered_s is None] == []


def test_no_worker_ended_but_of_what_was_done_to_it(soak: Soak) -> None:
    assert {name: soak.farm.ends(name) for name in STEADY} == {name: [] for name in STEADY}
    assert {end for name in VICTIMS for end in soak.farm.ends(name)} <= ENDS


def test_every_hint_was_taken(soak: Soak) -> None:
    wait_until(lambda: not soak.queued(), description=f"nothing is left over in the queues: {soak.queued()}")


def test_every_key_is_declared_and_expires(soak: Soak) -> None:
    assert check_keys(soak.farm.url) > len(soak.over)


def test_what_is_over_keeps_no_more_than_its_kind_needs(soak: Soak) -> None:
    sizes = {name: soak.bytes_of(job) for name, job in soak.over.items()}
    kinds = sorted({job.kind for job in soak.over.values()})
    largest = {kind: max(sizes[name] for name, job in soak.over.items() if job.kind == kind) for kind in kinds}
    tell(
        "What a job that is over keeps in Redis, at most", ((kind, f"{largest[kind] / 1024:.0f} kB") for kind in kinds)
    )
    assert {name: size for name, size in sizes.items() if size > most_bytes(soak.over[name])} == {}


@pytest.mark.skipif(MINUTES < SETTLED_MINUTES, reason="in so short a soak everything is still warming up")
def test_a_worker_that_nobody_strikes_does_not_grow(soak: Soak) -> None:
    for name in STEADY:
        trend = soak.gauges.trend(name, since_s=soak.gauges.now_s / 3)
        assert trend.grown_share < GROWN_SHARE, trend
        early, late = soak.gauges.thirds(name)
        assert min(one.files for one in late) <= min(one.files for one in early), f"{name} leaves files open"
        most = CONNECTIONS_OF_CELERY + POOLS * max(one.threads for one in early)
        assert max(one.connections for one in late) <= most, f"{name} leaves connections open"
        assert min(one.threads for one in late) <= min(one.threads for one in early), f"{name} leaves threads behind"


def test_an_hour_later_redis_is_as_it_was(soak: Soak) -> None:
    full_bytes = soak.used_bytes()
    soak.let_an_hour_pass()
    wait_until(
        lambda: soak.used_bytes() < soak.first_bytes + LEFT_BYTES, description="the server has what it had before"
    )
    stages = (("before", soak.first_bytes), ("with all that is over", full_bytes), ("an hour later", soak.used_bytes()))
    tell("Redis", ((f"{stage}, MB", size / MEGABYTE) for stage, size in stages))


def most_bytes(job: Job) -> int:
    keeps_audio = job.wishes.get("live") or job.must_be is State.FAILED
    return FINISHED_BYTES + (AUDIO_BYTES if keeps_audio else 0)


# The tables at the end.


def tell_of(soak: Soak) -> None:
    tell(f"A soak of {MINUTES:g} minutes, SOAK_SEED={SEED}", outcomes(soak))
    tell("Strikes, and how long until what was held was done or given on", strikes(soak))
    tell("Processes", processes(soak))
    tell("The server's used_memory", [("peak, MB", max(size for _, size in soak.gauges.server_bytes) / MEGABYTE)])


def outcomes(soak: Soak) -> Iterator[tuple[object, ...]]:
    counted = Counter((job.kind, job.must_be.value) for job in soak.over.values())
    yield "job", "is", "of them"
    yield from ((kind, state, count) for (kind, state), count in sorted(counted.items()))
    yield "all", "", len(soak.over)
    heard = sum((job.notes for job in soak.over.values()), Counter[str]())
    yield from ((what, "", count) for what, count in sorted(heard.items()))


def strikes(soak: Soak) -> Iterator[tuple[object, ...]]:
    yield "strike", "of them", "at a step under way", "median, s", "longest, s"
    for how in HOWS:
        all_of_it = [strike for strike in soak.mischief.strikes if strike.how == how]
        held = [strike for strike in all_of_it if strike.held]
        took_s = [strike.recovered_s for strike in held if strike.recovered_s is not None]
        yield how, len(all_of_it), len(held), median(took_s or [0.0]), max(took_s, default=0.0)


def processes(soak: Soak) -> Iterator[tuple[object, ...]]:
    yield "process", "lives", "peak MB", "mean MB", "MB/h", "grown MB", "how it ended"
    for name in soak.gauges.samples:
        ends = ", ".join(f"{count} x {end}" for end, count in Counter(soak.farm.ends(name)).items())
        lives, peak_mb = soak.gauges.lives(name), soak.gauges.peak_mb(name)
        if name in STEADY and lives == 1:
            trend = soak.gauges.trend(name, since_s=soak.gauges.now_s / 3)
            yield name, lives, peak_mb, trend.size_mb, trend.mb_per_h, trend.grown_mb, ends
        else:
            yield name, lives, peak_mb, "", "", "", ends
