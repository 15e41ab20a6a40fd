"""Prepares a model: in this process for `chorus optimize`, or in a child process when a worker starts with a new model.

Knows when a model has to be prepared, not how: the stages are in `pipeline`.
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
from workers.models.variants import PLAIN, RAW, RECIPE, Manifest
from workers.process import children

if TYPE_CHECKING:
    from workers.optimise.stages import Stage

Say = Callable[[str], None]
FAILED = "failed: "
"""Begins the last line of a child that failed; the reason follows."""
NOTE = "Preparing the voice for this machine, once; that takes one to three minutes"

log = logging.getLogger(__name__)


def ready(settings: FarmSettings, say: Say) -> Model:
    """The model to speak with. A small one is prepared first if that was never done; a large one speaks at once.

    If preparing fails, the model file is used unchanged.
    """
    model = resolving.resolve(settings)
    if not is_pending(settings, model) or is_for_background(settings, model):
        return model
    say(f"{NOTE}.")
    failure = prepare_in_child(settings, model, say)
    if failure:
        say(f"The voice could not be prepared and is used unchanged: {failure}")
        why = f"{prepared.AS_IT_IS}: it could not be prepared ({failure.rstrip('.')})"
        return replace(model, why=why)
    return resolving.resolve(settings)


def is_pending(settings: FarmSettings, model: Model) -> bool:
    """Whether this model was not yet prepared on this machine, and preparing may improve it."""
    if settings.variant == RAW:
        return False
    known = prepared.manifest(settings.home_folder(), model.base)
    if known is not None and known.recipe == RECIPE and (known.choice is not None or known.failure):
        return False
    return model.path.stat().st_size >= prepared.SMALL_BYTES or _is_random(settings, model)


def is_for_background(settings: FarmSettings, model: Model) -> bool:
    """Whether preparing it takes so long that it speaks meanwhile: with what can be put in while it is loaded."""
    return model.path.stat().st_size >= prepared.SMALL_BYTES and is_pending(settings, model)


def may_differ(settings: FarmSettings, model: Model) -> bool:
    """Whether two runs of it may give other samples: it has chance in it, or another graph will take its place."""
    if model.variant == RAW:
        return _is_random(settings, model)
    return settings.variant != PLAIN and is_for_background(settings, model)


def prepare(settings: FarmSettings, model: Model, say: Say, stages: "Sequence[Stage] | None" = None) -> Manifest:
    """Run these stages on the model in this process; by default the lossless ones."""
    from workers.optimise import pipeline  # noqa: PLC0415 - it imports onnx and onnxruntime, which only building needs
    from workers.optimise.stages import PreparationState, SourceModel, locked, run_stages  # noqa: PLC0415 - the same

    here = prepared.folder(settings.home_folder(), model.base)
    with locked(here, say):
        source = SourceModel(
            name=model.name, path=model.path, digest=model.base, exact=model.exact, voices=model.voices_path
        )
        state = PreparationState(source, here, build_target.key(), say)
        try:
            manifest = run_stages(stages or pipeline.LOSSLESS, state)
        except ChorusError as error:
            # A full disk is not recorded as a failure, so that the next start tries again.
            if not isinstance(error, DiskError):
                state.save(replace(state.manifest, failure=str(error), recipe=RECIPE))
            raise
        manifest = replace(manifest, recipe=RECIPE)
        state.save(manifest)
    _remove_older(here)
    return manifest


def _is_random(settings: FarmSettings, model: Model) -> bool:
    """Whether the model has random operators; the answer is cached, since it requires reading the graph."""
    digests = Digests(settings.home_folder() / "digests.json")
    return digests.once(f"{model.origin}.random", lambda: str(_random_operators(model.path))) != "0"


def _random_operators(path: Path) -> int:
    import onnx  # noqa: PLC0415 - see above

    from workers.inference import constant_noise  # noqa: PLC0415 - see above

    return constant_noise.random_operators(onnx.load(path, load_external_data=False))


def prepare_in_child(settings: FarmSettings, model: Model, say: Say, *, lowered: bool = False) -> str:
    """Prepare the model in a child process, which frees its memory by ending; why it failed, or an empty string.

    `lowered`: behind everything else that this machine does.
    """
    request = {
        "parent": os.getpid(),
        "lowered": lowered,
        "home": str(settings.home_folder()),
        "model": str(model.path),
        "voices": str(model.voices_path),
    }
    last = ""
    with subprocess.Popen(  # noqa: S603 - our own module
        [*children.command("workers.optimise"), json.dumps(request)],
        env=children.environment(),
        # Nothing is written to this pipe. It closes when this process ends, and then the child ends too.
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
    failure = last.removeprefix(FAILED) if last.startswith(FAILED) else _exit_reason(child.returncode)
    if not last.startswith(FAILED):
        _record_failure(settings, model, failure)
    return failure


def _exit_reason(status: int) -> str:
    if status >= 0:
        return f"its process ended with status {status}"
    name = signal.Signals(-status).name
    return f"its process was killed ({name})" + (", perhaps for lack of memory" if name == "SIGKILL" else "")


def _record_failure(settings: FarmSettings, model: Model, failure: str) -> None:
    """Record the failure of a killed process, which could not do so itself; else each start would try again."""
    here = prepared.folder(settings.home_folder(), model.base)
    known = Manifest.read(here) or Manifest(model=model.name, digest=model.base, machine=build_target.key())
    try:
        replace(known, failure=failure, recipe=RECIPE).write(here)
    except DiskError as error:
        log.debug("The failure could not be recorded: %s", error)


def _remove_older(here: Path) -> None:
    """Remove the variants that were prepared with another onnxruntime: they take as much space as the current ones."""
    for other in here.parent.iterdir():
        # Machines with other processors may share this home: keep their variants.
        if other != here and build_target.same_processor(other.name, here.name):
            shutil.rmtree(other, ignore_errors=True)
