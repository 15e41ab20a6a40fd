"""What each symbol of Kokoro's vocabulary sounds like in the stand-in voice: length, formants, voice and noise.

Figures of general phonetics for an adult male speaker. Knows nothing of graphs or files.
"""

from dataclasses import dataclass, replace
from functools import cache

TOKENS = 178
FRAME_MS = 25


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One steady stretch of a symbol."""

    f1_hz: float = 500
    f2_hz: float = 1500
    f3_hz: float = 2500
    voice: float = 0
    """Level of the voice's source, about 1 for an open vowel."""
    breath: float = 0
    """Level of noise through the whole vocal tract, as in h."""
    noise: float = 0
    """Level of noise made near the lips, as in s."""
    noise_hz: float = 4000
    noise_width_hz: float = 2000


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """One symbol: a first stretch, and a last one where it moves, as diphthongs and stops do."""

    token: int
    frames: float
    """Length at speed 1, in frames of 25 ms; 0 for marks and what the vocabulary does not know."""
    first: Sound
    last: Sound
    last_share: float = 0
    """How much of the length the last stretch takes."""
    vowel: bool = False
    mark: bool = False
    """No sound of its own: the next one's is heard."""


# symbol token frames F1 F2 F3 [F1 F2 F3 at the end]
_VOWELS = """
A  24 5.5  480 1950 2500  330 2200 2700
I  25 6.0  720 1250 2500  380 2050 2600
O  31 5.5  500  950 2400  350  850 2300
Q  33 5.5  500 1350 2400  350  900 2300
W  39 6.0  720 1300 2500  400  900 2300
Y  41 6.0  500  850 2400  360 2000 2500
ᵊ  42 1.5  480 1450 2500
a  43 4.0  740 1350 2450
i  51 4.0  290 2250 2950
e  47 4.0  400 2050 2600
o  57 4.0  430  850 2400
u  63 4.0  310  900 2250
y  67 4.0  280 1850 2150
ɑ  69 5.0  720 1100 2450
ɐ  70 3.0  620 1300 2500
ɒ  71 4.0  600  920 2450
æ  72 5.0  680 1720 2450
ɔ  76 4.8  570  860 2420
ə  83 2.2  490 1420 2450
ɚ  85 3.4  480 1350 1700
ɛ  86 3.8  540 1830 2480
ɜ  87 5.0  490 1370 1750
ɨ 101 3.0  340 1700 2500
ɪ 102 3.2  390 1980 2560
ɯ 110 3.5  320 1300 2300
ø 116 4.0  380 1600 2200
œ 120 4.0  540 1550 2300
ʊ 135 3.2  440 1020 2250
ʌ 138 3.8  630 1190 2420
ɤ 140 4.0  430 1150 2400
ᵻ 177 2.6  380 1850 2550
"""

# symbol token frames F1 F2 F3 voice breath noise noise_hz noise_width_hz
_FLOWING = """
m  55 3.0  260 1100 2200 .60 0   0     4000 2000
n  56 2.8  260 1500 2500 .60 0   0     4000 2000
ɳ 113 2.8  260 1400 2100 .60 0   0     4000 2000
ɲ 114 3.0  260 2000 2700 .60 0   0     4000 2000
ŋ 112 3.0  260 1900 2300 .60 0   0     4000 2000
ɴ 115 3.0  280 1000 2300 .60 0   0     4000 2000
l  54 2.8  340 1150 2650 .60 0   0     4000 2000
ʎ 143 3.0  300 2050 2700 .60 0   0     4000 2000
ɹ 123 2.8  340 1150 1600 .65 0   0     4000 2000
ɻ 126 2.8  340 1250 1600 .65 0   0     4000 2000
r  60 2.6  420 1300 2200 .55 0   0     4000 2000
ʁ 128 2.8  450 1100 2300 .40 .15 0     2000 1500
w  65 2.6  300  650 2200 .60 0   0     4000 2000
j  52 2.4  280 2150 2950 .60 0   0     4000 2000
ɥ  99 2.4  280 1850 2200 .60 0   0     4000 2000
ɰ 111 2.4  320 1250 2300 .60 0   0     4000 2000
ʋ 136 2.4  320 1050 2300 .55 0   0     4000 2000
h  50 2.6  500 1500 2500 0   .30 0     4000 2000
f  48 3.4  320 1050 2300 0   .02 .07   6500 6000
v  64 2.4  280 1050 2300 .35 .01 .035  6500 6000
ɸ 118 3.2  320  950 2300 0   .04 .06   3500 5000
β  75 2.4  280  950 2300 .40 .02 .02   3500 5000
θ 119 3.4  320 1400 2600 0   .02 .06   7000 5000
ð  81 2.0  280 1400 2600 .40 .01 .03   7000 5000
s  61 3.6  320 1700 2600 0   0   .20   7200 1900
S  35 3.6  320 1800 2500 0   0   .24   3300 1300
z  68 2.8  280 1700 2600 .30 0   .13   7200 1900
ʃ 131 3.8  320 1800 2500 0   0   .24   3300 1300
ʒ 147 3.0  280 1800 2500 .30 0   .15   3300 1300
ʂ 130 3.8  320 1600 2200 0   0   .24   2800 1100
ɕ  77 3.6  320 2100 2800 0   0   .22   4300 1500
ç  78 3.2  320 2150 2900 0   .05 .14   3600 1400
ʝ 103 2.6  280 2150 2900 .40 .02 .07   3600 1400
x  66 3.2  400 1400 2400 0   .12 .10   1700 1200
ɣ 139 2.6  350 1300 2400 .40 .06 .04   1700 1200
χ 142 3.2  480 1200 2400 0   .14 .10   1400 1100
ʰ 162 1.2  500 1500 2500 0   .25 0     4000 2000
"""

# symbol token frames F2-and-F3-towards-which-vowels-bend voiced burst burst_hz burst_width_hz breath-after
_STOPS = """
p  58 3.2   900 2200 0 .10 1200 2500 .12
b  44 2.6   900 2200 1 .08  900 1800 0
t  62 3.2  1750 2650 0 .22 4500 3000 .10
d  46 2.6  1750 2650 1 .14 4000 3000 0
ʈ 132 3.2  1500 2000 0 .20 3000 2500 .08
ɖ  80 2.6  1500 2000 1 .12 2800 2500 0
c  45 3.2  2200 2900 0 .18 3300 2000 .08
ɟ  90 2.6  2200 2900 1 .12 3100 2000 0
k  53 3.2  1900 2300 0 .18 2000 1400 .12
ɡ  92 2.6  1900 2300 1 .12 1800 1400 0
q  59 3.2  1200 2300 0 .16 1400 1200 .10
ʔ 148 2.0  1500 2500 0 .02 1500 2500 0
ɾ 125 1.4  1700 2600 1 .03 3800 3000 0
T  36 1.4  1700 2600 1 .03 3800 3000 0
ɽ 129 1.4  1500 2100 1 .03 2800 2500 0
"""

# symbol token frames, and the fricative each one opens into
_AFFRICATES = """
ʧ 133 4.4 ʃ
ʤ  82 3.8 ʒ
ʦ  20 4.4 s
ʣ  18 3.8 z
ʨ  21 4.4 ɕ
ʥ  19 3.8 ʒ
ꭧ  23 4.4 ʂ
"""

# Silence after punctuation, in frames; everything else the vocabulary has changes its neighbours or nothing.
_PAUSES = {";": (1, 9), ":": (2, 9), ",": (3, 7), ".": (4, 13), "!": (5, 13), "?": (6, 13), "—": (9, 8), "…": (10, 13)}
_MARKS = {
    '"': 11, "(": 12, ")": 13, "“": 14, "”": 15, " ": 16, "\u0303": 17, "ᵝ": 22,
    "ˈ": 156, "ˌ": 157, "ː": 158, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173,
}  # fmt: skip
PAD_FRAMES = 2
PRIMARY_STRESS, LENGTH_MARK = _MARKS["ˈ"], _MARKS["ː"]


@cache
def symbols() -> dict[str, Symbol]:
    """Every symbol of the vocabulary."""
    silence = Sound()
    known = {
        symbol: Symbol(token=token, frames=frames, first=silence, last=silence)
        for symbol, (token, frames) in _PAUSES.items()
    }
    known |= {
        symbol: Symbol(token=token, frames=0, first=silence, last=silence, mark=True)
        for symbol, token in _MARKS.items()
    }
    known |= dict(map(_vowel, _rows(_VOWELS)))
    known |= dict(map(_flowing, _rows(_FLOWING)))
    known |= dict(map(_stop, _rows(_STOPS)))
    return known | {row[0]: _affricate(row, known[row[3]]) for row in _rows(_AFFRICATES)}


@cache
def by_token() -> tuple[Symbol, ...]:
    """What each token id is: the pad first; ids that no symbol has are marks."""
    silence = Sound()
    listed = {symbol.token: symbol for symbol in symbols().values()}
    listed[0] = Symbol(token=0, frames=PAD_FRAMES, first=silence, last=silence)
    unused = Symbol(token=0, frames=0, first=silence, last=silence, mark=True)
    return tuple(listed.get(token, unused) for token in range(TOKENS))


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def _even(f1_hz: float) -> float:
    """What makes a close vowel about as loud as an open one: formants far down let less through."""
    return round(600 / f1_hz, 2)


def _vowel(row: list[str]) -> tuple[str, Symbol]:
    frames, f1, f2, f3, *end = map(float, row[2:])
    first = Sound(f1_hz=f1, f2_hz=f2, f3_hz=f3, voice=_even(f1))
    last = replace(first, f1_hz=end[0], f2_hz=end[1], f3_hz=end[2]) if end else first
    return row[0], Symbol(token=int(row[1]), frames=frames, first=first, last=last, last_share=0.5, vowel=True)


def _flowing(row: list[str]) -> tuple[str, Symbol]:
    frames, f1, f2, f3, voice, breath, noise, noise_hz, width = map(float, row[2:])
    sound = Sound(
        f1_hz=f1, f2_hz=f2, f3_hz=f3, voice=voice * _even(f1), breath=breath, noise=noise, noise_hz=noise_hz,
        noise_width_hz=width,
    )  # fmt: skip
    return row[0], Symbol(token=int(row[1]), frames=frames, first=sound, last=sound)


def _closure(f2: float, f3: float, voiced: float) -> Sound:
    """The mouth shut: nothing, or the murmur of the voice behind it."""
    return Sound(f1_hz=220, f2_hz=f2, f3_hz=f3, voice=0.12 * voiced)


def _stop(row: list[str]) -> tuple[str, Symbol]:
    frames, f2, f3, voiced, burst, burst_hz, width, breath = map(float, row[2:])
    shut = _closure(f2, f3, voiced)
    opened = replace(shut, f1_hz=350, voice=0.3 * voiced, breath=breath, noise=burst, noise_hz=burst_hz)
    opened = replace(opened, noise_width_hz=width)
    return row[0], Symbol(token=int(row[1]), frames=frames, first=shut, last=opened, last_share=0.35)


def _affricate(row: list[str], fricative: Symbol) -> Symbol:
    sound = fricative.first
    shut = _closure(sound.f2_hz, sound.f3_hz, float(sound.voice > 0))
    return Symbol(token=int(row[1]), frames=float(row[2]), first=shut, last=sound, last_share=0.6)
