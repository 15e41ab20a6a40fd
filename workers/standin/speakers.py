"""The stand-in's speakers: one style for every published voice name, told apart by height, size and manner.

Knows nothing of spectra; what a number does to them is the synthesis's business.
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
class _Dial:
    """One number of a style: where it stands, by whose voice it is, and how far a model turns it at most."""

    female: float
    male: float
    spread: float
    """Half of the range over which names of one kind differ."""
    low: float
    high: float


_DIALS = (
    _Dial(female=0.4, male=-0.35, spread=0.16, low=-0.8, high=0.9),  # octaves from 150 Hz
    _Dial(female=0.14, male=0.0, spread=0.04, low=-0.15, high=0.25),  # size of the tract: formants against rms's own
    _Dial(female=-0.1, male=0.1, spread=0.5, low=-2.0, high=2.0),  # brightness, dB an octave
    _Dial(female=-0.04, male=0.04, spread=0.08, low=-0.7, high=0.3),  # clearness: how high up the voice reaches
    _Dial(female=-1.8, male=0.0, spread=0.4, low=-6.0, high=3.0),  # loudness, dB
    _Dial(female=0.05, male=-0.05, spread=0.2, low=-1.0, high=0.6),  # liveliness: how far the melody goes
    _Dial(female=0.0, male=0.0, spread=0.03, low=-0.2, high=0.2),  # pace
)
_BRITISH = (0.03, 0.0, 0.1, 0.0, 0.0, 0.12, -0.02)
"""What a British name adds."""
_OWN = {"af_nicole": {3: -0.5, 4: -1.0}}
"""She nearly whispers."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """What a style says of the speaker; clipped, so that a style of the real model speaks as well."""

    pitch_hz: Tensor
    tract: Tensor
    """Formants relative to those that were measured."""
    brightness_db: Tensor
    """Added per octave above 1 kHz, taken below."""
    clearness: Tensor
    """Up to where a sound is voice, relative to usual."""
    loudness_db: Tensor
    liveliness: Tensor
    """How far the melody goes, relative to usual."""
    pace: Tensor


def speaker(style: Tensor) -> Speaker:
    """Read a style, `[1, STYLE_WIDTH]`."""
    dials = [style.cut(at, at + 1, axis=1).between(dial.low, dial.high) for at, dial in enumerate(_DIALS)]
    pitch, tract, brightness, clearness, loudness, liveliness, pace = dials
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
    """Every voice as the published file holds it, `[MAX_TOKENS, 1, 256]`: one row per count of tokens, all alike."""
    return {name: np.tile(_style(name), (MAX_TOKENS, 1, 1)) for name in NAMES}


def _style(name: str) -> NDArray[np.float32]:
    own = hashlib.sha256(name.encode()).digest()
    style = np.zeros((1, 1, STYLE_WIDTH), np.float32)
    for at, dial in enumerate(_DIALS):
        centre = dial.female if name[1] == "f" else dial.male
        british = _BRITISH[at] if name[0] == "b" else 0.0
        turned = centre + british + _OWN.get(name, {}).get(at, 0.0) + dial.spread * (own[at] / 255 * 2 - 1)
        style[..., at] = round(turned, 3)
    return style
