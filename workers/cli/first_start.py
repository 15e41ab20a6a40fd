"""What a worker does once, at its first start with a model, before it can speak: for whoever waits for it."""

import platform
import sys

from broker.settings import FarmSettings
from workers.accelerators import verdicts
from workers.models.resolving import Model
from workers.optimise import preparing


def notes(settings: FarmSettings, model: Model) -> tuple[str, ...]:
    """A sentence for each; none if all of it was done before."""
    found = []
    if preparing.is_pending(settings, model):
        found.append(f"{preparing.NOTE}.")
    if verdicts.is_pending(settings, model, system=sys.platform, chip=platform.machine()):
        found.append(f"{verdicts.NOTE}.")
    return tuple(found)
