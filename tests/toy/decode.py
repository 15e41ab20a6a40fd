"""Reads the token ids back out of the toy voice's sound. Knows its waveform, and nothing of the model or the farm."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_LIFT, _SCALE, _FULL_SCALE = 32, 256, 32767
_HALF_FRAME = 300
# Converters round, or cut off: one step of int16 either way is still the same level. Tokens are 128 steps apart.
_TOLERANCE = 1


def decode(pcm: NDArray[np.int16]) -> list[int]:
    """The token ids in this sound, silence skipped; ValueError names the first sample that is not the toy voice's."""
    # Hours of sound: what is made of all of it stays in int16.
    signal = pcm.astype(np.int16, copy=False)
    # Runs are told apart by sign alone, since a token rises and falls once: up is a new token, down is its second half.
    signs = np.sign(signal)
    starts = np.flatnonzero(np.diff(signs, prepend=np.int16(0))).tolist()
    runs = [(at, to) for at, to in pairwise([*starts, len(signal)]) if signs[at]]
    if len(runs) % 2:
        raise ValueError(f"The token at sample {runs[-1][0]} has only one half.")
    return [_token(signal, rise, fall) for rise, fall in zip(runs[::2], runs[1::2], strict=True)]


def _token(signal: NDArray[np.int16], rise: tuple[int, int], fall: tuple[int, int]) -> int:
    (start, middle), (second, end) = rise, fall
    token = round(int(signal[start]) * _SCALE / _FULL_SCALE) - _LIFT
    level = round((token + _LIFT) * _FULL_SCALE / _SCALE)
    rising, falling = signal[start:middle].astype(np.int32), signal[second:end].astype(np.int32)
    halves = np.concatenate([rising, -falling])
    length = middle - start
    if second != middle or end - second != length or length % _HALF_FRAME:
        raise ValueError(f"The token at sample {start} lasts {length} and {end - second} samples: something was cut.")
    if token < 1 or np.abs(halves - level).max() > _TOLERANCE:
        raise ValueError(f"The sound at sample {start} is not a token of the toy voice.")
    return token
