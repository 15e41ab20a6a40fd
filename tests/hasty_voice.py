"""`celery -A hasty_voice worker`: a voice worker whose life takes seconds where it usually takes minutes."""

from workers.inference import keep_alive
from workers.upkeep import governor

governor.WINDOW_S = 2.0
governor.AGAIN_S = 1.0
governor.CLEARED_S = 5.0
# The toy voice takes next to nothing for a segment.
governor.SEGMENT_BYTES = 0
keep_alive.IDLE_S = 1.0

from workers.voice import app  # noqa: E402 - what is imported from here on finds a hurry

__all__ = ["app"]
