"""Sound from the engine to the finished file: samples and silence, then one encode with chapters and tags.

Knows nothing of parts or stores.
"""

from tasks.audio.book import BookChapter, BookMeta
from tasks.audio.encoder import Encoded, encode, encode_into

__all__ = ["BookChapter", "BookMeta", "Encoded", "encode", "encode_into"]
