"""Converts audio between the engine and a file: samples, silence, time-stretch. Knows nothing of files or jobs.

PCM is s16le mono 24 kHz as bytes; audio is float32 between -1 and 1.
"""

import hashlib
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chorus.errors import OptionError
from chorus.request import FASTEST, SLOWEST
from chorus.wire import RATE_HZ, SAMPLE_BYTES

MODEL_SLOWEST, MODEL_FASTEST = 0.5, 2.0
FULL_SCALE = 32767
# About 0.1 % of full scale. Below it nothing can be heard, and a decoder's dither does not count as sound.
SILENCE_LEVEL = 32
# atempo holds back its last window, so silence is pushed after the audio.
_FLUSH_FRAMES = RATE_HZ // 2
_PACE = Fraction(1, RATE_HZ)


class Speed(NamedTuple):
    """How a requested speed is reached: by the model, and by time-stretching its audio."""

    model: float
    """The speed that the model speaks with: 0.5 to 2.0."""
    stretch: float
    """The factor by which its audio is then made faster; 1.0: not at all."""


def split_speed(speed: float) -> Speed:
    """Split a speed between the model and the time-stretch; OptionError outside 0.25 to 4.0."""
    if not SLOWEST <= speed <= FASTEST:
        raise OptionError(f"Speed {speed:g} is out of range: choose {SLOWEST} to {FASTEST}.")
    model = min(max(speed, MODEL_SLOWEST), MODEL_FASTEST)
    return Speed(model=model, stretch=speed / model)


def to_pcm(audio: NDArray[np.float32]) -> bytes:
    """Finite audio as PCM. It is clipped first, because the cast would turn a peak into its opposite."""
    return np.rint(np.clip(audio, -1.0, 1.0) * FULL_SCALE).astype("<i2").tobytes()


def samples(pcm: bytes) -> NDArray[np.int16]:
    """PCM as an array that shares its memory."""
    return np.frombuffer(pcm, dtype="<i2")


def silence(pause_ms: float) -> bytes:
    """A pause as PCM."""
    return bytes(round(pause_ms * RATE_HZ / 1000) * SAMPLE_BYTES)


def silent_frames(pcm: bytes) -> int:
    """The number of frames before the first audible one; all frames if none is audible."""
    heard = np.abs(samples(pcm).astype(np.int32)) > SILENCE_LEVEL
    return int(heard.argmax()) if heard.any() else heard.size


def digest(pcm: bytes) -> str:
    """The sha256 of PCM, in hex."""
    return hashlib.sha256(pcm).hexdigest()


def stretch(pcm: bytes, factor: float) -> bytes:
    """The PCM `factor` times as fast, 0.25 to 4.0, at the same pitch; 1/factor of the frames, rounded."""
    wanted = round(len(pcm) // SAMPLE_BYTES / factor) * SAMPLE_BYTES
    if not wanted or factor == 1.0:
        return pcm[:wanted]
    return _tempo(pcm + bytes(_FLUSH_FRAMES * SAMPLE_BYTES), factor)[:wanted].ljust(wanted, b"\0")


def _tempo(pcm: bytes, factor: float) -> bytes:
    """FFmpeg's atempo, chained so that each link stays within 0.5 to 2. Beyond that it drops samples."""
    from av import AudioFrame  # noqa: PLC0415 - 100 MB, which most segments do not need
    from av.error import BlockingIOError as NoFrameError  # noqa: PLC0415
    from av.error import EOFError as EndError  # noqa: PLC0415
    from av.filter import Graph  # noqa: PLC0415

    graph = Graph()
    source = graph.add_abuffer(sample_rate=RATE_HZ, format="s16", layout="mono", time_base=_PACE)
    links = math.ceil(abs(math.log2(factor))) or 1
    chain = [graph.add("atempo", repr(factor ** (1 / links))) for _ in range(links)]
    graph.link_nodes(source, *chain, graph.add("abuffersink")).configure()
    frame = AudioFrame.from_ndarray(samples(pcm)[np.newaxis], format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, _PACE, 0
    graph.push(frame)
    graph.push(None)
    blocks: list[bytes] = []
    while True:
        try:
            blocks.append(graph.pull().to_ndarray().tobytes())
        except (NoFrameError, EndError):
            return b"".join(blocks)
