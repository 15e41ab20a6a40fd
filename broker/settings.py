"""The farm's settings: the client's, and those of workers, desks and the embedded server.

python -m broker.settings        # prints the table that docs/operations.md holds

With chorus/settings.py the only module that reads the environment.
"""

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from chorus.settings import PREFIX, ClientSettings


class FarmSettings(ClientSettings):
    """Read once per process through `settings()`."""

    model: Path | None = Field(
        default=None, description="A Kokoro ONNX file. Default: the pulled one, else the stand-in voice."
    )
    voices: Path | None = Field(default=None, description="The voices file that belongs to CHORUS_MODEL.")
    variant: str = Field(
        default="auto",
        description="Which graph of the model: the fastest that passed (`auto`), `original`, `fast`, `raw` for the "
        "file as it is, or one that `chorus optimize` made.",
    )
    inverse: Literal["exact", "as-is"] = Field(
        default="exact",
        description="A model whose inverse Fourier transform is too dull above 1 kHz is put right as it is loaded "
        "(`exact`), or speaks `as-is`. The two are different sounds.",
    )
    store: Path | None = Field(
        default=None, description="Folder for parts and results. Default: `store` in CHORUS_HOME."
    )
    cache_mb: int = Field(
        default=2048,
        ge=0,
        description="Most megabytes of the disk that spoken segments may take, which the store keeps so that none is "
        "spoken twice; half-written ones and whole disk blocks count. 0: none.",
    )
    lanes: str = Field(
        default="auto",
        pattern=r"^(auto|both|bulk|(ane|gpu|cpu)(,(ane|gpu|cpu))*)$",
        description=(
            "`both` sessions on the CPU, or `bulk` alone to save memory; or a list of `ane`, `gpu` and `cpu`. "
            "`auto`: both, or a Mac's Neural Engine and GPU where they were measured to pay."
        ),
    )
    strict: bool = Field(
        default=False, description="Refuse to start if a lane that CHORUS_LANES names cannot be opened."
    )
    coreml: str = Field(
        default="", description="More options for CoreML, for lanes on a Mac: `ModelFormat=MLProgram,…`."
    )
    pin: bool = Field(default=False, description="Bind each thread that speaks books to a core of its own (Linux).")
    slots: int = Field(default=0, ge=0, le=256, description="Segments spoken at once by a worker. 0: one per core.")
    desk_slots: int = Field(
        default=2, ge=1, le=64, description="Steps that a desk worker does at once: documents, parts, files."
    )
    lease_s: float = Field(
        default=3.0, ge=0.5, le=60, description="Seconds without a sign of its worker until another takes a step over."
    )
    deadline_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        description="Seconds a segment may take, or 20 times its length if that is more. Then its worker is taken for "
        "hung and restarts.",
    )
    mirror: str = Field(
        default="", description="Base address, or a folder, to fetch model files from instead of upstream."
    )
    tagger: Literal["auto", "rules"] = Field(
        default="auto",
        description="What tells English nouns from verbs: spaCy's model if it was pulled (`auto`), or always `rules`.",
    )
    offline: bool = Field(default=False, description="Download nothing: use the files that are here.")
    port: int = Field(default=0, ge=0, le=65535, description="Port of the embedded server. 0: any free one.")
    flower_port: int = Field(default=5555, ge=1, le=65535, description="Port of Flower under `chorus up --flower`.")

    priming: bool = Field(default=True, description="Keep the sessions loaded and warm as long as the worker runs.")
    keep_alive_s: int = Field(
        default=300,
        ge=0,
        le=86_400,
        description="Seconds between short utterances that keep an idle session warm; they are discarded. 0: none.",
    )
    unload_s: int = Field(
        default=600,
        ge=1,
        le=86_400,
        description="If CHORUS_PRIMING is false: seconds without work until a worker unloads its sessions.",
    )
    growth_mb: int = Field(
        default=0,
        ge=0,
        description="Megabytes that a voice worker may grow after its warm-up. 0: according to the machine's memory.",
    )

    def store_folder(self) -> Path:
        """The folder of the store: parts, results, spoken segments."""
        return self.store or self.home_folder() / "store"

    def tagger_folder(self) -> Path:
        """The folder of spaCy's English model, if it was pulled."""
        return self.home_folder() / "models" / "en_core_web_sm-3.8.0"

    def cache_bytes(self) -> int:
        """The most bytes of the disk that spoken segments may take."""
        return self.cache_mb * 10**6

    def bulk_slots(self) -> int:
        """Segments spoken at once by this machine's bulk lane."""
        return self.slots or available_cores()


def available_cores() -> int:
    """The cores that this process may use; a container often limits them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def settings() -> FarmSettings:
    """This process's settings."""
    return FarmSettings.load()


def table() -> str:
    """Every setting as a row of Markdown: its variable, its default, its meaning."""
    rows = (
        f"| `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in FarmSettings.model_fields.items()
    )
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *rows))


def _shown(default: object) -> str:
    """As it would be written into the variable. A default that cannot be written so stands in the description."""
    return "" if default in (None, "") else f"`{str(default).lower()}`"


if __name__ == "__main__":
    print(table())  # noqa: T201 - it is a command
