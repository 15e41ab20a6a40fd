"""Celery's consumer, for a server that restarts, loads or refuses: it says so once in the log, and goes on waiting.

Knows nothing of tasks.
"""

import logging
import time
from typing import Any, ClassVar, Final

from celery.worker.consumer import Consumer
from celery.worker.consumer.consumer import CONNECTION_RETRY, maybe_shutdown

from broker.app import RECONNECT_S
from broker.outage import outage

STEADY_S: Final = 2.0
"""What has worked for so long is taken to be well."""
_GOSSIP: Final = "celery.worker.consumer.gossip:Gossip"
_WHO: Final = "consumer"

# Celery's own word for a lost connection, each time; ours replaces it.
logging.getLogger("celery.worker.consumer.consumer").addFilter(
    lambda record: CONNECTION_RETRY not in (record.args or ())
)


class SteadyConsumer(Consumer):  # type: ignore[misc] # celery has no types
    """Set as `worker_consumer`."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc] # the same
        """Celery's parts without gossip: each worker would read every other's events, and end at one that is none."""

        default_steps: ClassVar = [step for step in Consumer.Blueprint.default_steps if step != _GOSSIP]

    _troubles = 0

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, however long it takes."""
        conn.ensure_connection(self._tell, None, callback=maybe_shutdown)
        self.first_connection_attempt = False
        self.broker_connection_retry_attempt = 0
        return conn

    def on_ready(self) -> None:
        """The loop begins."""
        super().on_ready()
        self.timer.call_after(STEADY_S, self._recovered, (self._troubles,))

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """A part of the consumer could not start."""
        self._tell(exc)
        time.sleep(RECONNECT_S)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """The connection was lost, which matters only if there is no new one, or something was refused on it."""
        refused = isinstance(exc, self.channel_errors)
        if refused:
            self._tell(exc)
        super().on_connection_error_after_connected(exc)
        if refused:
            time.sleep(RECONNECT_S)

    def _tell(self, error: BaseException, _interval: float = 0) -> None:
        self._troubles += 1
        outage.tell(_WHO, error, f"{self.conninfo.hostname}:{self.conninfo.port}")

    def _recovered(self, troubles: int) -> None:
        if troubles == self._troubles:
            outage.over(_WHO)
