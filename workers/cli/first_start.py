"""Sentences for the user who waits while a worker starts with a model for the first time.

Such a start prepares the model and measures the lanes, which takes minutes. Knows nothing of how that is done.
"""

import platform
import sys

from broker.settings import FarmSettings
from workers.accelerators import verdicts
from workers.models.resolving import Model
from workers.optimise import preparing


def notes(settings: FarmSettings, model: Model) -> tuple[str, ...]:
    """A sentence for each thing that is still to be done; none if this model has been started here before."""
    found = []
    if preparing.is_pending(settings, model) and not preparing.is_for_background(settings, model):
        found.append(f"{preparing.NOTE}.")
    if verdicts.is_pending(settings, model, system=sys.platform, chip=platform.machine()):
        found.append(f"{verdicts.NOTE}.")
    return tuple(found)
