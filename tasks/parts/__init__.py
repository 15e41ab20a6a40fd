"""Parts in the store, each about a minute of finished audio with a sidecar, and what is made from them.

Captions, the proof of coverage, playback, the reuse of stored parts, and the cache of spoken segments. Knows nothing of
how a step is claimed or committed.
"""
