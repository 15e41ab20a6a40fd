"""Opens an engine: chooses this machine's lanes, opens a session for each, and loads the voices once for all of them.

Knows nothing of what an engine does afterwards.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from broker.settings import FarmSettings, available_cores
from chorus.errors import ModelError
from workers.accelerators.calibration import Calibration
from workers.accelerators.hardware import Machine, detect
from workers.accelerators.lane_choice import ACCELERATORS, ChosenLane, LaneVerdict, choose_lanes
from workers.engine.kokoro_engine import KokoroEngine, Synthesizers
from workers.inference.kept_memory import FIRST_TOKENS
from workers.inference.lanes import Lane
from workers.inference.priority import own_cores
from workers.inference.providers import CPU, Accelerator, Provider, accelerator, wished
from workers.inference.sessions import OpenSession, forget_files, open_session
from workers.inference.synthesizer import Synthesizer
from workers.models import voicebank
from workers.models.resolving import Model, as_it_is

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an engine finds on its machine. Only tests pass another one."""

    machine: Machine = field(default_factory=detect)
    open_session: OpenSession = open_session
    measure: Callable[[Accelerator, Provider], LaneVerdict] | None = None
    """Judges an accelerator's lane; None: it is measured on this machine, once."""


def open_engine(
    model: Model,
    settings: FarmSettings,
    around: Surroundings | None = None,
    *,
    reached: Callable[[str], None] = lambda _stage: None,
) -> KokoroEngine:
    """Load the model once per lane and its voices once for all lanes, or raise ModelError.

    Under CHORUS_STRICT, FarmError if a lane that was named is missing. A lossless graph that does not load is replaced
    by the file it was made from. `reached` is called with each stage's name when the stage ends.
    """
    around = around or Surroundings()
    try:
        return _open_engine(model, settings, around, reached)
    except ModelError as error:
        if not model.optimised or model.digest != model.base:
            raise
        log.warning("The prepared graph does not load, the original file is used: %s", error)
        return _open_engine(as_it_is(model, str(error)), settings, around, reached)


def _open_engine(
    model: Model, settings: FarmSettings, around: Surroundings, reached: Callable[[str], None]
) -> KokoroEngine:
    wished(settings.coreml)
    styles = voicebank.load(model.voices_path)
    reached("voices")
    measure = around.measure or Calibration(model, settings, around.machine).verdict
    choice = choose_lanes(
        settings.lanes,
        around.machine.providers,
        lambda lane: _another_sound(model) or measure(lane, _provider(lane, model, settings)),
        strict=settings.strict,
    )
    # Under `auto` nobody named a lane, so a missing one breaks no promise.
    strict = settings.strict and settings.lanes != "auto"
    opened, missing = dict[str, Synthesizer](), dict(choice.missing)
    for lane in choice.lanes:
        try:
            opened[lane.name] = _open_synthesizer(lane.name, model, settings, around)
        except ModelError as error:
            # It passed its probe in a process of its own; it may still fail here, where other sessions hold memory.
            if lane.name not in ACCELERATORS or strict:
                raise
            missing[lane.name] = str(error)
    forget_files()
    reached("sessions")
    return KokoroEngine(model, styles, replace(_by_lane(choice.lanes, opened, missing), strict=strict))


def _by_lane(
    lanes: Iterable[ChosenLane], opened: Mapping[str, Synthesizer], missing: Mapping[str, str]
) -> Synthesizers:
    """Which synthesizers speak for books and which for listeners; if a lane is missing, the CPU speaks books too."""
    here = [lane for lane in lanes if lane.name in opened]
    return Synthesizers(
        live=tuple(opened[lane.name] for lane in here if lane.live),
        bulk=tuple(opened[lane.name] for lane in here if lane.bulk or (lane.name == "bulk" and missing)),
        spare=opened["bulk"],
        missing=missing,
    )


def _open_synthesizer(name: str, model: Model, settings: FarmSettings, around: Surroundings) -> Synthesizer:
    """Books share a session of one thread per run, a listener's uses all cores; one thread owns an accelerator."""
    if name == "bulk":
        cores = own_cores() if settings.pin else ()
        lane = Lane(name, slots=settings.bulk_slots(), lowered=True, cores=cores)
        return Synthesizer(lane, model, threads=1, opened=around.open_session)
    provider = _provider(name, model, settings) if _is_accelerator(name) else CPU
    at_rest = FIRST_TOKENS if provider == CPU else 0
    lane = Lane(name, slots=1, lowered=False)
    return Synthesizer(
        lane, model, threads=available_cores(), provider=provider, opened=around.open_session, at_rest=at_rest
    )


def _another_sound(model: Model) -> LaneVerdict | None:
    """A fault where the CPU speaks a lossy variant: an accelerator loads the original, and a book would mix both."""
    if model.digest == model.base:
        return None
    return LaneVerdict(fault=f"it could only speak the file itself, and {model.variant} sounds otherwise")


def _is_accelerator(name: str) -> TypeGuard[Accelerator]:
    return name in ACCELERATORS


def _provider(lane: Accelerator, model: Model, settings: FarmSettings) -> Provider:
    # A folder for each model: CoreML finds what it compiled by the file's name, and would use another model's.
    cache_folder = settings.home_folder() / "coreml" / model.sound
    return accelerator(lane, cache_folder=cache_folder, wishes=settings.coreml)
