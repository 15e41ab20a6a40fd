"""The frame of the stages that a model goes through: each done once for the same inputs, written down, gone on with.

Knows no stage; `pipeline` has the table of them.
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
from workers.models.variants import Manifest, StageRecord, Variant
from workers.optimise import offline

Say = Callable[[str], None]

GRAPH = offline.GRAPH
UNCHANGED = "nothing changed"


@dataclass(frozen=True, kw_only=True)
class SourceModel:
    """The model file that everything is made of. It is read and never written."""

    name: str
    path: Path
    digest: str
    voices: Path


@dataclass(frozen=True, kw_only=True)
class StageFinding:
    """What a stage did."""

    changed: bool
    """False: it had nothing to do, and says so."""
    lines: tuple[str, ...]
    """For people, a sentence each."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs, as JSON takes it."""


class Work:
    """What the stages work on: the model in memory, its folder of variants, and the manifest there."""

    def __init__(self, source: SourceModel, folder: Path, machine: str, say: Say) -> None:
        """Go on with the manifest of the folder, or begin one."""
        self.source, self.folder, self.say = source, folder, say
        known = Manifest.read(folder)
        self.manifest = known or Manifest(model=source.name, digest=source.digest, machine=machine)

    def keep(self, manifest: Manifest) -> None:
        """Write it down: an interruption costs what comes after this."""
        manifest.write(self.folder)
        self.manifest = manifest

    def keys(self, *names: str) -> str:
        """Of these stages as they were last done: whatever builds on them is done again when one of them was."""
        return " ".join(record.key if (record := self.manifest.stages.get(name)) else "-" for name in names)

    @property
    def noise(self) -> Noise:
        """What became of the random operators in `model`."""
        return self._loaded[1]

    @property
    def model(self) -> onnx.ModelProto:
        """The model with constant noise. What a stage changes, it changes in a copy."""
        return self._loaded[0]

    @cached_property
    def _loaded(self) -> tuple[onnx.ModelProto, Noise]:
        model = onnx.load(self.source.path)
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
        """Make a variant of this graph: optimised, saved and written down, and not yet validated.

        A lossy one has the sound of `sounds_like` if it is a lossless rewriting of that.
        """
        files = offline.save(model, self.folder / name)
        digest = self.source.digest if lossless else _digest(sounds_like or model)
        variant = Variant(name=name, lossless=lossless, digest=digest, files=files, numbers=numbers)
        self.keep(self.manifest.with_variant(variant))
        return variant

    def note(self, name: str, **fields: Any) -> None:
        """Write something down about a variant; numbers are added to those it has."""
        variant = self.manifest.variants[name]
        numbers = {**variant.numbers, **fields.pop("numbers", {})}
        self.keep(self.manifest.with_variant(replace(variant, numbers=numbers, **fields)))

    def graph(self, name: str) -> Path:
        """The file of a variant that a session loads as it stands."""
        return self.folder / name / GRAPH


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One of them."""

    name: str
    version: str
    """Changed whenever it would find or build something else of the same inputs."""
    work: Callable[[Work], StageFinding]
    inputs: Callable[[Work], str] = lambda _work: ""
    """What it depends on besides the model and the machine; usually the keys of earlier stages."""

    def key(self, work: Work) -> str:
        """Of all that it depends on."""
        return hashlib.sha256(f"{self.version} {self.inputs(work)}".encode()).hexdigest()[:12]

    def is_done(self, work: Work) -> bool:
        """Whether it was done with these inputs, and what was built is still there."""
        record = work.manifest.stages.get(self.name)
        return record is not None and record.key == self.key(work)


def go_through(stages: Sequence[Stage], work: Work) -> Manifest:
    """Do those that are not done, in order; each is written down before the next begins."""
    _forget_what_is_gone(work)
    for stage in stages:
        if stage.is_done(work):
            work.say(f"{stage.name}: done before, nothing to do again")
            continue
        began_s = time.monotonic()
        finding = stage.work(work)
        # Its key now, and not as it was before: it may have done an earlier stage's work anew.
        record = StageRecord(
            key=stage.key(work),
            changed=finding.changed,
            lines=finding.lines,
            found=finding.found,
            seconds=round(time.monotonic() - began_s, 1),
        )
        work.keep(replace(work.manifest.with_stage(stage.name, record), failure=""))
        # Said once it is written down: who reads it may rely on it.
        for line in finding.lines if finding.changed else (UNCHANGED, *finding.lines):
            work.say(f"{stage.name}: {line}")
    return work.manifest


@contextmanager
def alone_in(folder: Path, say: Say) -> Iterator[None]:
    """Two workers that start at once prepare a model once: the second waits, and finds it done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a")
    except OSError as error:
        raise DiskError(f"{folder} cannot be written ({error.strerror}): make room in CHORUS_HOME.") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is preparing this model: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _forget_what_is_gone(work: Work) -> None:
    """A variant whose files were deleted or cut short is built again, with everything that was found out about it."""
    gone = [
        one.name for one in work.manifest.variants.values() if not offline.is_whole(work.folder / one.name, one.files)
    ]
    if gone:
        manifest = work.manifest
        for name in gone:
            manifest = manifest.without_variant(name)
        work.keep(replace(manifest, stages={}, choice=None))


def _digest(model: onnx.ModelProto) -> str:
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
