"""A farm's metrics in Prometheus' text format: printed once, or served on loopback.

Each scrape reads the farm's status anew; nothing is stored between scrapes. Knows the metrics' names and types, not how
the figures are counted.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chorus.errors import SettingError
from chorus.files import reason

if TYPE_CHECKING:
    from broker.backlog import Traffic
    from broker.farm_status import FarmStatus
    from broker.session_control import Sessions
    from chorus.records import Worker

Look = Callable[[], "FarmStatus | None"]
"""Reads the farm's status; None if no server answers."""

HOST: Final = "127.0.0.1"
_SIZES: Final = ("entries", "bytes", "size", "limit")
"""The figures among a worker's counters that can fall: gauges to Prometheus."""


class _Farm(Collector):
    """Collects the metrics when it is asked for them."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def describe(self) -> list[Metric]:
        """No names in advance: without this, registering would already read the status, which takes a second."""
        return []

    def collect(self) -> Iterator[Metric]:
        view = self._look()
        yield GaugeMetricFamily("chorus_up", "1 if the farm's Redis server answers, else 0.", float(view is not None))
        if view is None:
            return
        yield from _workers(view.workers)
        yield from _counted(view.workers)
        yield from _lanes(view.sessions)
        if view.traffic:
            yield from _traffic(view.traffic)


def text(look: Look) -> str:
    """All metrics once."""
    return generate_latest(_registry(look)).decode()


def serve(look: Look, port: int, tell: Callable[[str], None]) -> None:
    """Serve scrapes until Ctrl-C."""
    try:
        server, thread = start_http_server(port, HOST, _registry(look))
    except (OSError, OverflowError) as error:
        told = reason(error) if isinstance(error, OSError) else str(error)
        raise SettingError(f"--port {port} cannot be used ({told}): name a free port.") from error
    tell(f"http://{HOST}:{port}/metrics")
    try:
        threading.Event().wait()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _registry(look: Look) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Farm(look))
    return registry


def _workers(workers: "Sequence[Worker]") -> Iterator[Metric]:
    known = GaugeMetricFamily(
        "chorus_worker_info",
        "A registered worker; the value is always 1.",
        labels=["worker", "role", "model", "variant", "stand_in"],
    )
    steps = CounterMetricFamily(
        "chorus_worker_steps", "Steps that the worker has finished since it started.", labels=["worker"]
    )
    slots = GaugeMetricFamily(
        "chorus_worker_slots", "Steps that the worker can run at once, by lane.", labels=["worker", "lane"]
    )
    for one in workers:
        known.add_metric([one.id, one.role, one.model, one.variant, str(one.stand_in).lower()], 1)
        steps.add_metric([one.id], one.served)
        for lane, count in one.slots.items():
            slots.add_metric([one.id, lane], count)
    yield from (known, steps, slots)


def _counted(workers: "Sequence[Worker]") -> Iterator[Metric]:
    """Caches and phonemes: one metric family for each figure, with a sample for each worker that reports it."""
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for one in workers:
        for what, counts in one.counters.items():
            for figure, value in counts.items():
                name = f"chorus_{what}_{figure}"
                if name not in families:
                    make = GaugeMetricFamily if figure in _SIZES else CounterMetricFamily
                    families[name] = make(
                        name, f"As reported by workers, {what}: {figure.replace('_', ' ')}.", labels=["worker"]
                    )
                families[name].add_metric([one.id], value)
    yield from families.values()


def _lanes(sessions: "Sequence[Sessions]") -> Iterator[Metric]:
    labels = ["node", "lane", "provider"]
    served = CounterMetricFamily("chorus_lane_served", "Segments spoken on the lane.", labels=labels)
    failures = CounterMetricFamily("chorus_lane_failures", "Segments that failed on the lane.", labels=labels)
    busy = CounterMetricFamily(
        "chorus_lane_busy_seconds", "Seconds that the lane's slots were busy, summed.", labels=labels
    )
    waited = CounterMetricFamily(
        "chorus_lane_wait_seconds", "Seconds that segments waited for the lane, summed.", labels=labels
    )
    memory = GaugeMetricFamily(
        "chorus_voice_resident_bytes", "Resident memory of the voice worker's process.", labels=["node"]
    )
    for one in sessions:
        memory.add_metric([one.node], one.rss_bytes)
        for lane in one.lanes:
            name = [one.node, lane.name, lane.provider]
            served.add_metric(name, lane.served)
            failures.add_metric(name, lane.failures)
            busy.add_metric(name, lane.busy_s)
            waited.add_metric(name, lane.wait_s)
    yield from (served, failures, busy, waited, memory)


def _traffic(traffic: "Traffic") -> Iterator[Metric]:
    jobs = Counter(job.state for job in traffic.jobs)
    sums: Mapping[str, tuple[str, float]] = {
        "chorus_segments_under_way": (
            "Segments dispatched to workers or being spoken.",
            sum(job.under_way for job in traffic.jobs),
        ),
        "chorus_listeners": ("Listeners connected to unfinished jobs.", sum(len(job.readers) for job in traffic.jobs)),
        "chorus_held_audio_seconds": ("Seconds of audio held in Redis.", sum(job.held_s for job in traffic.jobs)),
        "chorus_hint_wait_seconds": (
            "Longest time that a dispatched step has waited for a worker.",
            max((job.hint_wait_s for job in traffic.jobs), default=0.0),
        ),
    }
    yield _by("chorus_jobs", "Unfinished jobs, by state.", "state", jobs)
    yield _by("chorus_queue_messages", "Messages waiting in each of Celery's queues.", "queue", traffic.queues)
    yield _by("chorus_worker_silent_seconds", "Seconds since the worker's last heartbeat.", "worker", traffic.silent_s)
    yield CounterMetricFamily(
        "chorus_set_aside", "Entries that could not be read and were set aside.", float(traffic.set_aside.total)
    )
    yield GaugeMetricFamily(
        "chorus_set_aside_entries", "Entries that are listed as set aside now.", float(traffic.set_aside.held)
    )
    yield GaugeMetricFamily(
        "chorus_unreadable", "Jobs and workers that are listed and cannot be read.", float(len(traffic.unreadable))
    )
    for name, (meaning, value) in sums.items():
        yield GaugeMetricFamily(name, meaning, value)


def _by(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
