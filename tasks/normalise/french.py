"""The table of French for tasks.normalise.common_rules. Knows no other language."""

import re

from tasks.normalise.counted import cardinal, ordinal
from tasks.normalise.english_numbers import roman
from tasks.normalise.tables import CLOCK, COLON, LanguageTable, digits, units

_FR_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
_FR_FEMININE = frozenset("heure livre seconde minute tonne année fois".split())


def _fr(number: int) -> str:
    return cardinal(number, "fr")


def _fr_agree(said: str, following: str) -> str:
    feminine = following.rstrip("s") in _FR_FEMININE or following.endswith(
        ("tion", "tions", "ées", "ée", "lle", "lles", "elles")
    )
    return (
        f"{said}e" if said.rsplit(" ", maxsplit=1)[-1] == "un" and feminine and following != "livre sterling" else said
    )


def _fr_date(year: int, month: int, day: int) -> str:
    return f"{'premier' if day == 1 else _fr(day)} {_FR_MONTHS[month - 1]} {_fr(year)}"


def _fr_time(hour: int, minute: int, second: int | None, _half: str) -> str:
    said = f"{_fr_agree(_fr(hour), 'heure')} heure{'s' if hour > 1 else ''}"
    if minute:
        said = f"{said} {_fr_agree(_fr(minute), 'minute')}"
    return (
        said if second is None else f"{said} et {_fr_agree(_fr(second), 'seconde')} seconde{'s' if second > 1 else ''}"
    )


FRENCH = LanguageTable(
    cardinal=_fr,
    digits=digits("fr"),
    point="virgule",
    minus="moins",
    plus="plus",
    to="à",
    percent="pour cent",
    months=_FR_MONTHS,
    date=_fr_date,
    time=_fr_time,
    clock=re.compile(rf"{CLOCK}(?:{COLON}(?P<half>\sh(?!\w))?|\s?[hH]\s?(?P<m3>[0-5][0-9])|\s?h)(?![\w:])"),
    currencies={
        "€": ("euro", "euros"),
        "EUR": ("euro", "euros"),
        "$": ("dollar", "dollars"),
        "US$": ("dollar", "dollars"),
        "USD": ("dollar", "dollars"),
        "£": ("livre", "livres"),
        "¥": ("yen", "yens"),
        "CHF": ("franc suisse", "francs suisses"),
    },
    cents={"€": ("", "", ""), "EUR": ("", "", ""), "$": ("", "", ""), "US$": ("", "", ""), "£": ("", "", "")},
    scales={
        "millions": "millions de",
        "million": "million de",
        "milliards": "milliards de",
        "milliard": "milliard de",
        "mille": "mille",
        "M": "millions de",
        "Md": "milliards de",
        "k": "mille",
    },
    units=units(
        "km:kilomètre,m:mètre,cm:centimètre,mm:millimètre,kg:kilo,g:gramme,mg:milligramme,"
        "l:litre,L:litre,ml:millilitre,cl:centilitre,"
        "km/h:kilomètre heure|kilomètres heure,m/s:mètre par seconde"
        "|mètres par seconde,°C:degré Celsius|degrés Celsius,°:degré,"
        "km²:kilomètre carré|kilomètres carrés,m²:mètre carré|mètres carrés,m³:mètre cube"
        "|mètres cubes,ha:hectare,Go:gigaoctet,Mo:mégaoctet,"
        "kW:kilowatt,W:watt,min:minute,s:seconde,Hz:hertz|hertz,t:tonne"
    ),
    symbols={
        r"(?<=\S)\s?&\s?(?=\S)": "et",
        r"(?<=[\w\ue000])\s?\+\s?(?=[\w\ue000])": "plus",
        r"(?<=[\w\ue000])\s?=\s?(?=[\w\ue000])": "égale",
        r"\s?×\s?": "fois",
        r"\s?÷\s?": "divisé par",
        "°": "degrés",
        "%": "pour cent",
    },
    abbreviations={
        r"MM\.(?=\s[A-ZÀ-Ý])": "messieurs",
        r"M\.(?=\s[A-ZÀ-Ý][a-zà-ÿ])": "monsieur",
        r"Mmes(?=\s)": "mesdames",
        r"Mme\.?(?=\s)": "madame",
        r"Mlle\.?(?=\s)": "mademoiselle",
        r"Dr\.?(?=\s[A-ZÀ-Ý])": "docteur",
        r"Pr\.?(?=\s[A-ZÀ-Ý])": "professeur",
        r"Me(?=\s[A-ZÀ-Ý])": "maître",
        r"etc\.": "et cetera",
        r"p\.\s?ex\.": "par exemple",
        r"c\.-à-d\.": "c'est-à-dire",
        r"[nN][°º]\s?(?=[0-9])": "numéro ",
        r"p\.(?=\s?[0-9])": "page",
        r"pp\.(?=\s?[0-9])": "pages",
        r"chap\.(?=\s?[0-9IVX])": "chapitre",
        r"av\.\s?J\.-C\.": "avant Jésus-Christ",
        r"apr\.\s?J\.-C\.": "après Jésus-Christ",
        r"bd\.?(?=\s[A-Z])": "boulevard",
        r"tél\.": "téléphone",
        r"env\.": "environ",
    },
    marks={
        ".": "point",
        "/": "slash",
        "@": "arobase",
        "-": "tiret",
        "_": "tiret bas",
        "?": "point d'interrogation",
        "=": "égale",
        "&": "et",
        "#": "dièse",
        "%": "pour cent",
        ":": "deux-points",
        "+": "plus",
        "~": "tilde",
        ",": "virgule",
    },
    agree=_fr_agree,
    ordinals=(
        (re.compile(r"(?<!\w)1(er|re|ère)(?!\w)"), lambda match: "premier" if match[1] == "er" else "première"),
        (re.compile(r"(?<!\w)([0-9]{1,3})(?:e|è|ème|eme|ième|nde?)(?!\w)"), lambda match: ordinal(int(match[1]), "fr")),
        (re.compile(r"(?<=[a-zà-ÿ]\s)Ier(?!\w)"), lambda _match: "premier"),
        (re.compile(r"(?<!\w)Ier(?=\s)"), lambda _match: "premier"),
        (re.compile(r"(?<!\w)([IVX]{1,6})(?:e|ème)(?!\w)"), lambda match: ordinal(roman(match[1]), "fr")),
    ),
    chapters="chapitre|partie|livre|tome|acte|scène|volume|guerre\\smondiale",
    kings=_fr,
)
