"""Sound from the engine to the finished file: samples and silence, then one encode with chapters and tags.

Knows nothing of parts or stores.
"""

from tasks.audio.book import BookMeta, Chapter
from tasks.audio.encoder import Encoded, encode, encode_into

__all__ = ["BookMeta", "Chapter", "Encoded", "encode", "encode_into"]
