"""The stand-in's speakers: one style for every published voice name, told apart by pitch, size and brightness.

Knows nothing of graphs; what the three numbers do is the graph's business.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

STYLE_ROWS = 510
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
# Octaves from 150 Hz, the vocal tract's formants against an adult man's, brightness: by the name's second letter.
_FEMALE = (0.4, 0.14, -0.2)
_MALE = (-0.4, 0.0, 0.2)
_SPREAD = (0.18, 0.04, 0.4)


def styles() -> dict[str, NDArray[np.float32]]:
    """Every voice as the published file holds it: `[510, 1, 256]`, one row per count of tokens, here all alike."""
    return {name: np.tile(_style(name), (STYLE_ROWS, 1, 1)) for name in NAMES}


def _style(name: str) -> NDArray[np.float32]:
    kind = _FEMALE if name[1] == "f" else _MALE
    own = hashlib.sha256(name.encode()).digest()
    style = np.zeros((1, 1, STYLE_WIDTH), np.float32)
    for index, (centre, spread) in enumerate(zip(kind, _SPREAD, strict=True)):
        style[..., index] = round(centre + spread * (own[index] / 255 * 2 - 1), 3)
    return style
