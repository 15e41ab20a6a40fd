"""Maps Kokoro's symbols to the sounds of the stand-in voice: a symbol without a recorded sound takes the nearest one.

Knows nothing of graphs, files or spectra.
"""

from functools import cache

from chorus.vocabulary import VOCABULARY

TOKENS = 178
PAUSE = 0
"""The kind of everything silent: punctuation, pads, and marks at either end."""

# The names of each sound in flite's notation; if there are several, the nearest is first.
FLITES = {
    "A": "ey", "I": "ay", "O": "ow", "T": "d t", "W": "aw", "Y": "oy", "b": "b", "d": "d t", "f": "f", "h": "hh",
    "i": "iy ih", "j": "y", "k": "k", "l": "l", "m": "m", "n": "n", "p": "p", "s": "s", "t": "t d", "u": "uw uh",
    "v": "v", "w": "w", "z": "z s", "æ": "ae", "ð": "dh th", "ŋ": "ng n", "ɐ": "ax ah ey", "ɑ": "aa ao",
    "ɔ": "ao aa ow", "ə": "ax ah ih ae aa eh er", "ɛ": "eh ae ih ey", "ɜ": "er", "ɡ": "g", "ɪ": "ih iy ax eh",
    "ɹ": "r er", "ʃ": "sh", "ʊ": "uh uw", "ʌ": "ah ax aa", "ʒ": "zh", "ʤ": "jh", "ʧ": "ch", "θ": "th dh",
    "ᵊ": "ax ah ih", "ᵻ": "ih ax iy",
}  # fmt: skip
"""The symbols with recorded sounds: those of American English."""
VOWELS = frozenset("AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ")
_NEAREST = {
    "Q": "O", "S": "s", "a": "æ", "c": "k", "e": "ɛ", "o": "ɔ", "q": "k", "r": "ɹ", "x": "h", "y": "u", "ç": "ʃ",
    "ø": "ɜ", "œ": "ʌ", "ɒ": "ɑ", "ɕ": "ʃ", "ɖ": "d", "ɚ": "ɜ", "ɟ": "ɡ", "ɣ": "ɡ", "ɤ": "ʌ", "ɥ": "j", "ɨ": "ᵻ",
    "ɯ": "ʊ", "ɰ": "w", "ɲ": "n", "ɳ": "n", "ɴ": "ŋ", "ɸ": "f", "ɻ": "ɹ", "ɽ": "T", "ɾ": "T", "ʁ": "ɹ", "ʂ": "ʃ",
    "ʈ": "t", "ʋ": "v", "ʎ": "l", "ʔ": "t", "ʝ": "j", "ʣ": "z", "ʥ": "ʤ", "ʦ": "s", "ʨ": "ʧ", "ʰ": "h", "β": "v",
    "χ": "h", "ꭧ": "ʧ",
}  # fmt: skip
"""The nearest sound of each symbol without a recorded sound."""

KINDS = ("", *sorted(FLITES))
"""All kinds of sound; the number of a kind is its index. The first is the pause."""
PAUSES_S = {
    ";": 0.26, ":": 0.26, ",": 0.20, ".": 0.36, "!": 0.36, "?": 0.36, "—": 0.24, "…": 0.42,
}  # fmt: skip
PAD_S = 0.05
PRIMARY, SECONDARY, LENGTH, SPACE = (VOCABULARY[mark] for mark in "ˈˌː ")


@cache
def kind_of(symbol: str) -> int | None:
    """The kind of a symbol's sound; None for a stress or length mark."""
    symbol = _NEAREST.get(symbol, symbol)
    if symbol in PAUSES_S:
        return PAUSE
    return KINDS.index(symbol) if symbol in FLITES else None


@cache
def kinds_by_token() -> tuple[int | None, ...]:
    """The kind of every token id: the pad is a pause; an id without a symbol has no sound."""
    known = {token: kind_of(symbol) for symbol, token in VOCABULARY.items()}
    return (PAUSE, *(known.get(token) for token in range(1, TOKENS)))
