"""Processes audio between the engine and the finished file: samples, silence, speed, and one encode with chapters.

Knows nothing of parts or stores.
"""

from tasks.audio.book import BookChapter, BookMeta
from tasks.audio.encoder import Encoded, encode, encode_into

__all__ = ["BookChapter", "BookMeta", "Encoded", "encode", "encode_into"]
