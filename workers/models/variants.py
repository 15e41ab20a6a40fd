"""The manifest of one model's preparation on one machine: its stages, variants and the choice. A JSON file beside them.

Knows nothing of how any of it is done.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from chorus.errors import DiskError

FILE = "manifest.json"
ORIGINAL, FAST, RAW, PLAIN = "original", "fast", "raw", "plain"
"""Variants that every model may have: with constant noise; with fast convolution besides; the file as it is; and the
file with constant noise and the right inverse transform, both put in while it is loaded."""
LAYOUT = 1
"""The version of the file's layout; a file with another one is ignored."""
RECIPE = "2"
"""The version of what the lossless stages make. Graphs of an older one are used until new ones are made."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One graph made of the model."""

    name: str
    lossless: bool
    """Whether its audio equals the model's within the limits of the validation, so that it has the model's sound."""
    digest: str
    """Identifies the audio: the model's digest if it is lossless, else the digest of the graph as it was built."""
    files: Mapping[str, int]
    """Its files in the folder of its name, with their sizes in bytes."""
    valid: bool | None = None
    """Whether it passed validation; None: it was not validated."""
    why: str = ""
    """The result of the validation, as a sentence."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """The measurements; the names carry their units: `speed_ratio`, `load_s`, `rss_mb`, `distance_db`."""

    @property
    def size_mb(self) -> float:
        """Its size on the disk."""
        return sum(self.files.values()) / 1e6


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """A stage that was completed."""

    key: str
    """The digest of everything that it depends on; the stage is repeated when that changes."""
    changed: bool
    lines: tuple[str, ...]
    """What it printed."""
    found: Mapping[str, Any]
    """Its results, for programs."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class VariantChoice:
    """The variant that CHORUS_VARIANT=auto uses."""

    variant: str
    why: str
    """The reason with its numbers, as a sentence for people."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest."""

    model: str
    """Its name for people."""
    digest: str
    machine: str
    stages: Mapping[str, StageRecord] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    choice: VariantChoice | None = None
    recipe: str = ""
    """The RECIPE that it was made with; empty while it is not finished."""
    failure: str = ""
    """Why the last preparation failed; the model's own file is then used."""

    def with_stage(self, name: str, record: StageRecord) -> "Manifest":
        """A copy with this stage."""
        return replace(self, stages={**self.stages, name: record})

    def with_variant(self, variant: Variant) -> "Manifest":
        """A copy with this variant, which replaces one of the same name."""
        return replace(self, variants={**self.variants, variant.name: variant})

    def without_variant(self, name: str) -> "Manifest":
        """A copy without the variant of this name."""
        return replace(self, variants={key: one for key, one in self.variants.items() if key != name})

    def write(self, folder: Path) -> None:
        """Write it to the folder atomically."""
        draft = folder / f".{FILE}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({"layout": LAYOUT, **asdict(self)}, indent=1, ensure_ascii=False), "utf-8")
            draft.replace(folder / FILE)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise DiskError(f"{folder} cannot be written ({error.strerror}): make room in CHORUS_HOME.") from error

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the folder's manifest; None if there is none, or if it cannot be parsed."""
        try:
            told = json.loads((folder / FILE).read_text("utf-8"))
            if told.pop("layout") != LAYOUT:
                return None
            stages = {
                name: StageRecord(**{**one, "lines": tuple(one["lines"])}) for name, one in told.pop("stages").items()
            }
            variants = {name: Variant(**one) for name, one in told.pop("variants").items()}
            choice = told.pop("choice")
            return cls(stages=stages, variants=variants, choice=VariantChoice(**choice) if choice else None, **told)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
