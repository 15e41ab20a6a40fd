"""Runs the stages of a model's preparation in order, records each result, and skips stages whose inputs did not change.

Knows no particular stage: `pipeline` has the table of them.
"""

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx

from chorus.errors import DiskError
from workers.inference.constant_noise import Noise, fix
from workers.models.inverse_stft import make_exact
from workers.models.prepared import LOCK
from workers.models.variants import Manifest, StageRecord, Variant
from workers.optimise import offline

Say = Callable[[str], None]

GRAPH = offline.GRAPH
UNCHANGED = "nothing changed"


@dataclass(frozen=True, kw_only=True)
class SourceModel:
    """The model file that is prepared. It is only read."""

    name: str
    path: Path
    digest: str
    """Of its sound."""
    voices: Path
    exact: bool = False
    """Whether its inverse transform is put right before anything else."""


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The result of a stage."""

    changed: bool
    """False if the stage had nothing to do."""
    lines: tuple[str, ...]
    """The result for users, line by line."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """The result for programs; it must be representable in JSON."""


class PreparationState:
    """The state that the stages share: the model in memory, the folder of its variants, and the folder's manifest."""

    def __init__(self, source: SourceModel, folder: Path, machine: str, say: Say) -> None:
        """Read the manifest of the folder, or begin a new one."""
        self.source, self.folder, self.say = source, folder, say
        known = Manifest.read(folder)
        self.manifest = known or Manifest(model=source.name, digest=source.digest, machine=machine)

    def save(self, manifest: Manifest) -> None:
        """Write the manifest: what it records is not done again after an interruption."""
        manifest.write(self.folder)
        self.manifest = manifest

    def keys(self, *names: str) -> str:
        """The keys of these stages' last runs; a stage that depends on them runs again when one of the keys changes."""
        return " ".join(record.key if (record := self.manifest.stages.get(name)) else "-" for name in names)

    @property
    def noise(self) -> Noise:
        """Which random operators were replaced in `model`, and which were not."""
        return self._loaded[1]

    @property
    def model(self) -> onnx.ModelProto:
        """The model with constant noise. A stage must not change it, only copies of it."""
        return self._loaded[0]

    @cached_property
    def _loaded(self) -> tuple[onnx.ModelProto, Noise]:
        model = onnx.load(self.source.path)
        if self.source.exact:
            make_exact(model)
        return model, fix(model)

    def build(
        self,
        name: str,
        model: onnx.ModelProto,
        *,
        lossless: bool,
        sounds_like: onnx.ModelProto | None = None,
        **numbers: float,
    ) -> Variant:
        """Optimise and save this graph as a variant, and record it in the manifest as not yet validated.

        The sound of a lossy variant is the digest of its graph, or of `sounds_like` if the graph is a lossless
        rewriting of that one.
        """
        files = offline.save(model, self.folder / name)
        digest = self.source.digest if lossless else _digest(sounds_like or model)
        variant = Variant(name=name, lossless=lossless, digest=digest, files=files, numbers=numbers)
        self.save(self.manifest.with_variant(variant))
        return variant

    def update_variant(self, name: str, **fields: Any) -> None:
        """Change the record of a variant; `numbers` are added to those that it has."""
        variant = self.manifest.variants[name]
        numbers = {**variant.numbers, **fields.pop("numbers", {})}
        self.save(self.manifest.with_variant(replace(variant, numbers=numbers, **fields)))

    def graph(self, name: str) -> Path:
        """The graph file of a variant; it is optimised already."""
        return self.folder / name / GRAPH


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a preparation."""

    name: str
    version: str
    """Must be changed whenever the stage would give another result from the same inputs."""
    run: Callable[[PreparationState], StageResult]
    inputs: Callable[[PreparationState], str] = lambda _state: ""
    """What the stage depends on besides the model and the machine; usually the keys of earlier stages."""

    def key(self, state: PreparationState) -> str:
        """A digest of the stage's version and inputs."""
        return hashlib.sha256(f"{self.version} {self.inputs(state)}".encode()).hexdigest()[:12]

    def is_done(self, state: PreparationState) -> bool:
        """Whether the manifest records a run of this stage with the same version and inputs."""
        record = state.manifest.stages.get(self.name)
        return record is not None and record.key == self.key(state)


def run_stages(stages: Sequence[Stage], state: PreparationState) -> Manifest:
    """Run the stages that are not done, in order; each result is recorded before the next stage begins."""
    _forget_missing_variants(state)
    for stage in stages:
        if stage.is_done(state):
            state.say(f"{stage.name}: already done for this model and machine")
            continue
        began_s = time.monotonic()
        finding = stage.run(state)
        # The key is computed after the run, since a stage may change the keys of earlier stages.
        record = StageRecord(
            key=stage.key(state),
            changed=finding.changed,
            lines=finding.lines,
            found=finding.found,
            seconds=round(time.monotonic() - began_s, 1),
        )
        state.save(replace(state.manifest.with_stage(stage.name, record), failure=""))
        # The lines are printed after the result is recorded, so that a reader can rely on the record.
        for line in finding.lines if finding.changed else (UNCHANGED, *finding.lines):
            state.say(f"{stage.name}: {line}")
    return state.manifest


@contextmanager
def locked(folder: Path, say: Say) -> Iterator[None]:
    """Hold the lock of this folder: of two workers that start at the same time, the second waits for the first."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("a")
    except OSError as error:
        raise DiskError(f"{folder} cannot be written ({error.strerror}): make room in CHORUS_HOME.") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is preparing this model; waiting until it has finished")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _forget_missing_variants(state: PreparationState) -> None:
    """If files of a variant are missing or incomplete, drop its record and run all stages again."""
    missing = [
        one.name for one in state.manifest.variants.values() if not offline.is_whole(state.folder / one.name, one.files)
    ]
    if missing:
        manifest = state.manifest
        for name in missing:
            manifest = manifest.without_variant(name)
        state.save(replace(manifest, stages={}, choice=None))


def _digest(model: onnx.ModelProto) -> str:
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
