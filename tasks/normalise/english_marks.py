"""Rules for English symbols, emoji, and words of letters and figures. Knows no amounts and no dates."""

import re
import unicodedata
from collections.abc import Callable, Iterator

from tasks.normalise import english_numbers as numbers
from tasks.normalise.rewriting import Rule

_EMOJI = {
    "👍": "thumbs up", "👎": "thumbs down", "❤": "heart", "😂": "tears of joy", "🤣": "rolling on the floor laughing",
    "😊": "smiling face", "😍": "heart eyes", "😘": "face blowing a kiss", "😭": "loudly crying face",
    "😢": "crying face", "😉": "winking face", "😎": "smiling face with sunglasses", "🙂": "slightly smiling face",
    "😀": "grinning face", "😁": "beaming face", "😅": "grinning face with sweat", "😡": "angry face",
    "😱": "face screaming in fear", "🤔": "thinking face", "🙄": "face with rolling eyes", "😴": "sleeping face",
    "🙏": "folded hands", "👏": "clapping hands", "💪": "flexed biceps", "👋": "waving hand", "🙌": "raised hands",
    "👌": "OK hand", "✌": "victory hand", "🤝": "handshake", "🎉": "party popper", "🎂": "birthday cake", "🔥": "fire",
    "✨": "sparkles", "⭐": "star", "🌟": "glowing star", "💯": "hundred points", "🚀": "rocket", "☀": "sun",
    "🌈": "rainbow", "☕": "hot beverage", "🍕": "pizza", "🍺": "beer mug", "🐶": "dog face", "🐱": "cat face",
    "✅": "check mark", "✔": "check mark", "✓": "check mark", "❌": "cross mark", "✗": "cross mark", "⚠": "warning",
    "❓": "question mark", "❗": "exclamation mark", "💔": "broken heart", "💡": "light bulb", "📚": "books",
    "📖": "open book", "🎵": "musical note", "♫": "music", "♪": "musical note", "☎": "telephone", "📞": "telephone",
    "📧": "email", "✉": "envelope", "♥": "heart", "☺": "smiling face", "☹": "frowning face", "🤷": "shrug",
    "🤦": "facepalm", "💀": "skull", "👀": "eyes", "🎄": "Christmas tree", "🎁": "gift", "⚡": "lightning",
    "❄": "snowflake", "🌍": "globe", "🌎": "globe", "🌏": "globe", "🏆": "trophy", "⚽": "soccer ball",
    "🐍": "snake", "🦀": "crab", "♀": "female", "♂": "male", "♻": "recycling", "★": "star", "☆": "star",
}  # fmt: skip
_MODIFIERS = "\U0001f3fb-\U0001f3ff\ufe0e\ufe0f\u200d\u20e3\U000e0020-\U000e007f"
_FACE = (
    f"\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
    f"{''.join(char for char in _EMOJI if ord(char) < 0x10000)}"
)
_PICTURES = re.compile(rf"([{_FACE}])[{_MODIFIERS}]*(?:\s*\1[{_MODIFIERS}]*)*(?:(?<=\u200d)[♀♂]\ufe0f?)?")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_KEYCAP = re.compile("([0-9#*])\ufe0f?\u20e3")
_DIGIT_FREE = r"(?<![\w\ue000])"
_SYMBOLS: tuple[tuple[str, str], ...] = (
    (r"(?<=\w)\+\+(?!\+)", " plus plus "), (r"(?<=\b[CFAGJ])#(?!\w)", " sharp "),
    (r"#\s?(?=[0-9]|\ue000)", " number "), (r"(?<![\w&])#(?=[^\W\d])", " hashtag "), (r"(?<![\w.@])@(?=\w)", " at "),
    (r"(?<=\w)@(?=\w)", " at "), (r"(?<=\s)@(?=\s)", " at "),
    (r"§§\s?", " sections "), (r"§\s?", " section "), (r"¶\s?", " paragraph "),
    (r"&(?!#?\w+;)", " and "), (r"(?<=[\w\ue000\s)])\s?(?:=|＝)\s?(?==)", ""),
    (r"(?<=\S)\s?≠\s?", " is not equal to "), (r"\s?≈\s?", " is about "), (r"\s?≤\s?", " is at most "),
    (r"\s?≥\s?", " is at least "), (r"(?<=[\w\ue000)]\s)=(?=\s[\w\ue000(-])", " equals "),
    (r"(?<=[\w\ue000)])=(?=[\w\ue000(-])", " equals "), (r"(?<=[\w\ue000)]\s)\+(?=\s[\w\ue000(])", " plus "),
    (r"(?<=[\w\ue000)])\+(?=[\w\ue000(])", " plus "), (r"(?<=[\w\ue000])\+(?=[\s,.;:!?)]|$)", " plus "),
    (r"(?<=[\w\ue000)²³]\s)[\u2212](?=\s[\w\ue000(])", " minus "), (r"±\s?", " plus or minus "),
    (r"(?<=\ue000 )-(?= \ue000+ ?(?:=|\ue000*$))", " minus "), (r"\u2212(?=[\w\ue000])", " minus "),
    (r"(?<=\ue000)\s?[x×]\s?(?=\ue000)", " by "), (r"\s?×\s?", " times "), (r"(?<=\ue000) \* (?=\ue000)", " times "),
    (r"\s?÷\s?", " divided by "), (r"(?<=\ue000) / (?=\ue000)", " divided by "), (r"(?<=\ue000)x(?!\w)", " times "),
    (r"(?<=[\ue000\w]) <= (?=[\ue000\w])", " is at most "), (r"(?<=[\ue000\w]) >= (?=[\ue000\w])", " is at least "),
    (r"(?<=[\ue000\w])\s?<\s?(?=\ue000)", " is less than "), (r"(?<=[\ue000\w])\s?>\s?(?=\ue000)", " is greater than "),
    (r"(?<![\w\ue000])[~∼≃](?=\ue000)", " about "), (r"(?<![\w\ue000])[<](?=\ue000)", " less than "),
    (r"(?<![\w\ue000])>(?=\ue000)", " more than "), (r"\s?(?:→|⟶|-->|->)\s?", " to "),
    (r"\s?←\s?", " from "), (r"\s?(?:⇒|=>)\s?", " implies "),
    (r"√\s?", " the square root of "), (r"∞", " infinity "), (r"©\s?", " copyright "), (r"®", " registered "),
    (r"™", " trademark "), (r"℠", " service mark "), (r"(?<=[\w\ue000])²", " squared "),
    (r"(?<=[\w\ue000])³", " cubed "), (r"°", " degrees "), (r"‰", " per mille "), (r"%", " percent "),
    (r"π", " pi "), (r"∑", " the sum of "), (r"∈", " in "), (r"℅", " care of "),
    (r"(?<=\ue000)\s?/\s?(?=(?:day|week|month|year|hour|minute|person|night)\b)", " per "),
    (r"(?<=\bhe)/(?=she\b)|(?<=\bshe)/(?=he\b)|(?<=\bor)/(?=and\b)", " or "),
    (r"(?<=\bhis)/(?=her)|(?<=\bhim)/(?=her)|(?<=\bher)/(?=his|him)", " or "),
    (r"(?<=[A-Z]{2})/(?=[A-Z]{2})", " "), (r"(?<=\w)/(?=\w)", " slash "), (r"(?<=\w) / (?=\w)", ", "),
    (r"\|", " "),
)  # fmt: skip
_POWERS = {"⁰": 0, "¹": 1, "²": 2, "³": 3, "⁴": 4, "⁵": 5, "⁶": 6, "⁷": 7, "⁸": 8, "⁹": 9}


def rules() -> Iterator[Rule]:
    """The rules for symbols. They run after the rules for numbers and look at what those have claimed."""
    for pattern, words in _SYMBOLS:
        yield Rule(kind="symbols", pattern=re.compile(pattern), say=_const(words))


def _const(words: str) -> Callable[[re.Match[str]], str | None]:
    return lambda _match: words or None


def pictures() -> Iterator[Rule]:
    """The rules for emoji. A repeated emoji is read once, and modifiers are left out."""
    yield Rule(kind="emoji", pattern=_KEYCAP, say=lambda match: f" {match[1]} ")
    yield Rule(kind="emoji", pattern=_FLAG, say=_flag)
    yield Rule(kind="emoji", pattern=_PICTURES, say=lambda match: f" {emoji(match[1])} ")


def emoji(char: str) -> str:
    """The short name of an emoji, else its name in Unicode."""
    return _EMOJI.get(char) or unicodedata.name(char, "emoji").lower().replace("-", " ")


def _flag(match: re.Match[str]) -> str:
    letters = ".".join(chr(ord(char) - 0x1F1E6 + ord("A")) for char in match[0])
    return f" flag of {letters} "


def powers(*, british: bool) -> Iterator[Rule]:
    """The rule for powers: 10⁶ is ten to the power of six."""
    yield Rule(
        kind="symbols",
        pattern=re.compile(r"(?<![\w.,])([0-9]{1,12}|[a-zA-Z])(⁻?)([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4})(?!\w)"),
        say=lambda match: _power(match, british=british),
    )


def _power(match: re.Match[str], *, british: bool) -> str | None:
    exponent = int("".join(str(_POWERS[char]) for char in match[3]))
    base = numbers.cardinal(int(match[1]), british=british) if match[1].isdecimal() else match[1]
    if not match[2] and exponent in (2, 3):
        return f"{base} {'squared' if exponent == 2 else 'cubed'}"
    return f"{base} to the power of {'minus ' if match[2] else ''}{numbers.cardinal(exponent)}"


_MIXED = re.compile(r"(?<![\w\ue000'\u2019])(?=\w{0,30}[0-9])(?=\w{0,30}[^\W\d_])[^\W_]{2,30}(?![\w\ue000])")
_GROUPS = re.compile(r"[0-9]+|[^\W\d_]+")


def mixed(*, british: bool) -> Iterator[Rule]:
    """The rule for words of letters and figures: MP3, H2O, B12."""
    yield Rule(kind="numbers", pattern=_MIXED, say=lambda match: _mixed(match[0], british=british), needs="digits")


def _mixed(text: str, *, british: bool) -> str | None:
    groups = _GROUPS.findall(text)
    if not text.isascii():
        return None
    words = [_group(group, british=british) for group in groups]
    # An A alone would be read as the article.
    if groups[0] in ("A", "a") and len(groups) == 2:
        return f"{groups[0]}-{words[1].replace(' ', '-')}"
    return " ".join(words)


def _group(group: str, *, british: bool) -> str:
    if not group.isdecimal():
        spelled = len(group) > 1 and (group.isupper() or not set("aeiouyAEIOUY") & set(group))
        return ".".join(group.upper()) if spelled and len(group) < 5 else group
    if (group[0] == "0" and len(group) > 1) or len(group) > 4:
        return numbers.digits(group)
    return (
        numbers.pairs(group) if len(group) > 2 and group[-2:] != "00" else numbers.cardinal(int(group), british=british)
    )
