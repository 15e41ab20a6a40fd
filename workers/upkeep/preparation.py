"""Prepares a large model in the background while its file speaks already, and puts the prepared graph in its place.

A child does it at the lowest priority. It records each stage that it finishes, so that a worker that ends costs one
stage. Knows neither the stages nor how sessions are exchanged.
"""

import logging
import threading
from collections.abc import Callable

from broker.settings import FarmSettings
from chorus.errors import ChorusError
from workers.models import resolving
from workers.models.resolving import Model
from workers.optimise import preparing

log = logging.getLogger(__name__)


class BackgroundPreparation:
    """Start it when the worker serves. It ends with the process."""

    def __init__(
        self, farm: FarmSettings, model: Model, *, exchange: Callable[[Model], None], kept: Callable[[], None]
    ) -> None:
        """`exchange` opens the prepared model's sessions and lets them speak from then on.

        `kept` is called if there is nothing to exchange: the file goes on speaking, for good.
        """
        self._farm, self._model, self._exchange, self._kept = farm, model, exchange, kept
        self._thread = threading.Thread(target=self._run, name="chorus-preparation", daemon=True)

    def start(self) -> None:
        """Begin, where anything is to be done."""
        if preparing.is_for_background(self._farm, self._model):
            self._thread.start()

    def _run(self) -> None:
        if not self._prepared():
            self._kept()

    def _prepared(self) -> bool:
        """Prepare it and let it speak; False: the file speaks on."""
        failure = preparing.prepare_in_child(self._farm, self._model, log.info, lowered=True)
        if failure:
            log.warning("The voice could not be prepared, the file goes on speaking: %s", failure)
            return False
        try:
            model = resolving.resolve(self._farm)
            if not model.optimised or model.digest != self._model.digest:
                return False
            self._exchange(model)
        except ChorusError as error:
            log.warning("The prepared graph cannot be opened, the file goes on speaking: %s", error)
            return False
        log.info("The prepared graph speaks from now on, as %s: %s", model.variant, model.why)
        return True
