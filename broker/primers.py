"""The first segments of live jobs, kept in Redis for minutes, so that who asks for the same hears it at once.

Knows nothing of sound: an entry is bytes under the digest of what made them. It never fails a job.
"""

import logging
from datetime import timedelta

import redis

from broker.scripts import SCRIPTS
from chorus.keys import PRIMER_S, PRIMERS, PRIMERS_USED

MOST = 64
EVICTED = 8
"""Dropped at once when there are more, so that not every newcomer needs one dropped."""
LARGEST_BYTES = 512 * 1024
"""Five seconds and more: a longer first segment is no primer, and 64 of them would be a burden."""
KEPT = timedelta(seconds=PRIMER_S)
_KEYS = (PRIMERS, PRIMERS_USED)

log = logging.getLogger(__name__)


class Primers:
    """One process's access to them; each call is one round trip."""

    def __init__(self, connection: "redis.Redis", *, kept: timedelta = KEPT) -> None:
        self._kept_ms = int(kept.total_seconds() * 1000)
        self._find, self._keep = (
            connection.register_script((SCRIPTS / "primers" / f"{name}.lua").read_text()) for name in ("find", "keep")
        )
        self.entries = 0
        """How many there were when this process last asked."""

    def find(self, digest: str) -> bytes | None:
        """What is kept under this digest; asking for it keeps it longer."""
        try:
            found, self.entries = self._find(keys=_KEYS, args=[digest, self._kept_ms])
        except redis.ResponseError as error:
            # A server without memory refuses even this; who speaks can do without.
            log.warning("The first words of live jobs are not looked up: %s", error)
            return None
        return found or None

    def keep(self, digest: str, data: bytes) -> None:
        """Keep it, unless it is too large or the server has no room."""
        if len(data) > LARGEST_BYTES:
            return
        try:
            self.entries = self._keep(keys=_KEYS, args=[digest, self._kept_ms, data, MOST, EVICTED])
        except redis.RedisError as error:
            log.warning("The first words of a live job are not kept: %s", error)
