"""The Celery app that every worker, Flower and every sender use. Its settings follow from messages being only hints.

docs/architecture.md has what was measured about each of them.
"""

import sys
from typing import Any

import click
from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Exchange, Queue

from broker.embedded import locate
from broker.gate import NAME, POLL_S
from broker.settings import settings
from chorus.errors import ChorusError, ServerError
from chorus.stack_address import NOTHING_RUNS

DESK, DESK_LIVE = "chorus.desk", "chorus.desk.live"
EXCHANGE = "chorus"
# Seconds between two attempts to reach a server that is away. Kombu's own pauses grow to half a minute.
RECONNECT_S = 1.0


class _Connection(Connection):  # type: ignore[misc] # kombu has no types here
    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        steady = {"interval_start": RECONNECT_S, "interval_step": 0.0, "interval_max": RECONNECT_S}
        return super().ensure_connection(*arguments, **steady | options)


class _Amqp(AMQP):  # type: ignore[misc] # celery has no types
    Connection = _Connection


def queue(name: str) -> Queue:
    """A queue whose routing key is its name. Without exchange and key, Celery copies each message to every queue."""
    return Queue(name, Exchange(EXCHANGE, type="direct"), routing_key=name)


def _server() -> str:
    """The address of the server, or ServerError or SettingError."""
    url = locate(settings())
    if url is None:
        raise ServerError(NOTHING_RUNS)
    return url


def _server_for_the_command() -> str:
    """The same, but a `celery` command prints an error as one line, without the traceback that Celery would print."""
    try:
        return _server()
    except ChorusError as error:
        if click.get_current_context(silent=True) is None:
            raise
        sys.exit(f"chorus: {error}")


def _configuration() -> dict[str, Any]:
    return {
        "broker_url": _server_for_the_command(),
        "broker_transport_options": {
            "queue_order_strategy": NAME,
            "polling_interval": POLL_S,
            "priority_steps": [0],
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 5,
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 2,
        "result_backend": None,
        "task_ignore_result": True,
        # A message is only a hint: losing one is harmless, and late acks make workers exit when Redis restarts.
        "task_acks_late": False,
        "task_serializer": "json",
        "task_create_missing_queues": True,
        "task_default_queue": DESK,
        "task_default_exchange": EXCHANGE,
        "task_default_routing_key": DESK,
        "task_publish_retry": True,
        "task_publish_retry_policy": {
            "max_retries": 3,
            "interval_start": 0.05,
            "interval_step": 0.1,
            "interval_max": 0.3,
        },
        "task_send_sent_event": True,
        "worker_pool": "threads",
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_soft_shutdown_timeout": 0,
        "worker_redirect_stdouts": False,
        "worker_enable_remote_control": True,
        "event_queue_expires": 60,
        "event_queue_ttl": 5,
    }


app = Celery("chorus", amqp=_Amqp, set_as_current=False)
# A function, so that importing the app neither reads the environment nor connects to a server.
app.add_defaults(_configuration)
