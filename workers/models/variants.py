"""What was found out about one model on one machine: its stages, its variants, the choice. A JSON file beside them.

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
ORIGINAL, FAST, RAW = "original", "fast", "raw"
"""Variants that every model may have: with constant noise; with fast convolution besides; the file as it is."""
LAYOUT = 1
"""Of the file: another one is not read."""
RECIPE = "2"
"""Changed with what the lossless stages make: what an older release made serves until the newer has made its own."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One graph made of the model."""

    name: str
    lossless: bool
    """Its speech is the model's own, as far as anyone can hear or measure: it keeps the model's sound."""
    digest: str
    """Of what it sounds like: the model's if it is lossless, that of the graph as it was built if not."""
    files: Mapping[str, int]
    """By name, with their bytes; in a folder of the variant's name."""
    valid: bool | None = None
    """Whether it passed; None: nobody has looked."""
    why: str = ""
    """What the validation said, as a sentence."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What was measured, by names that carry their unit: `speed_ratio`, `load_s`, `rss_mb`, `distance_db`."""

    @property
    def size_mb(self) -> float:
        """On the disk."""
        return sum(self.files.values()) / 1e6


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """A stage that was done."""

    key: str
    """Of everything that it depended on; with another key it is done again."""
    changed: bool
    lines: tuple[str, ...]
    """What it said."""
    found: Mapping[str, Any]
    """The same for programs."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class VariantChoice:
    """What `auto` speaks with."""

    variant: str
    why: str
    """With its numbers, as a sentence for people."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about one model on one machine."""

    model: str
    """Its name for people."""
    digest: str
    machine: str
    stages: Mapping[str, StageRecord] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    choice: VariantChoice | None = None
    recipe: str = ""
    """By which RECIPE; empty while it is not finished."""
    failure: str = ""
    """Why the last preparation came to nothing; the model then speaks as it is."""

    def with_stage(self, name: str, record: StageRecord) -> "Manifest":
        """With this stage done."""
        return replace(self, stages={**self.stages, name: record})

    def with_variant(self, variant: Variant) -> "Manifest":
        """With this variant, in the place of the one of its name."""
        return replace(self, variants={**self.variants, variant.name: variant})

    def without_variant(self, name: str) -> "Manifest":
        """Without the variant of this name."""
        return replace(self, variants={key: one for key, one in self.variants.items() if key != name})

    def write(self, folder: Path) -> None:
        """Put it into the folder, whole or not at all."""
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
        """The one in the folder; None where none is, or one that is not understood."""
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
