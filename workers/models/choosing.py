"""Stores the choice of this machine's model, for `chorus models use`. A file that is no usable model is refused.

`resolving.resolve` reads the choice; this module does not know how it is used.
"""

import json
from pathlib import Path

from broker.settings import FarmSettings
from chorus.errors import DiskError, ModelError
from chorus.standing_in import PULL
from workers import standin
from workers.models import resolving
from workers.models.published import MODELS, WEIGHTS_OF_8_BITS, models_folder

_FILES = {name: asset.file for name, asset in MODELS.items()} | {WEIGHTS_OF_8_BITS.name: WEIGHTS_OF_8_BITS.file}
_NAMES = (*_FILES, resolving.STAND_IN, resolving.NO_CHOICE)


def use(settings: FarmSettings, name: str) -> resolving.Model:
    """Choose a published model, `stand-in` or a file; `default` deletes the choice. The model that results."""
    path = _named_file(settings, name)
    chosen = settings.home_folder() / resolving.CHOICE
    before = chosen.read_text("utf-8") if chosen.exists() else ""
    try:
        chosen.write_text(json.dumps({"model": str(path)}) if path else "", "utf-8")
        return resolving.resolve(settings.model_copy(update={"model": None}))
    except OSError as error:
        raise DiskError(f"{chosen} cannot be written ({error.strerror}): make room in CHORUS_HOME.") from error
    except ModelError:
        # Restored, because with an unusable choice every command would fail.
        chosen.write_text(before, "utf-8")
        raise


def _named_file(settings: FarmSettings, name: str) -> Path | None:
    if name == resolving.NO_CHOICE:
        return None
    if name == resolving.STAND_IN:
        return standin.MODEL
    if name not in _FILES:
        if not Path(name).is_file():
            raise ModelError(f"{name!r} is neither a file nor a model: choose one of {', '.join(_NAMES)}.")
        return Path(name).absolute()
    path = models_folder(settings) / _FILES[name]
    if not path.exists():
        raise ModelError(f"{name} is not here: `{PULL} {name}` fetches it.")
    return path
