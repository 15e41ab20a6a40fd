"""Picks the graph that is loaded for a model on this machine, among those that were prepared. Builds nothing.

Imports neither onnx nor onnxruntime, because every command uses it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from chorus.errors import ModelError
from workers.models import build_target
from workers.models.variants import FAST, ORIGINAL, PLAIN, RAW, Manifest, Variant

AUTO = "auto"
OPTIMIZE = "chorus optimize"
AS_IT_IS, AS_LOADED = "the file as it is", "the file with constant noise"
EXACT = "and the exact inverse transform"
"""What a variant, a report and a sound say of a model whose inverse transform was put right."""
# A model this small gains nothing from being prepared; Kokoro's smallest file is a hundred times as large.
SMALL_BYTES = 4 * 1024 * 1024
LOCK = ".lock"
"""In a model's folder; held by whoever prepares it, or removes what was prepared."""
_GRAPH = "graph.onnx"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """The model file that graphs are made of."""

    path: Path
    origin: str
    """Its digest."""
    exact: bool
    """Whether its inverse transform is put right (`inverse_stft.py`)."""

    @property
    def base(self) -> str:
        """The digest of its sound: the file's, or with the right inverse transform another one."""
        return hashlib.sha256(f"{self.origin} {EXACT}".encode()).hexdigest() if self.exact else self.origin

    def is_large(self) -> bool:
        """Whether preparing it pays."""
        return self.path.stat().st_size >= SMALL_BYTES


@dataclass(frozen=True, kw_only=True)
class PreparedGraph:
    """The graph that sessions load."""

    path: Path
    optimised: bool
    """Whether onnxruntime has optimised it already, so that it is loaded without optimisation."""
    variant: str
    why: str
    """Why it was picked, with the measured numbers, as a sentence for people."""
    digest: str
    """Of what it sounds like: the model's own, or that of one lossy variant."""


def folder(home: Path, digest: str) -> Path:
    """The folder of this model's variants for this machine."""
    return home / "models" / "prepared" / digest[:12] / build_target.key()


def manifest(home: Path, digest: str) -> Manifest | None:
    """The manifest of this model's preparation on this machine; None if there is none."""
    # Checked first: the models of most tests were never prepared, and `folder` costs more than this.
    if not (home / "models" / "prepared" / digest[:12]).exists():
        return None
    return Manifest.read(folder(home, digest))


def pick(home: Path, source: SourceFile, wanted: str) -> PreparedGraph:
    """The graph for CHORUS_VARIANT; ModelError if it is asked for by name and cannot be had."""
    if wanted == RAW:
        why = f"{AS_IT_IS}, by CHORUS_VARIANT"
        return PreparedGraph(path=source.path, optimised=False, variant=RAW, why=why, digest=source.origin)
    if wanted == PLAIN:
        return unprepared(source, "asked for by name")
    known = manifest(home, source.base)
    if known is None or (known.choice is None and not known.variants):
        return _not_yet(source, wanted, known)
    name = wanted if wanted != AUTO else known.choice.variant if known.choice else RAW
    if name == RAW:
        return unprepared(source, known.choice.why if known.choice else _failed(known))
    variant = known.variants.get(name)
    if variant is None:
        there = ", ".join(sorted((AUTO, RAW, *known.variants)))
        raise ModelError(
            f"CHORUS_VARIANT={name} was not made of this model here: there are {there}; `{OPTIMIZE}` makes more."
        )
    if variant.lossless and variant.valid is False and wanted != AUTO:
        raise ModelError(f"CHORUS_VARIANT={name} does not speak like the model ({variant.why}): choose another.")
    here = folder(home, source.base) / name
    if not is_whole(here, variant):
        return unprepared(source, f"what was prepared in {here} is missing or damaged, `{OPTIMIZE}` builds it again")
    chosen = known.choice.why if known.choice and known.choice.variant == name else variant.why
    why = f"asked for by name; {variant.why}" if wanted != AUTO else chosen
    why += f"; with constant noise {EXACT}" if source.exact else ""
    if known.failure:
        why += f"; it could not be prepared anew ({known.failure.rstrip('.')}), `{OPTIMIZE}` tries again"
    return PreparedGraph(path=here / _GRAPH, optimised=True, variant=name, why=why, digest=variant.digest)


def unprepared(source: SourceFile, why: str = "") -> PreparedGraph:
    """The file itself, with what can be put in while it is loaded: it sounds like what is prepared of it."""
    variant = PLAIN if source.exact or source.is_large() else RAW
    told = AS_LOADED if variant == PLAIN else AS_IT_IS
    told += f" {EXACT}" if source.exact else ""
    return PreparedGraph(
        path=source.path, optimised=False, variant=variant, why=f"{told}: {why}" if why else told, digest=source.base
    )


def _not_yet(source: SourceFile, wanted: str, known: Manifest | None) -> PreparedGraph:
    if wanted not in (AUTO, ORIGINAL, FAST):
        raise ModelError(
            f"CHORUS_VARIANT={wanted} was not made of this model here: `{OPTIMIZE}` makes what there can be."
        )
    if known is not None and known.failure:
        return unprepared(source, _failed(known))
    return unprepared(source, "not prepared on this machine yet" if source.is_large() else "")


def _failed(known: Manifest) -> str:
    if not known.failure:
        return "its preparation was not finished yet, the next start goes on with it"
    return f"it could not be prepared ({known.failure.rstrip('.')}), `{OPTIMIZE}` tries again"


def is_whole(place: Path, variant: Variant) -> bool:
    """Whether the variant's files are in this folder as they were saved, as far as their sizes tell."""
    try:
        return all((place / name).stat().st_size == size for name, size in variant.files.items())
    except OSError:
        return False
