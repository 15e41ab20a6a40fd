"""The finished file: PCM in, one final encode, a book with chapters and tags out. Knows nothing of parts or stores."""

from tasks.encode.book import BookMeta, Chapter
from tasks.encode.encoder import Encoded, encode, encode_into

__all__ = ["BookMeta", "Chapter", "Encoded", "encode", "encode_into"]
