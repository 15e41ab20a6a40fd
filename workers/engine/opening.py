"""Opens an engine: which lanes this machine gets, a session for each, the voices once for all.

Knows nothing of what an engine is asked afterwards.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

import kokoro_onnx

from broker.settings import FarmSettings, available_cores
from chorus.errors import ModelError
from workers.accelerators.calibration import Calibration
from workers.accelerators.hardware import Machine, detect
from workers.accelerators.lane_choice import ACCELERATORS, ChosenLane, LaneVerdict, choose_lanes
from workers.engine.kokoro_engine import KokoroEngine, Synthesizers
from workers.inference.lanes import Lane
from workers.inference.priority import own_cores
from workers.inference.providers import CPU, Accelerator, Provider, accelerator, wished
from workers.inference.sessions import open_session
from workers.inference.synthesizer import FIRST_TOKENS, OpenSession, Synthesizer
from workers.models import voicebank
from workers.models.resolving import Model, as_it_is

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an engine finds on its machine. Only tests bring their own."""

    machine: Machine = field(default_factory=detect)
    open_session: OpenSession = open_session
    measure: Callable[[Accelerator, Provider], LaneVerdict] | None = None
    """What is known of a lane on an accelerator; None: it is measured."""


def open_engine(
    model: Model,
    settings: FarmSettings,
    around: Surroundings | None = None,
    *,
    reached: Callable[[str], None] = lambda _stage: None,
) -> KokoroEngine:
    """Load the model once per lane and its voices once for all, or raise ModelError; FarmError where strict forbids.

    A lossless graph that does not load gives way to the file it was made of. `reached` is told when a stage ends.
    """
    _let_log_records_through()
    around = around or Surroundings()
    try:
        return _open_engine(model, settings, around, reached)
    except ModelError as error:
        if not model.optimised or model.digest != model.origin:
            raise
        log.warning("What was prepared does not load, the file is spoken as it is: %s", error)
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
    # Under `auto` nobody named a lane, so none that fails is missed.
    strict = settings.strict and settings.lanes != "auto"
    opened, missing = dict[str, Synthesizer](), dict(choice.missing)
    for lane in choice.lanes:
        try:
            opened[lane.name] = _open_booth(lane.name, model, settings, around)
        except ModelError as error:
            # It was tried in a process of its own a moment ago: what fails now fails on this machine as it is now.
            if lane.name not in ACCELERATORS or strict:
                raise
            missing[lane.name] = str(error)
    reached("sessions")
    return KokoroEngine(model, styles, replace(_seated(choice.lanes, opened, missing), strict=strict))


def _seated(lanes: Iterable[ChosenLane], opened: Mapping[str, Synthesizer], missing: Mapping[str, str]) -> Synthesizers:
    """Whoever is missing, books are the CPU's as well."""
    here = [lane for lane in lanes if lane.name in opened]
    return Synthesizers(
        live=tuple(opened[lane.name] for lane in here if lane.live),
        bulk=tuple(opened[lane.name] for lane in here if lane.bulk or (lane.name == "bulk" and missing)),
        spare=opened["bulk"],
        missing=missing,
    )


def _open_booth(name: str, model: Model, settings: FarmSettings, around: Surroundings) -> Synthesizer:
    """Books share one single-threaded session, a listener has all cores; an accelerator has one thread that owns it."""
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
    """An accelerator speaks the file as it is; where the CPU does not, a book would mix two sounds."""
    if model.digest == model.origin:
        return None
    return LaneVerdict(fault=f"it could only speak the file itself, and {model.variant} sounds otherwise")


def _is_accelerator(name: str) -> TypeGuard[Accelerator]:
    return name in ACCELERATORS


def _provider(lane: Accelerator, model: Model, settings: FarmSettings) -> Provider:
    # A folder for each file: CoreML takes what it compiled for an older one of the same name for the new one's.
    cache_folder = settings.home_folder() / "coreml" / model.sound
    return accelerator(lane, cache_folder=cache_folder, wishes=settings.coreml)


def _let_log_records_through() -> None:
    """Undo what kokoro_onnx does to logging at import: a handler of its own, and at LOG_LEVEL=debug every phoneme."""
    logger = logging.getLogger(kokoro_onnx.__name__)
    logger.handlers.clear()
    logger.setLevel(logging.WARNING)
