"""Text from outside as a terminal may be shown it: nothing in it moves the cursor, hides or reorders what stands there.

Titles, names of files, jobs and workers, and the words of errors come from people and documents who may mean harm.
"""

from typing import Final
from unicodedata import category

_JOINERS: Final = "\u200c\u200d"
"""Hindi and Persian need them between letters, and emoji are made with them."""
_HIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_FIRST_ASTRAL: Final = 0x10000


def escaped(text: str) -> str:
    """The same on one line, with each hidden character as JSON writes it, by its number. JSON stays the same JSON."""
    if text.isprintable():
        return text
    return "".join(_escape(sign) if _hidden(sign) else sign for sign in text)


def printable(text: str) -> str:
    """One line of a title or a name, without its hidden characters."""
    if text.isprintable():
        return " ".join(text.split())
    return " ".join("".join(_shown(sign) for sign in text).split())


def _hidden(sign: str) -> bool:
    return not sign.isprintable() and category(sign) in _HIDDEN and sign not in _JOINERS


def _shown(sign: str) -> str:
    if not _hidden(sign):
        return sign
    # What only formats stands inside words, and leaves them whole.
    return "" if category(sign) == "Cf" else " "


def _escape(sign: str) -> str:
    if sign in _SHORT:
        return _SHORT[sign]
    if ord(sign) < _FIRST_ASTRAL:
        return f"\\u{ord(sign):04x}"
    high, low = divmod(ord(sign) - _FIRST_ASTRAL, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
