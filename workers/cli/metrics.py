"""What is counted on a farm, as Prometheus reads it: printed once, or answered on loopback.

Every scrape looks anew and nothing is kept between two. Knows names and shapes, not where the figures come from.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chorus.errors import SettingError

if TYPE_CHECKING:
    from broker.backlog import Traffic
    from broker.farm_status import FarmStatus
    from broker.session_control import Sessions
    from chorus.records import Worker

Look = Callable[[], "FarmStatus | None"]
"""None: no server answers."""

HOST: Final = "127.0.0.1"
_SIZES: Final = ("entries", "bytes", "size", "limit")
"""What workers count that may fall again."""


class _Farm(Collector):
    """The farm, as it is when it is asked."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def describe(self) -> list[Metric]:
        """Nothing beforehand: a look costs a second, and a registry would take one to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        view = self._look()
        yield GaugeMetricFamily("chorus_up", "Whether a server answers.", float(view is not None))
        if view is None:
            return
        yield from _workers(view.workers)
        yield from _counted(view.workers)
        yield from _lanes(view.sessions)
        if view.traffic:
            yield from _traffic(view.traffic)


def text(look: Look) -> str:
    """All of it."""
    return generate_latest(_registry(look)).decode()


def serve(look: Look, port: int, tell: Callable[[str], None]) -> None:
    """Answer scrapes until Ctrl-C."""
    try:
        server, thread = start_http_server(port, HOST, _registry(look))
    except (OSError, OverflowError) as error:
        raise SettingError(f"--port {port}: nothing can listen there ({error}): name a free one.") from error
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
        "A worker that is alive; always 1.",
        labels=["worker", "role", "model", "variant", "stand_in"],
    )
    steps = CounterMetricFamily("chorus_worker_steps", "Steps done since the worker started.", labels=["worker"])
    slots = GaugeMetricFamily("chorus_worker_slots", "Steps at once, by lane.", labels=["worker", "lane"])
    for one in workers:
        known.add_metric([one.id, one.role, one.model, one.variant, str(one.stand_in).lower()], 1)
        steps.add_metric([one.id], one.served)
        for lane, count in one.slots.items():
            slots.add_metric([one.id, lane], count)
    yield from (known, steps, slots)


def _counted(workers: "Sequence[Worker]") -> Iterator[Metric]:
    """Caches, phonemes: one family for each figure, whichever workers have it."""
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for one in workers:
        for what, counts in one.counters.items():
            for figure, value in counts.items():
                name = f"chorus_{what}_{figure}"
                if name not in families:
                    make = GaugeMetricFamily if figure in _SIZES else CounterMetricFamily
                    families[name] = make(name, f"{what}: {figure.replace('_', ' ')}.", labels=["worker"])
                families[name].add_metric([one.id], value)
    yield from families.values()


def _lanes(sessions: "Sequence[Sessions]") -> Iterator[Metric]:
    labels = ["node", "lane", "provider"]
    served = CounterMetricFamily("chorus_lane_served", "Segments that a session spoke.", labels=labels)
    failures = CounterMetricFamily("chorus_lane_failures", "Segments it failed.", labels=labels)
    busy = CounterMetricFamily("chorus_lane_busy_seconds", "Time its slots spent on work.", labels=labels)
    waited = CounterMetricFamily("chorus_lane_wait_seconds", "Time work waited for it.", labels=labels)
    memory = GaugeMetricFamily("chorus_voice_resident_bytes", "Memory of a voice worker.", labels=["node"])
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
        "chorus_segments_under_way": ("Segments sent or being spoken.", sum(job.under_way for job in traffic.jobs)),
        "chorus_listeners": ("Who hears a job now.", sum(len(job.readers) for job in traffic.jobs)),
        "chorus_held_audio_seconds": ("Audio in Redis.", sum(job.held_s for job in traffic.jobs)),
        "chorus_hint_wait_seconds": (
            "How long the oldest step that nobody took has waited.",
            max((job.hint_wait_s for job in traffic.jobs), default=0.0),
        ),
    }
    yield _by("chorus_jobs", "Jobs that are not over, by state.", "state", jobs)
    yield _by("chorus_queue_messages", "Messages that wait in Celery's queues.", "queue", traffic.queues)
    yield _by("chorus_worker_silent_seconds", "Since a worker's last heartbeat.", "worker", traffic.silent_s)
    for name, (meaning, value) in sums.items():
        yield GaugeMetricFamily(name, meaning, value)


def _by(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
