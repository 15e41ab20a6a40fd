"""Keeps what was measured of accelerators on this machine, in `lanes.json` of CHORUS_HOME. Measures nothing itself."""

import contextlib
from dataclasses import asdict

from broker.settings import FarmSettings
from workers.accelerators.lane_choice import LaneVerdict, wanted
from workers.inference.providers import COREML_PROVIDER
from workers.models.resolving import Model
from workers.process.json_file import read_json, write_json

NOTE = "Trying the Neural Engine and the graphics chip against the processor, once; that may take minutes"


class Verdicts:
    """The verdicts in one CHORUS_HOME. A key begins with the model's digest."""

    def __init__(self, settings: FarmSettings) -> None:
        self.file = settings.home_folder() / "lanes.json"

    def find(self, key: str) -> LaneVerdict | None:
        """What was measured under this key; None if nothing was."""
        try:
            return LaneVerdict(**read_json(self.file)[key])
        except (KeyError, TypeError):
            return None

    def keep(self, key: str, verdict: LaneVerdict) -> None:
        """Write it down. If that fails, the next start measures again, which is no reason for an error."""
        with contextlib.suppress(OSError):
            write_json(self.file, read_json(self.file) | {key: asdict(verdict)})

    def know(self, digest: str) -> bool:
        """Whether anything was measured with this model."""
        return any(key.startswith(digest) for key in read_json(self.file))


def is_pending(settings: FarmSettings, model: Model, *, system: str, chip: str) -> bool:
    """Whether a worker would measure at its start; `system` is `sys.platform` and `chip` `platform.machine()`."""
    if (system, chip) != ("darwin", "arm64") or model.digest != model.origin:
        return False
    return bool(wanted(settings.lanes, (COREML_PROVIDER,))) and not Verdicts(settings).know(model.digest)
