"""The table of Hindi for tasks.normalise.common_rules, and Hindi numbers, which are irregular below a hundred."""

import re

from tasks.normalise.tables import LanguageTable

_WORDS = (
    "शून्य एक दो तीन चार पाँच छह सात आठ नौ "
    "दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस "
    "बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस "
    "तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस "
    "चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास "
    "पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ "
    "साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर "
    "सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उनासी "
    "अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी "
    "नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे"
).split()
_POWERS = ((10**11, "खरब"), (10**9, "अरब"), (10**7, "करोड़"), (10**5, "लाख"), (10**3, "हज़ार"), (100, "सौ"))
_MONTHS = (
    "जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर",
)  # fmt: skip
_NTHS = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}


def cardinal(number: int) -> str:
    """The number in words: 24 is चौबीस."""
    for power, name in _POWERS:
        if number >= power:
            rest = number % power
            head = f"{cardinal(number // power)} {name}"
            return f"{head} {cardinal(rest)}" if rest else head
    return _WORDS[number]


def _digits(text: str) -> str:
    groups = re.findall(r"[0-9]+", text)
    return ", ".join(" ".join(_WORDS[int(digit)] for digit in group) for group in groups)


def year(number: int) -> str:
    """1984 is उन्नीस सौ चौरासी."""
    century, rest = divmod(number, 100)
    if century < 11 or century == 20:
        return cardinal(number)
    return f"{_WORDS[century]} सौ {_WORDS[rest] if rest else ''}".strip()


def _date(full: int, month: int, day: int) -> str:
    return f"{_WORDS[day]} {_MONTHS[month - 1]} {year(full)}"


def _time(hour: int, minute: int, second: int | None, _half: str) -> str:
    if second is None and hour < 13:
        quarter = {
            15: f"सवा {_WORDS[hour]}",
            30: f"साढ़े {_WORDS[hour]}",
            45: f"पौने {_WORDS[hour % 12 + 1]}",
            0: _WORDS[hour],
        }
        quarter |= {30: {1: "डेढ़", 2: "ढाई"}.get(hour, quarter[30])}
        if minute in quarter:
            return f"{quarter[minute]} बजे"
    if not minute and second is None:
        return f"{_WORDS[hour]} बजे"
    said = f"{_WORDS[hour]} बजकर {_WORDS[minute]} मिनट"
    if second is not None:
        said = f"{said} {_WORDS[second]} सेकंड"
    return said


def _nth(match: re.Match[str]) -> str:
    count, ending = int(match[1]), match[2]
    vowel = {"ला": "ा", "ली": "ी", "ले": "े", "रा": "ा", "री": "ी", "रे": "े", "था": "ा", "थी": "ी", "थे": "े",
             "ठा": "ा", "ठी": "ी", "ठे": "े"}.get(ending)  # fmt: skip
    if vowel and count in _NTHS:
        return _NTHS[count] + vowel
    return cardinal(count) + ending


_RUPEES = ("रुपया", "रुपये")
_NAMES = {
    "km": "किलोमीटर",
    "किमी": "किलोमीटर",
    "कि.मी.": "किलोमीटर",
    "m": "मीटर",
    "cm": "सेंटीमीटर",
    "सेमी": "सेंटीमीटर",
    "mm": "मिलीमीटर",
    "kg": "किलोग्राम",
    "किग्रा": "किलोग्राम",
    "g": "ग्राम",
    "mg": "मिलीग्राम",
    "l": "लीटर",
    "L": "लीटर",
    "ml": "मिलीलीटर",
    "km/h": "किलोमीटर प्रति घंटा",
    "°C": "डिग्री सेल्सियस",
    "°": "डिग्री",
    "GB": "गीगाबाइट",
    "MB": "मेगाबाइट",
    "W": "वाट",
    "kW": "किलोवाट",
    "Hz": "हर्ट्ज़",
    "मि.": "मिनट",
}
HINDI = LanguageTable(
    cardinal=cardinal,
    digits=_digits,
    point="दशमलव",
    minus="ऋण",
    plus="धन",
    to="से",
    percent="प्रतिशत",
    months=_MONTHS,
    date=_date,
    time=_time,
    year=year,
    clock=re.compile(
        r"(?<![\w\ue000])(?<![0-9][.,:])(?P<hour>[0-9][0-9]?):(?P<minute>[0-5][0-9])(?::"
        r"(?P<second>[0-5][0-9]))?(?P<half>\s?बजे)?(?![\w:]|[.,][0-9])"
    ),
    currencies={
        "₹": _RUPEES,
        "रु.": _RUPEES,
        "रु": _RUPEES,
        "Rs.": _RUPEES,
        "Rs": _RUPEES,
        "INR": _RUPEES,
        "$": ("डॉलर", "डॉलर"),
        "US$": ("डॉलर", "डॉलर"),
        "€": ("यूरो", "यूरो"),
        "£": ("पाउंड", "पाउंड"),
        "¥": ("येन", "येन"),
    },
    cents={"₹": ("", "पैसा", "पैसे"), "रु.": ("", "पैसा", "पैसे"), "Rs.": ("", "पैसा", "पैसे"), "$": ("", "सेंट", "सेंट")},
    scales={"करोड़": "करोड़", "लाख": "लाख", "हज़ार": "हज़ार", "हजार": "हज़ार", "अरब": "अरब"},
    units={symbol: (name, name) for symbol, name in _NAMES.items()},
    symbols={
        r"(?<=\S)\s?&\s?(?=\S)": "और",
        r"(?<=[\w\ue000])\s?\+\s?(?=[\w\ue000])": "धन",
        r"(?<=[\w\ue000])\s?=\s?(?=[\w\ue000])": "बराबर",
        r"\s?×\s?": "गुणा",
        r"\s?÷\s?": "भाग",
        "°": "डिग्री",
        "%": "प्रतिशत",
    },
    abbreviations={
        r"डॉ\.(?=\s)": "डॉक्टर",
        r"प्रो\.(?=\s)": "प्रोफ़ेसर",
        r"पृ\.(?=\s?[0-9])": "पृष्ठ",
        r"ई\.\s?पू\.": "ईसा पूर्व",
        r"कि\.\s?मी\.": "किलोमीटर",
    },
    marks={
        ".": "डॉट",
        "/": "स्लैश",
        "@": "एट",
        "-": "डैश",
        "_": "अंडरस्कोर",
        "?": "प्रश्न चिह्न",
        "=": "बराबर",
        "&": "और",
        "#": "हैश",
        "%": "प्रतिशत",
        ":": "कोलन",
        "+": "प्लस",
        "~": "टिल्ड",
        ",": "कॉमा",
    },
    ordinals=((re.compile(r"(?<!\w)([0-9]{1,3})(वाँ|वां|वीं|वें|ला|ली|ले|रा|री|रे|था|थी|थे|ठा|ठी|ठे)(?!\w)"), _nth),),
    spaces=False,
    figures_behind_point=True,
)
