"""The speakers of the stand-in voice: a style for every published voice name, with its own pitch, tract and manner.

Knows nothing of spectra: `synthesis` applies the numbers of a style.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chorus.vocabulary import MAX_TOKENS
from workers.standin.arithmetic import Tensor

STYLE_WIDTH = 256
NAMES = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river",
    "af_sarah", "af_sky",
    "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck", "am_santa",
    "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
    "ef_dora", "em_alex", "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola",
    "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex", "pm_santa",
    "zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Parameter:
    """One number of a style: its value for female and male names, how much names differ, and its limits."""

    female: float
    male: float
    spread: float
    """The largest difference of a name from the value above."""
    low: float
    """The graph clips a style's number to this range."""
    high: float


_PARAMETERS = (
    _Parameter(female=0.4, male=-0.35, spread=0.16, low=-0.8, high=0.9),  # octaves from 150 Hz
    _Parameter(
        female=0.14, male=0.0, spread=0.04, low=-0.15, high=0.25
    ),  # size of the vocal tract: formants relative to rms
    _Parameter(female=-0.1, male=0.1, spread=0.5, low=-2.0, high=2.0),  # brightness, dB an octave
    _Parameter(
        female=-0.04, male=0.04, spread=0.08, low=-0.7, high=0.3
    ),  # clearness: up to which frequency it is voiced
    _Parameter(female=-1.8, male=0.0, spread=0.4, low=-6.0, high=3.0),  # loudness, dB
    _Parameter(female=0.05, male=-0.05, spread=0.2, low=-1.0, high=0.6),  # liveliness: range of the intonation
    _Parameter(female=0.0, male=0.0, spread=0.03, low=-0.2, high=0.2),  # pace
)
_BRITISH = (0.03, 0.0, 0.1, 0.0, 0.0, 0.12, -0.02)
"""Added for British names."""
_OWN = {"af_nicole": {3: -0.5, 4: -1.0}}
"""Added for single names: af_nicole nearly whispers."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """The properties of a speaker, read from a style and clipped, so that styles of the real model work too."""

    pitch_hz: Tensor
    tract: Tensor
    """Formants relative to the measured ones."""
    brightness_db: Tensor
    """Added per octave above 1 kHz, and subtracted below."""
    clearness: Tensor
    """The frequency up to which a sound is voiced, relative to the usual one."""
    loudness_db: Tensor
    liveliness: Tensor
    """The range of the intonation, relative to the usual one."""
    pace: Tensor


def speaker(style: Tensor) -> Speaker:
    """Read a style, `[1, STYLE_WIDTH]`."""
    values = [
        style.cut(at, at + 1, axis=1).clipped(parameter.low, parameter.high) for at, parameter in enumerate(_PARAMETERS)
    ]
    pitch, tract, brightness, clearness, loudness, liveliness, pace = values
    return Speaker(
        pitch_hz=style.graph.op("Exp", pitch * math.log(2)) * 150.0,
        tract=tract + 1.0,
        brightness_db=brightness,
        clearness=clearness + 1.0,
        loudness_db=loudness,
        liveliness=liveliness + 1.0,
        pace=(pace + 1.0).shaped(1),
    )


def styles() -> dict[str, NDArray[np.float32]]:
    """Every voice as in the published file, `[MAX_TOKENS, 1, 256]`: a row per number of tokens, all equal."""
    return {name: np.tile(_style(name), (MAX_TOKENS, 1, 1)) for name in NAMES}


def _style(name: str) -> NDArray[np.float32]:
    own = hashlib.sha256(name.encode()).digest()
    style = np.zeros((1, 1, STYLE_WIDTH), np.float32)
    for at, parameter in enumerate(_PARAMETERS):
        centre = parameter.female if name[1] == "f" else parameter.male
        british = _BRITISH[at] if name[0] == "b" else 0.0
        turned = centre + british + _OWN.get(name, {}).get(at, 0.0) + parameter.spread * (own[at] / 255 * 2 - 1)
        style[..., at] = round(turned, 3)
    return style
