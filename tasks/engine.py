"""What the farm asks of a speech engine, and the one slot per process that `workers` fills.

Knows nothing of onnxruntime: a worker puts an engine in, a step takes it out.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from chorus.errors import FarmError

Lane = Literal["live", "bulk"]


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """One segment as the engine speaks it."""

    phonemes: str
    """1 to `chorus.vocabulary.MAX_TOKENS` symbols of the vocabulary."""
    voice: str
    """A name from the voices file, or a blend of several (chorus.voices)."""
    speed: float = 1.0
    """0.5 to 2.0: what the model itself can do."""


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What came back."""

    audio: NDArray[np.float32]
    """Mono, 24 kHz, validated: finite, of plausible length, not silent."""
    seconds: float
    """Inference alone, without waiting."""
    timings: tuple[tuple[str, float, float], ...] = ()
    """Per phoneme: symbol, start and end in seconds from the segment's start."""


class Engine(Protocol):
    """A warm model with its lanes. `speak` blocks; it may be called from many threads at once."""

    sound: str
    """The first 12 hex digits of the sha256 of the model file: what a job pins."""
    model: str
    """The model's name for people: `kokoro-v1.0`, `stand-in voice`, `toy voice`."""
    model_digest: str
    voices_digest: str

    def voices(self) -> tuple[str, ...]:
        """The names in the voices file, sorted."""
        ...

    def slots(self, lane: Lane) -> int:
        """How many utterances this lane speaks at once."""
        ...

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:
        """Say it on this lane, or raise ChorusError."""
        ...

    def speak_isolated(self, utterance: Utterance, *, limit_s: float) -> Speech:
        """Say it in a process of its own, which may die, hang or grow as it likes; ChorusError says what it did."""
        ...

    def close(self) -> None:
        """Stop the lanes' threads and let the sessions go."""
        ...


_slot: list[Engine] = []


def install(engine: Engine) -> None:
    """Make this engine the process's own."""
    _slot[:] = [engine]


def current() -> Engine:
    """The process's engine."""
    if not _slot:
        raise FarmError("This process has no engine: segments are spoken by `celery -A workers.voice worker`.")
    return _slot[0]
