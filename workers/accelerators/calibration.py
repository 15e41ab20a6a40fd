"""Whether an accelerator is worth using for this model on this machine: measured once in child processes, then kept.

Runs only where there is an accelerator, before any lane is open.
"""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from broker.settings import FarmSettings
from workers.accelerators import probe
from workers.accelerators.hardware import Machine
from workers.accelerators.lane_choice import LaneVerdict
from workers.accelerators.probe import ProbeResult
from workers.accelerators.verdicts import Verdicts
from workers.inference.providers import CPU, Accelerator, Provider
from workers.inference.quality import Bounds, Rendering, compare
from workers.models.resolving import Model

LENGTHS = (20, 80, 200)
"""A listener's first words, a sentence, a usual segment."""
MEMORY_BYTES = 4 << 30
MEMORY_SHARE = 1 / 3
# A chip that adds up numbers in another order may move the end of a phoneme by a frame, and no more.
LENGTH_OFF = 0.01
# More than the distance of two runs on the CPU, which differ because Kokoro's breath is random noise.
APART_DB = 1.0

Attempt = Callable[..., ProbeResult]

log = logging.getLogger(__name__)


class Calibration:
    """The verdicts for one model on one machine. The CPU is measured once for all of them, when one is missing."""

    def __init__(
        self, model: Model, settings: FarmSettings, machine: Machine, attempt: Attempt = probe.attempt
    ) -> None:
        self._model = model
        self._machine = machine
        self._attempt = attempt
        self._verdicts = Verdicts(settings)
        self._cpu: ProbeResult | None = None

    def verdict(self, lane: Accelerator, provider: Provider) -> LaneVerdict:
        """What was measured of this lane, now or at an earlier start."""
        from workers.optimise.stages import locked  # noqa: PLC0415 - onnx, only where something is measured

        key = self._key(lane, provider)
        if known := self._verdicts.find(key):
            return known
        # Two workers that start at once would slow down each other's measurement.
        with locked(self._verdicts.file.with_name("coreml"), log.warning):
            if known := self._verdicts.find(key):
                return known
            # A warning, so that it is in the log of a worker that takes long to start.
            log.warning("Measuring the lane %s against the CPU, once: this may take minutes.", lane)
            found = judge(self._measured_cpu(), self._probe(provider), memory_cap=self._memory_cap())
            log.warning("The lane %s: %s", lane, found.fault or f"{found.speedup:.2f} times as fast as the CPU")
            self._verdicts.keep(key, found)
        return found

    def _key(self, lane: Accelerator, provider: Provider) -> str:
        options = ",".join(f"{name}={value}" for name, value in sorted(provider.options.items()))
        return f"{self._model.digest} | {self._machine.key} | {lane} | {options}"

    def _measured_cpu(self) -> ProbeResult:
        if self._cpu is None:
            self._cpu = self._probe(CPU)
        return self._cpu

    def _probe(self, provider: Provider) -> ProbeResult:
        return self._attempt(self._model, provider, threads=self._machine.cores, lengths=LENGTHS)

    def _memory_cap(self) -> int:
        return min(MEMORY_BYTES, int(self._machine.memory_bytes * MEMORY_SHARE))


def judge(cpu: ProbeResult, lane: ProbeResult, *, memory_cap: int) -> LaneVerdict:
    """Whether the lane can be used, and how much faster than the CPU it is. Pure."""
    fault = _fault(cpu, lane, memory_cap)
    if fault:
        return LaneVerdict(fault=fault)
    return LaneVerdict(speedup=sum(cpu.seconds) / sum(lane.seconds))


def _fault(cpu: ProbeResult, lane: ProbeResult, memory_cap: int) -> str:
    if cpu.fault:
        return f"there is nothing to compare with: on the CPU, {cpu.fault}"
    if lane.fault:
        return f"on trial {lane.fault}"
    if not all(np.isfinite(audio).all() for audio in lane.audio):
        return "on trial it returned samples that are not numbers"
    if lane.peak_bytes > memory_cap:
        return f"on trial it took {lane.peak_bytes / 1e9:.1f} GB of memory; at most {memory_cap / 1e9:.1f} are allowed"
    return next(filter(None, map(_unlike, cpu.audio, cpu.again, lane.audio)), "")


def _unlike(cpu: Any, again: Any, lane: Any) -> str:
    """How the lane's sound differs from the CPU's; empty if it differs little enough."""
    own, found = (compare(Rendering(audio=cpu), Rendering(audio=audio)) for audio in (again, lane))
    if found.length > LENGTH_OFF:
        return f"on trial it spoke {lane.size} samples where the CPU spoke {cpu.size}"
    most_db = max(Bounds().log_spectral_db, (own.log_spectral_db or 0.0) + APART_DB)
    apart_db = found.log_spectral_db
    if apart_db is None or apart_db > most_db:
        distance = "nothing that can be compared" if apart_db is None else f"{apart_db:.1f} dB"
        return f"on trial its sound was {distance} away from the CPU's; at most {most_db:.1f} dB are allowed"
    return ""
