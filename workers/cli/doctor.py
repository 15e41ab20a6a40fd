"""Checks what a render needs on this machine, and says what to do about what is missing. For `chorus doctor`."""

import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

import psutil

from broker import embedded
from broker.programs import NO_SERVER, programs
from broker.reach import address, check_fit
from broker.settings import FarmSettings, available_cores
from chorus.errors import ChorusError, DiskError, OutputError, OutsideError, ServerError
from chorus.player import find_player
from chorus.standing_in import PULL
from workers.models import resolving

LEAST_FREE_BYTES = 1 << 30
LEAST_MEMORY_BYTES = 2 << 30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check."""

    what: str
    well: bool
    """False: rendering will not work until this is fixed."""
    told: str
    """What was found, and the remedy if `well` is false."""


def examine(settings: FarmSettings) -> Iterator[Finding]:
    """Check everything that a render needs, one thing after another."""
    yield _look("python", lambda: f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _look("onnxruntime", lambda: f"{version('onnxruntime')}, {available_cores()} cores")
    yield _look("lanes", lambda: _lanes(settings))
    yield _look("espeak", _espeak)
    yield _look("home", lambda: str(settings.home_folder()))
    yield _look("disk", lambda: _disk(settings))
    yield _look("memory", _memory)
    yield _look("server", lambda: _server(settings))
    yield _look("model", lambda: _model(settings))
    yield _look("player", _player)


def _look(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, well=True, told=look())
    except ChorusError as error:
        return Finding(what=what, well=False, told=str(error))


def _lanes(settings: FarmSettings) -> str:
    from workers.accelerators.hardware import detect  # noqa: PLC0415 - onnxruntime, half a second that only this line needs
    from workers.inference.providers import wished  # noqa: PLC0415 - the same

    machine = detect()
    wished(settings.coreml)
    told = f"{machine.chip}, {machine.system}, CHORUS_LANES={settings.lanes}"
    if machine.has_coreml:
        return f"{told}: CoreML is available, for the Neural Engine and the GPU"
    return f"{told}: CPU only" + (", because this onnxruntime has no CoreML" if machine.apple_silicon else "")


def _espeak() -> str:
    from tasks.phonemes import tagger_choice  # noqa: PLC0415 - see below
    from tasks.phonemes.phonemize import phonemize  # noqa: PLC0415 - misaki takes two seconds; only this line needs it

    return f"'hello' becomes {phonemize('hello', 'en-us').text}; English tagger: {tagger_choice.name()}"


def _disk(settings: FarmSettings) -> str:
    folder = settings.home_folder()
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:.1f} GB free in {folder}"
    if free < LEAST_FREE_BYTES:
        raise DiskError(f"{told}: free some, or set CHORUS_HOME to another disk.")
    return told


def _memory() -> str:
    memory = psutil.virtual_memory()
    told = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB available"
    if memory.available < LEAST_MEMORY_BYTES:
        raise OutsideError(f"{told}: Kokoro needs about 2 GB; end other programs.")
    return told


def _server(settings: FarmSettings) -> str:
    if url := embedded.locate(settings):
        check_fit(url)
        return f"answers at {address(url)}"
    program = next(programs(settings.home_folder() / "server"), None)
    if program is None:
        raise ServerError(NO_SERVER)
    return f"not running; `chorus up` and `chorus render` start {program}"


def _player() -> str:
    try:
        return find_player().command[0]
    except OutputError:
        return "none found; only `say` and `--play` need one"


def _model(settings: FarmSettings) -> str:
    model = resolving.resolve(settings)
    if model.stand_in:
        return f"{model.name}: Kokoro's model is not installed, `{PULL}` downloads it"
    return f"{model.name} ({model.path}), variant {model.variant}: {model.why}"
