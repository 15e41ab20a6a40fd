"""Removes what is only visual: line ends, rows of ornaments, marks of emphasis. Splits endless words.

Knows no language.
"""

import re
from unicodedata import combining, decimal

from tasks.normalise.english_numbers import LONGEST
from tasks.normalise.rewriting import Rewriting, Rule

_LONGEST_WORD = 40
"""The most letters of a word. espeak truncates much longer words, and misaki's time grows with the square."""
_MOST_PARTS = 8
"""The most parts, between its own punctuation, of a piece of a word that is longer: misaki joins each with each."""
_UNPRINTED = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000)], " ")
# Above the first plane only the bold and italic figures of mathematics are replaced.
_DIGITS = {
    char: str(decimal(char))
    for char in map(chr, (*range(0x660, 0x10000), *range(0x1D7CE, 0x1D800)))
    if char.isdecimal()
}
_PLAIN = str.maketrans({
    **_UNPRINTED, "\n": "\n", "\u2028": "\n", "\u2029": "\n", "\u0964": ".", "\u0965": ".", "\u2015": "\u2014",
    "\u2e3a": "\u2014", "\u2011": "-", "\u2010": "-", "\u2012": "\u2013", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
    "\u200a": " ", "\u2007": " ", "\u3000": " ", "\uff05": "%", "\uff04": "$", "\uffe5": "¥", "\uffe1": "£",
    "\uff0b": "+", "\uff1d": "=", "\u2044": "/", "\uff5e": "\u301c", "\uff06": "&", "\uff03": "#", "\uff20": "@",
    **_DIGITS,
    **{chr(0xFF21 + index): chr(0x41 + index) for index in range(26)},
    **{chr(0xFF41 + index): chr(0x61 + index) for index in range(26)},
})  # fmt: skip
# One character for each, so that offsets stay the same.
TITLE_LINE = Rule(kind="", pattern=re.compile(r"(?<=\S)\s{0,20}\n\s{0,20}(?=[^\W\d])"), say=lambda _match: ": ")
"""In a heading the title of the chapter may be on a line of its own."""
_ELLIPSIS = re.compile(r"\.(?: ?\.){2,}")
_DASH = re.compile(r"(?<!-)-{2,3}(?!-)")
# Rules, bullets and marks of emphasis.
_ORNAMENT = re.compile(
    r"(?<!\S)[*_~=#|+^<>\u2022\u00b7\\/`-]{2,}(?!\S)|(?<![\w*\ue000])[_*]{1,3}(?=[\w\ue000])"
    r"|(?<=[^\W_])[_*]{1,3}(?!\w)|(?<=[\ue000])[_*]{1,3}(?![\w\ue000])"
)
_LONG = re.compile(rf"[^\s\ue000]{{{_LONGEST_WORD + 1},}}")
DIGITS = Rule(
    kind="",
    pattern=re.compile(rf"[0-9]{{{LONGEST + 1},}}"),
    say=lambda match: f" {' '.join(match[0])} ",
    needs="digits",
)
"""Numbers with too many digits to be read as one number."""
_RULES = (
    # Dashes first, or a dash between blanks would be taken for an ornament.
    Rule(kind="", pattern=_DASH, say=lambda _match: "\u2014"),
    Rule(kind="", pattern=_ELLIPSIS, say=lambda _match: "\u2026"),
    Rule(kind="", pattern=_ORNAMENT, say=lambda _match: " "),
)


def plain(text: str) -> str:
    """The text with one kind of blank, dash and digit. Every character keeps its offset."""
    return text.translate(_PLAIN)


def tidy(draft: Rewriting) -> None:
    """Claim what is only visual, and separate the parts of endless words."""
    for rule in _RULES:
        draft.apply(rule)
    for match in _LONG.finditer(draft.open):
        for at in _cuts(match[0]):
            draft.separate(match.start() + at)


def _cuts(run: str) -> list[int]:
    """Where to split a word that is too long for a phonemizer, at its own punctuation if there is any."""
    cuts, at = [], 0
    while len(run) - at > _LONGEST_WORD:
        part = run[at : at + _LONGEST_WORD]
        marks = [place for place, char in enumerate(part, 1) if not char.isalnum() and not combining(char)]
        at += marks[:_MOST_PARTS][-1] if marks else _LONGEST_WORD
        cuts.append(at)
    return cuts
