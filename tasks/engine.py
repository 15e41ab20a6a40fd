"""The interface of a speech engine, and the engine of this process: `workers` installs one and the steps use it.

Knows nothing of onnxruntime.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from chorus.errors import FarmError

Lane = Literal["live", "bulk"]


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """One segment for the engine to speak."""

    phonemes: str
    """1 to `chorus.vocabulary.MAX_TOKENS` symbols of the vocabulary."""
    voice: str
    """A name from the voices file, or a blend of several (chorus.voices)."""
    speed: float = 1.0
    """0.5 to 2.0, the range that the model itself supports."""


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What the engine returned for one utterance."""

    audio: NDArray[np.float32]
    """Mono, 24 kHz, validated: finite, of plausible length, not silent."""
    seconds: float
    """The time of inference, without the time spent waiting for a slot."""
    timings: tuple[tuple[str, float, float], ...] = ()
    """Per phoneme: symbol, start and end in seconds from the segment's start."""


class Engine(Protocol):
    """A warm model with its lanes. `speak` blocks and may be called from many threads at once."""

    sound: str
    """The first 12 hex digits of the sha256 of the model file. A job is spoken with one sound only."""
    model: str
    """The model's name as people read it: `kokoro-v1.0`, `stand-in voice`, `toy voice`."""
    model_digest: str
    voices_digest: str
    samples: str
    """Engines with the same value speak the same samples, bit for bit; empty where two runs may differ."""

    def voices(self) -> tuple[str, ...]:
        """The names in the voices file, sorted."""
        ...

    def slots(self, lane: Lane) -> int:
        """How many utterances this lane speaks at once."""
        ...

    def speak(self, utterance: Utterance, lane: Lane) -> Speech:
        """Speak it on this lane; ChorusError if that fails."""
        ...

    def speak_isolated(self, utterance: Utterance, *, limit_s: float) -> Speech:
        """Speak it in a child process with limits of time and memory; ChorusError if the child dies, hangs or grows."""
        ...

    def close(self) -> None:
        """Stop the lanes' threads and release the sessions."""
        ...


_slot: list[Engine] = []


def install(engine: Engine) -> None:
    """Make this the engine of the process."""
    _slot[:] = [engine]


def current() -> Engine:
    """The engine of the process; FarmError if none was installed."""
    if not _slot:
        raise FarmError("This process has no engine: `celery -A workers.voice worker` starts a process that speaks.")
    return _slot[0]
