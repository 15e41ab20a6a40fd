"""The Celery app that every worker, Flower and every sender use. Its settings follow from messages being only hints.

docs/architecture.md has what was measured about each of them.
"""

import sys
import time
from typing import Any

import click
import redis
from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Exchange, Queue

from broker.checked_transport import CheckedTransport, door
from broker.embedded import locate
from broker.gate import NAME, POLL_S
from broker.settings import settings
from chorus.errors import ChorusError, ServerError
from chorus.stack_address import NOTHING_RUNS

DESK, DESK_LIVE = "chorus.desk", "chorus.desk.live"
EXCHANGE = "chorus"
# Seconds between two attempts to reach a server that is away. Kombu's own pauses grow to half a minute.
RECONNECT_S = 1.0
_SOCKETS = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True, "health_check_interval": 5}


class _Connection(Connection):  # type: ignore[misc] # kombu has no types here
    def get_transport_cls(self) -> type[CheckedTransport]:
        return CheckedTransport

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


def _may_pass(error: ChorusError) -> bool:
    """Whether waiting can help: not against a wrong password, or where no server is named."""
    forbidden = isinstance(error.__cause__, redis.AuthenticationError)
    return isinstance(error, ServerError) and not forbidden and bool(settings().url)


def _server_for_the_command() -> str:
    """The same, but a `celery` command prints an error as one line, without the traceback that Celery would print.

    A worker waits for a server that is named, whatever it answers: it may be restarting, or loading.
    """
    said = ""
    while True:
        try:
            return _server()
        except ChorusError as error:
            context = click.get_current_context(silent=True)
            if context is None:
                raise
            if context.info_name != "worker" or not _may_pass(error):
                sys.exit(f"chorus: {error}")
            if str(error) != said:
                said = str(error)
                sys.stderr.write(f"chorus: {error} This worker waits for it.\n")
                sys.stderr.flush()
        time.sleep(RECONNECT_S)


def client_app(url: str) -> Celery:
    """An app for who only asks workers something. Close it."""
    return Celery(
        broker=url,
        amqp=_Amqp,
        set_as_current=False,
        changes={"broker_transport_options": _SOCKETS, "broker_connection_timeout": 2},
    )


def _configuration() -> dict[str, Any]:
    return {
        "broker_url": _server_for_the_command(),
        "broker_transport_options": {
            "queue_order_strategy": NAME,
            "polling_interval": POLL_S,
            "priority_steps": [0],
            **_SOCKETS,
        },
        "broker_connection_retry_on_startup": True,
        # A server that refuses something, a replica or a full one, is waited for as one that is away.
        "broker_channel_error_retry": True,
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
        "worker_consumer": "broker.steady_consumer:SteadyConsumer",
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
door.opens_for(lambda: app.tasks)
