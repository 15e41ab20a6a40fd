"""Checks the model's output before anybody hears it: whether it can be speech at all.

Pure: knows nothing of sessions or lanes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chorus.errors import AudioError
from workers.inference.quality import clipped, dc

FRAME = 600
"""Samples of one frame of `duration`: 25 ms."""
# Kokoro gives a token at least one frame. Half of that passes a model that counts its pads differently, and still
# catches a single sample or a tail that is cut off.
_FEWEST_FRAMES = 0.5
# Its duration head adds fifty sigmoids and divides by the speed: no token can last longer.
_MOST_FRAMES = 50
_PADS = 2
# -60 dBFS. Speech peaks a hundred times higher; rounded to 16 bits, less than this is 32 steps of noise.
_SILENT_PEAK = 1e-3
# Kokoro reaches full scale now and then, and is clipped there. One sample in twenty is no longer a peak but a roar.
_MOST_CLIPPED = 0.05
# Speech has next to no offset; the random weights of the benchmarks give 0.11. A quarter of full scale means that some
# scale is wrong, and it would click at every join.
_MOST_DC = 0.25
# -0.9 dBFS: a sine at full scale is quieter, and speech lies near -20.
_LOUDEST_RMS = 0.9
_SHOWN = 40


def check_outputs(outputs: Sequence[Any]) -> None:
    """Refuse outputs that cannot be read as audio and durations: a scalar, two channels, another type, nothing."""
    audio = np.asarray(outputs[0])
    if audio.dtype != np.float32:
        raise AudioError(f"The model returned {audio.dtype} for audio instead of float32.")
    if audio.ndim == 0 or audio.size != audio.shape[-1]:
        raise AudioError(f"The model returned audio of shape {list(audio.shape)} instead of one row of samples.")
    if audio.size == 0:
        raise AudioError("The model returned no audio.")
    if len(outputs) < 2:  # noqa: PLR2004 - audio alone: a model that reports no durations
        return
    frames = np.asarray(outputs[1])
    if frames.min(initial=0) < 0 or frames.sum() <= 0:
        raise AudioError("The model returned durations that are no lengths of time.")


def check_speech(audio: NDArray[np.float32], *, phonemes: str, speed: float) -> None:
    """Refuse audio that cannot be these phonemes: not finite, impossibly short or long, silent, or a roar."""
    if audio.dtype != np.float32 or audio.ndim != 1:
        raise AudioError(f"The engine returned {audio.dtype} {list(audio.shape)} instead of one row of float32.")
    if not np.isfinite(audio).all():
        raise AudioError(f"The model returned samples that are not numbers for {shown(phonemes)}.")
    _check_length(audio.size / FRAME, phonemes, speed)
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < _SILENT_PEAK and any(symbol.isalpha() for symbol in phonemes):
        raise AudioError(f"The model was silent on {shown(phonemes)}.")
    _check_level(audio, phonemes)


def _check_length(frames: float, phonemes: str, speed: float) -> None:
    tokens = len(phonemes)
    fewest, most = _FEWEST_FRAMES * tokens, _MOST_FRAMES / speed * (tokens + _PADS)
    if not fewest <= frames <= most:
        raise AudioError(
            f"The model returned {frames * FRAME / 24_000:.2f} s for {tokens} tokens ({shown(phonemes)}): "
            f"possible are {fewest * FRAME / 24_000:.2f} to {most * FRAME / 24_000:.2f} s."
        )


def _check_level(audio: NDArray[np.float32], phonemes: str) -> None:
    """A voice is neither mostly at full scale, nor far from zero on average, nor as loud as that."""
    share, offset = clipped(audio), dc(audio)
    if share > _MOST_CLIPPED:
        raise AudioError(f"{share:.0%} of what the model returned for {shown(phonemes)} is at full scale.")
    if offset > _MOST_DC:
        raise AudioError(f"What the model returned for {shown(phonemes)} is {offset:.2f} away from zero on average.")
    rms = float(np.sqrt(np.mean(audio**2, dtype=np.float64)))
    if rms > _LOUDEST_RMS:
        raise AudioError(f"What the model returned for {shown(phonemes)} is louder than a voice can be.")


def shown(phonemes: str) -> str:
    """The beginning of a segment, enough to recognise it in an error."""
    return repr(phonemes if len(phonemes) <= _SHOWN else phonemes[: _SHOWN - 1] + "…")
