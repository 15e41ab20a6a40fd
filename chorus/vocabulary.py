"""Kokoro's vocabulary: the symbols that the model knows, and what replaces others. Knows no text."""

import difflib
import re
import unicodedata
from dataclasses import dataclass
from functools import cache

MAX_TOKENS = 510
"""The most tokens the model takes in one run, its two pads not counted. No other module may write this number."""

VOCABULARY = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14, "”": 15,
    " ": 16, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "ꭧ": 23, "A": 24, "I": 25, "O": 31, "Q": 33,
    "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48, "h": 50,
    "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "q": 59, "r": 60, "s": 61, "t": 62,
    "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75, "ɔ": 76,
    "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99,
    "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116, "ɸ": 118,
    "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132, "ʧ": 133,
    "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157,
    "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}  # fmt: skip
"""Symbol to token id. The ids are the model's, with its gaps."""

_MARKS = frozenset(';:,.!?—…"()“” ˈˌːʰʲᵝ\u0303↓→↗↘')
SOUNDS = frozenset(VOCABULARY) - _MARKS
"""The symbols that have a sound of their own; without one of them there is nothing to speak."""

# What espeak and the dictionaries write, and the model's nearest symbol. Empty: the symbol changes no sound.
_NEAR = {
    "g": "ɡ", "ɝ": "ɜɹ", "ɫ": "l", "ɭ": "l", "ɬ": "l", "ʟ": "l", "ʀ": "ʁ", "ħ": "h", "ɦ": "h", "ʍ": "w", "ʜ": "h",
    "ɵ": "ə", "ɘ": "ə", "ɞ": "ɜ", "ɶ": "œ", "ʉ": "u", "ʏ": "y", "ᵿ": "ʊ", "ɱ": "m", "ʘ": "p", "ɓ": "b", "ɗ": "d",
    "ɠ": "ɡ", "ʄ": "ɟ", "ʛ": "ɡ", "ʐ": "ʒ", "ʑ": "ʒ", "ʕ": "ʔ", "ʢ": "ʔ", "ʡ": "ʔ", "ɢ": "ɡ", "ɮ": "l", "ɺ": "ɾ",
    "ʙ": "b", "ⱱ": "v", "’": "", "‘": "", "'": "", "ʼ": "", "^": "", "_": "", "-": "", "ˑ": "", "¿": "", "¡": "",
    "·": "", "\u0361": "", "\u035c": "", "«": "“", "»": "”", "„": "“", "[": "(", "]": ")", "{": "(", "}": ")",
    "–": "—", "‽": "?", "।": ".", "॥": ".", "。": ".", "、": ",", "，": ",", "；": ";", "：": ":", "！": "!", "？": "?",
    "،": ",", "؛": ";", "؟": "?", "\n": " ", "\t": " ", "\u00a0": " ",
}  # fmt: skip


# Plain IPA, and the symbols that the model was trained with: one for each diphthong and affricate.
_KOKOROS = {
    "aɪ": "I",
    "aʊ": "W",
    "dz": "ʣ",
    "dʒ": "ʤ",
    "eɪ": "A",
    "oʊ": "O",
    "əʊ": "Q",
    "ts": "ʦ",
    "tʃ": "ʧ",
    "ɔɪ": "Y",
}
_ENGLISH = {
    **{pair: symbol for pair, symbol in _KOKOROS.items() if len(symbol) == 1 and symbol not in "ʣʦ"},
    "r": "ɹ", "ɚ": "əɹ", "e": "ɛ", "ɛɪ": "A", "ɾ": "T",
}  # fmt: skip
_AMERICAN = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɝ": "ɜɹ", "ɒ": "ɑ", "o": "O", "a": "æ", "ː": ""}
_BRITISH = {"eə": "ɛː", "oʊ": "Q", "o": "ɔ"}
_VOWELS = "AIOQWYaeiouyæøœɐɑɒɔəɚɛɜɤɨɪɯʊʌᵊᵻ"
_SYLLABLE_END = re.compile(r"\.(?=\S)")
_EARLY_STRESS = re.compile(rf"([ˈˌ])([^\sˈˌ{_VOWELS}]+)(?=[{_VOWELS}])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """Phonemes that the model can speak, and the symbols that were left out."""

    text: str
    """Symbols of the vocabulary alone, single blanks, none at the ends: one symbol is one token."""
    dropped: str = ""
    """The symbols, each once, for which the model has no near one."""


def fit(phonemes: str) -> Fitted:
    """These phonemes in symbols of the vocabulary."""
    parts, dropped = [], dict[str, None]()
    # Taken apart, a nasal vowel is a vowel and the tilde the model knows; but ç is a letter of its own there.
    for symbol in unicodedata.normalize("NFC", phonemes):
        near = _near(symbol)
        if near is None:
            dropped[symbol] = None
        else:
            parts.append(near)
    return Fitted(text=" ".join("".join(parts).split()), dropped="".join(dropped))


def from_ipa(ipa: str, language: str) -> str:
    """IPA as a person writes it, or Kokoro's own symbols, in the form that the model was trained with in this language.

    That form has the stress mark before the vowel; a dictionary has it before the syllable.
    """
    plain = unicodedata.normalize("NFC", ipa).replace("\u0361", "").replace("'", "ˈ").replace(":", "ː")
    # A dot between syllables would be heard as the end of a sentence.
    plain = _SYLLABLE_END.sub("", plain)
    table, pattern = _replacements(language if language == "en-gb" else language[:2])
    said = pattern.sub(lambda match: table[match[0]], plain)
    return _EARLY_STRESS.sub(r"\2\1", said)


@cache
def _replacements(language: str) -> tuple[dict[str, str], re.Pattern[str]]:
    english = {**_ENGLISH, **(_BRITISH if language == "en-gb" else _AMERICAN)}
    table = english if language.startswith("en") else _KOKOROS
    return table, re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True))))


def nearest(symbol: str) -> str:
    """The symbol with a sound that looks most like this one; empty if this is no letter."""
    plain = unicodedata.normalize("NFKD", symbol.lower())[:1]
    if plain in SOUNDS or not plain.isalpha():
        return plain if plain in SOUNDS else ""
    names = {unicodedata.name(sound): sound for sound in sorted(SOUNDS)}
    near = difflib.get_close_matches(unicodedata.name(symbol, ""), names, n=1, cutoff=0)
    return names[near[0]]


def speaks(phonemes: str) -> bool:
    """Whether anything in it can be heard."""
    return not SOUNDS.isdisjoint(phonemes)


def _near(symbol: str) -> str | None:
    if symbol in VOCABULARY:
        return symbol
    if symbol in _NEAR:
        return _NEAR[symbol]
    apart = unicodedata.normalize("NFD", symbol)
    if len(apart) > 1:
        return "".join(_near(part) or "" for part in apart)
    return "" if unicodedata.combining(symbol) or unicodedata.category(symbol) in ("Mn", "Lm", "Sk", "Cf") else None
