"""Asks a Redis or Valkey for its name and version, and says why it cannot be used. Starts nothing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from chorus import bounded_replies
from chorus.connection import place, refusals
from chorus.errors import ServerError, SettingError
from chorus.server_address import NOT_AN_ADDRESS

OLDEST = (6, 2)
ANSWER_S = 2.0
KEEPS = "noeviction"
"""The only policy that deletes nothing: every key of Chorus expires some day, so that all others may."""


def check(url: str) -> str:
    """The name and version of the server at this URL. ServerError or SettingError says why it cannot be used."""
    with client(url) as server, refusals(server):
        return who(server)


def check_fit(url: str) -> None:
    """ServerError if jobs cannot be kept there: it is a replica, it is full, or it deletes keys when it is full."""
    with client(url) as server, refusals(server):
        facts = server.info()
    where, policy = address(url), str(facts.get("maxmemory_policy", KEEPS))
    if facts.get("role", "master") != "master":
        raise ServerError(f"The server at {where} is a read-only replica: name the primary.")
    if policy != KEEPS:
        raise ServerError(
            f"The server at {where} deletes keys when its memory is full (maxmemory-policy {policy}), and jobs with "
            f"them: give it `maxmemory-policy {KEEPS}`."
        )
    if 0 < facts.get("maxmemory", 0) <= facts.get("used_memory", 0):
        raise ServerError(f"The server at {where} has no memory left: let jobs finish, or raise its maxmemory.")


def answers(url: str) -> bool:
    """Whether the server at this URL answers now."""
    try:
        with client(url) as server:
            return bool(server.ping())
    except redis.RedisError:
        return False


@contextmanager
def refusals_of(url: str) -> Iterator[None]:
    """Raise ServerError for what Celery makes of an error of the server at this URL."""
    with client(url) as server, refusals(server):
        try:
            yield
        except OperationalError as error:
            raise (
                error.__cause__ if isinstance(error.__cause__, redis.RedisError) else redis.RedisError(error)
            ) from error


def address(url: str) -> str:
    """The host and port of a Redis URL, without the password."""
    with client(url) as server:
        return place(server)


def client(url: str) -> "redis.Redis":
    """A client that tries once and gives up after two seconds."""
    if not url.startswith(("redis://", "rediss://")):
        raise SettingError(NOT_AN_ADDRESS)
    try:
        # RESP2: a server too old for RESP3 must still be able to answer with its version.
        return bounded_replies.client(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 0), protocol=2
        )
    except ValueError as error:
        raise SettingError(NOT_AN_ADDRESS) from error


def who(server: "redis.Redis") -> str:
    """`Valkey 9.1.2`, or ServerError if it is too old. Raises redis-py's own errors too."""
    server.ping()
    facts = server.info("server")
    version = str(facts.get("redis_version", "0"))
    if numbers(version) < OLDEST:
        raise ServerError(
            f"The server at {place(server)} is Redis {version}: update it to 6.2 or newer, or use Valkey."
        )
    return f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {version}"


def numbers(version: str) -> tuple[int, ...]:
    """Major and minor of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
