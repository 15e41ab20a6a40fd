"""The first segments of live jobs, kept in Redis for minutes, so that the same request is heard at once the next time.

Knows nothing of sound: an entry is bytes, found by the digest of what they were made from. Never fails a job.
"""

import logging
from datetime import timedelta

import redis

from broker.scripts import SCRIPTS
from chorus.keys import PRIMER_S, PRIMERS, PRIMERS_USED

MOST = 64
EVICTED = 8
"""How many are removed at once when there are too many, so that not every new entry needs a removal."""
LARGEST_BYTES = 512 * 1024
"""More than ten seconds of sound. First segments are shorter; 64 larger ones would take too much of Redis's memory."""
KEPT = timedelta(seconds=PRIMER_S)
_KEYS = (PRIMERS, PRIMERS_USED)

log = logging.getLogger(__name__)


class Primers:
    """One process's access to these entries. Each call is one round trip."""

    def __init__(self, connection: "redis.Redis", *, kept: timedelta = KEPT) -> None:
        self._kept_ms = int(kept.total_seconds() * 1000)
        self._find, self._keep = (
            connection.register_script((SCRIPTS / "primers" / f"{name}.lua").read_text()) for name in ("find", "keep")
        )
        self.entries = 0
        """How many there were when this process last asked."""

    def find(self, digest: str) -> bytes | None:
        """The entry of this digest, which is then kept longer; None if there is none."""
        try:
            found, self.entries = self._find(keys=_KEYS, args=[digest, self._kept_ms])
        except redis.ResponseError as error:
            # A server without memory refuses even to read. The segment is then spoken.
            log.warning("The first segment of a live job cannot be looked up: %s", error)
            return None
        return found or None

    def keep(self, digest: str, data: bytes) -> None:
        """Store an entry, unless it is too large or the server has no memory left."""
        if len(data) > LARGEST_BYTES:
            return
        try:
            self.entries = self._keep(keys=_KEYS, args=[digest, self._kept_ms, data, MOST, EVICTED])
        except redis.RedisError as error:
            log.warning("The first segment of a live job cannot be kept: %s", error)
