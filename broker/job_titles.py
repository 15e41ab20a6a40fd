"""The names of jobs, for the messages that people read in Flower. A process reads each from Redis once.

Never fails: a job whose title cannot be read is called by its id.
"""

from typing import cast

import redis

from chorus.checks import Damage, mapping_of
from chorus.keys import JobKeys
from chorus.request import TEXT_NAME

MOST_JOBS = 256
MOST_LETTERS = 60
# The file name of a text that was submitted without one, and the title that its reader makes of that.
NOT_A_NAME = ("", TEXT_NAME, TEXT_NAME.removesuffix(".txt"))


class JobTitles:
    """The names of the jobs for which this process last sent messages."""

    def __init__(self, connection: "redis.Redis") -> None:
        self._redis = connection
        self._known: dict[str, str] = {}

    def of(self, job: str) -> str:
        """`"The Lighthouse Choir"`; `"book.epub"` until its document is read; `job 5e1f…` for a text without a name."""
        if job in self._known:
            return self._known[job]
        try:
            request, document = cast(
                "list[bytes | None]", self._redis.hmget(JobKeys(job).record, ["request", "document"])
            )
        except redis.RedisError:
            return f"job {job}"
        name = _name(_fields(request), _fields(document)) or f"job {job}"
        if document:
            if len(self._known) >= MOST_JOBS:
                self._known.clear()
            self._known[job] = name
        return name


def _fields(text: bytes | None) -> dict[str, object]:
    try:
        return mapping_of("it", text or b"{}")
    except Damage:
        return {}


def _name(request: dict[str, object], document: dict[str, object]) -> str:
    title = request.get("title") or document.get("title") or request.get("name") or ""
    words = " ".join(title.split()) if isinstance(title, str) else ""
    if words in NOT_A_NAME:
        return ""
    if len(words) > MOST_LETTERS:
        words = words[: MOST_LETTERS - 1].rstrip() + "…"
    return f'"{words}"'
