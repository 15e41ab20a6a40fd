"""Has a model prepared: by the command that is typed, or by a worker at its first start with it, in a child.

Knows the order of things, not the things: the stages stand in `pipeline`.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from broker.settings import FarmSettings
from chorus.errors import ChorusError, DiskError
from workers.models import build_target, prepared, resolving
from workers.models.digests import Digests
from workers.models.resolving import Model
from workers.models.variants import RAW, RECIPE, Manifest
from workers.process import children

if TYPE_CHECKING:
    from workers.optimise.stages import Stage

Say = Callable[[str], None]
FAILED = "failed: "
"""Before the reason, in the last line of a child that gave up."""
NOTE = "Preparing the voice for this machine, once; that takes one to three minutes"

log = logging.getLogger(__name__)


def ready(settings: FarmSettings, say: Say) -> Model:
    """The model to speak with, prepared if it never was. Whatever goes wrong with that, it speaks as it is."""
    model = resolving.resolve(settings)
    if not is_pending(settings, model):
        return model
    say(f"{NOTE}.")
    failure = _prepare_apart(settings, model, say)
    if failure:
        say(f"The voice could not be prepared, it speaks as it is: {failure}")
        why = f"{prepared.AS_IT_IS}: it could not be prepared ({failure.rstrip('.')})"
        return replace(model, why=why)
    return resolving.resolve(settings)


def is_pending(settings: FarmSettings, model: Model) -> bool:
    """Whether nobody has yet looked what this model gains on this machine, and it may gain something."""
    if settings.variant == RAW:
        return False
    known = prepared.manifest(settings.home_folder(), model.origin)
    if known is not None and known.recipe == RECIPE and (known.choice is not None or known.failure):
        return False
    return model.path.stat().st_size >= prepared.SMALL_BYTES or _draws(settings, model)


def prepare(settings: FarmSettings, model: Model, say: Say, stages: "Sequence[Stage] | None" = None) -> Manifest:
    """Let the model go through these stages in this process; without any: the lossless ones."""
    from workers.optimise import pipeline  # noqa: PLC0415 - onnx and onnxruntime, only where something is built
    from workers.optimise.stages import SourceModel, Work, alone_in, go_through  # noqa: PLC0415 - the same

    here = prepared.folder(settings.home_folder(), model.origin)
    with alone_in(here, say):
        source = SourceModel(name=model.name, path=model.path, digest=model.origin, voices=model.voices_path)
        work = Work(source, here, build_target.key(), say)
        try:
            found = go_through(stages or pipeline.LOSSLESS, work)
        except ChorusError as error:
            # A disk without room is looked at again each time, before anything is built.
            if not isinstance(error, DiskError):
                work.keep(replace(work.manifest, failure=str(error), recipe=RECIPE))
            raise
        found = replace(found, recipe=RECIPE)
        work.keep(found)
    _clear_older(here)
    return found


def _draws(settings: FarmSettings, model: Model) -> bool:
    """Whether it has random operators; remembered, for it means reading the graph."""
    digests = Digests(settings.home_folder() / "digests.json")
    return digests.once(f"{model.origin}.random", lambda: str(_random_operators(model.path))) != "0"


def _random_operators(path: Path) -> int:
    import onnx  # noqa: PLC0415 - see above

    from workers.inference import constant_noise  # noqa: PLC0415 - see above

    return constant_noise.random_operators(onnx.load(path, load_external_data=False))


def _prepare_apart(settings: FarmSettings, model: Model, say: Say) -> str:
    """In a process of its own, which takes its gigabyte with it when it ends; why it failed, empty if it did not."""
    order = {
        "parent": os.getpid(),
        "home": str(settings.home_folder()),
        "model": str(model.path),
        "voices": str(model.voices_path),
    }
    last = ""
    with subprocess.Popen(  # noqa: S603 - our own module
        [*children.command("workers.optimise"), json.dumps(order)],
        env=children.environment(),
        # Nothing is written to it: it closes with us.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        for line in child.stdout or ():
            last = line.rstrip("\n")
            if not last.startswith(FAILED):
                say(last)
    if child.returncode == 0:
        return ""
    failure = last.removeprefix(FAILED) if last.startswith(FAILED) else _end_of(child.returncode)
    if not last.startswith(FAILED):
        _remember(settings, model, failure)
    return failure


def _end_of(status: int) -> str:
    if status >= 0:
        return f"its process ended with status {status}"
    name = signal.Signals(-status).name
    return f"its process was killed ({name})" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _remember(settings: FarmSettings, model: Model, failure: str) -> None:
    """A process that was killed could not write it down itself; it must not be killed again at each start."""
    here = prepared.folder(settings.home_folder(), model.origin)
    known = Manifest.read(here) or Manifest(model=model.name, digest=model.origin, machine=build_target.key())
    try:
        replace(known, failure=failure, recipe=RECIPE).write(here)
    except DiskError as error:
        log.debug("The failure is not remembered: %s", error)


def _clear_older(here: Path) -> None:
    """What an older onnxruntime left of the same model takes as much room as what is used."""
    for other in here.parent.iterdir():
        # Another machine may share this home, and its graphs are not ours to clear.
        if other != here and build_target.same_processor(other.name, here.name):
            shutil.rmtree(other, ignore_errors=True)
