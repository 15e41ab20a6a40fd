"""kombu's transport for Redis, with a door: what is no message of ours is refused before Celery sees it.

A refused message is gone from its queue, counted and logged. Knows nothing of what a task does.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from kombu.transport import redis as plain
from kombu.utils.json import dumps

from broker import deliveries
from broker.deliveries import Message, RefusedMessageError
from chorus.bounded_replies import PlainConnection, TlsConnection
from chorus.checks import MISREAD
from chorus.record_access import of_another_type
from chorus.server_errors import quoted

OURS: Final = "chorus."
"""The beginning of the names of our queues and tasks."""
SAID: Final = 20
"""A process logs this many refusals, and then every hundredth."""
_SELDOM: Final = 100

log = logging.getLogger(__name__)

Refused = Callable[[str, bytes, str], None]
"""Hears of each refusal: the queue, the message, and what was wrong with it."""


class Door:
    """What a process takes from its queues, and what it has refused."""

    def __init__(self) -> None:
        self.refused = 0
        """How many messages, since the process started."""
        self.hears: list[Refused] = []
        self._tasks: Callable[[], Collection[str]] = tuple

    def opens_for(self, tasks: Callable[[], Collection[str]]) -> None:
        """Set what tells the names of this process's tasks."""
        self._tasks = tasks

    def task(self, queue: str, raw: bytes) -> Message | None:
        """The message, or None if it was refused."""
        try:
            if not queue.startswith(OURS):
                return deliveries.broadcast(deliveries.parsed(raw, "it"))
            known = [name for name in self._tasks() if name.startswith(OURS)]
            return deliveries.task_message(raw, queue, known)
        except RefusedMessageError as error:
            self.refuse(queue, raw, str(error))
            return None

    def broadcast(self, channel: bytes, raw: bytes) -> Message | None:
        """The message of remote control or of events, or None if it was refused."""
        try:
            channel.decode()
            return deliveries.broadcast(deliveries.parsed(raw, "it"))
        except (RefusedMessageError, UnicodeDecodeError) as error:
            self.refuse(channel.decode("utf-8", "replace"), raw, str(error))
            return None

    def refuse(self, queue: str, raw: bytes, reason: str) -> None:
        """Count a message that cannot be taken, and say so."""
        self.refused += 1
        if self.refused <= SAID or not self.refused % _SELDOM:
            log.warning("A message on %s is refused, the %dth: %s.", quoted(queue), self.refused, quoted(reason))
        for hears in self.hears:
            hears(queue, raw, reason)


door = Door()
"""This process's."""


class CheckedQoS(plain.QoS):  # type: ignore[misc] # kombu has no types
    """Notes what this worker holds, and takes back what a dead one held, unless it is no message."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note that this worker holds a message."""
        try:
            super().append(message, delivery_tag)
        except redis.ResponseError as error:
            self._clear(error)
            super().append(message, delivery_tag)

    def restore_visible(self, start: int = 0, num: int = 10, interval: int = 10) -> None:
        """Put back what has been held for too long."""
        try:
            super().restore_visible(start, num, interval)
        except redis.ResponseError as error:
            self._clear(error)

    def _clear(self, error: "redis.ResponseError") -> None:
        if not of_another_type(error):
            raise error
        self.channel.clear({self.unacked_key: "hash", self.unacked_index_key: "zset"})

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message that was never acknowledged on its queue again."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
        except MISREAD as error:
            self._remove_from_indices(tag).execute()
            door.refuse(self.unacked_key, bytes(str(tag), "utf-8", "replace"), f"it cannot be restored: {error}")


class CheckedChannel(plain.Channel):  # type: ignore[misc] # kombu has no types
    """Reads messages through the door."""

    QoS = CheckedQoS
    connection_class = PlainConnection
    connection_class_ssl = TlsConnection

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)
        client.set_response_callback("BRPOP", self._checked)
        return client

    def _checked(self, answer: Any, **_: Any) -> tuple[str, str] | None:
        """What BRPOP answered; None, as if nothing had come, for what is refused."""
        if not answer:
            return None
        queue, raw = answer[0].decode("utf-8", "replace"), bytes(answer[1])
        message = door.task(queue, raw)
        return None if message is None else (queue, dumps(message))

    def _handle_message(self, client: Any, r: Any) -> dict[str, Any]:
        """What a broadcast says; nothing, if it is refused."""
        told: dict[str, Any] = super()._handle_message(client, r)
        if str(told["type"], "utf-8").endswith("message"):
            message = door.broadcast(told["channel"], told["data"])
            told |= {"channel": b"", "data": None} if message is None else {"data": dumps(message)}
        return told

    def _new_queue(self, queue: str, auto_delete: bool = False, **options: Any) -> None:
        self.clear({queue: "list"})
        super()._new_queue(queue, auto_delete, **options)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: Any, queue: str) -> None:
        self.clear(dict.fromkeys((self.keyprefix_queue % exchange, self.keyprefix_binding_permanent % exchange), "set"))
        super()._queue_bind(exchange, routing_key, pattern, queue)

    def clear(self, kinds: dict[str, str]) -> None:
        """Delete keys that are of another type than kombu expects: with one of them, no worker could go on."""
        with self.conn_or_acquire() as client:
            for key, kind in kinds.items():
                found = str(client.type(key), "utf-8")
                if found not in {"none", kind}:
                    client.unlink(key)
                    door.refuse(key, found.encode(), f"the key is a {found} and no {kind}")

    def get_table(self, exchange: str) -> list[tuple[str, ...]]:
        """The queues bound to an exchange."""
        table = super().get_table(exchange)
        return [member for member in table if len(member) == len(("routing key", "pattern", "queue"))]


class CheckedTransport(plain.Transport):  # type: ignore[misc] # kombu has no types
    """Delivers what came through the door, and survives what Celery makes of it."""

    Channel = CheckedChannel

    def _deliver(self, message: Message, queue: str) -> None:
        with self._survived(message, queue):
            super()._deliver(message, queue)

    @contextmanager
    def _survived(self, message: Message, queue: str) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError):
            raise
        except Exception as error:
            # Unacknowledged, it would come again, to every worker in turn.
            log.exception("A message on %s could not be taken.", queue)
            door.refuse(queue, str(message)[:_SELDOM].encode("utf-8", "replace"), f"Celery could not take it: {error}")
            tag = message["properties"]["delivery_tag"]
            for channel in self.channels:
                channel.basic_ack(tag)
