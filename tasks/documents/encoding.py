"""Decodes bytes to text: as stated, by byte order mark, as UTF-8, by a guess, or as cp1252. Knows no file format."""

import codecs

from charset_normalizer import from_bytes

from chorus.errors import SourceError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARY = bytes({*range(32)} - {*b"\t\n\r\f\x0b\x1b\x1a"})
_BINARY_SHARE = 0.02
_BINARY_SHARE_UTF8 = 0.2
"""Valid UTF-8 is text, unless it has more than this share of control characters."""
_SAMPLE_BYTES = 64 * 1024
_ASCII = 0x7F
_WESTERN = frozenset("áàâãäåæçéèêëíîïìñóòôõöøœúùûüýÿßÁÀÂÄÅÆÇÉÈÊËÍÎÏÑÓÔÖØŒÚÜ‘’“”–—…«»¿¡°£€ªº·§©".encode("cp1252")) | {
    0xA0
}
_WESTERN_SHARE = 0.95
_FEWEST_16, _MOST_16 = 0.7, 0.05
"""In UTF-16 without a mark, every second byte has at least, and the others at most, these shares of zeros."""
_MOST_WRONG = 0.01
"""The share of characters that may fail to decode in the encoding that the caller chose."""


def decode(data: bytes, name: str, encoding: str = "") -> str:
    """The text in these bytes: as stated, by byte order mark, as UTF-8, by a guess, or as cp1252; else SourceError."""
    if encoding:
        return _as_stated(data, name, encoding)
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(marked, "replace")
    sample = data[:_SAMPLE_BYTES]
    if wide := _wide(sample):
        return data.decode(wide, "replace")
    binary = 1 - len(sample.translate(None, _BINARY)) / max(1, len(sample))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "" if binary > _BINARY_SHARE else _guessed(data)
    if not text or binary > _BINARY_SHARE_UTF8:
        raise SourceError(f"{name} is no text file: give an EPUB, PDF, Word, HTML, Markdown or plain text file.")
    return text


def unified(text: str) -> str:
    """The text with line feeds as the only line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _as_stated(data: bytes, name: str, encoding: str) -> str:
    text = data.decode(encoding, "replace").removeprefix("\ufeff")
    if text.count("\ufffd") > _MOST_WRONG * len(text):
        raise SourceError(f"{name} is not written in {encoding}: name another --encoding, or none to have it detected.")
    return text


def _wide(sample: bytes) -> str:
    """The variant of UTF-16 without a mark, by its zeros: every second byte of a Western text is zero; else empty."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    most, fewest = _MOST_16 * len(sample) / 2, _FEWEST_16 * len(sample) / 2
    return "utf-16-le" if even < most and odd > fewest else "utf-16-be" if odd < most and even > fewest else ""


def _guessed(data: bytes) -> str:
    """As cp1252, in which all our one-byte languages can be written, unless the guess is clearly another encoding."""
    guess = from_bytes(data[:_SAMPLE_BYTES]).best()
    western = guess is None or "cp1252" in guess.could_be_from_charset or _western(data)
    # The guess has seen only the beginning. The rest may hold bytes that its encoding does not define.
    return data.decode("cp1252" if western or guess is None else guess.encoding, "replace")


def _western(data: bytes) -> bool:
    """Whether, as cp1252, nearly all characters beyond ASCII are typical of Western texts: accents, quotes, dashes."""
    beyond = [byte for byte in data[:_SAMPLE_BYTES] if byte > _ASCII]
    return sum(byte in _WESTERN for byte in beyond) > _WESTERN_SHARE * len(beyond) and len(beyond) * 4 < len(data)
