"""The table of Italian for tasks.normalise.common_rules. Knows no other language."""

import re

from tasks.normalise.counted import cardinal, ordinal
from tasks.normalise.tables import CLOCK, COLON, LanguageTable, digits, units

_ENDS = r"(?![\w:]|[.,][0-9])"


_IT_MONTHS = (
    "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre",
    "novembre", "dicembre",
)  # fmt: skip


def _it(number: int) -> str:
    said = cardinal(number, "it")
    return f"{said[:-1]}é" if said.endswith("tre") and said != "tre" else said


def _it_date(year: int, month: int, day: int) -> str:
    return f"{'primo' if day == 1 else _it(day)} {_IT_MONTHS[month - 1]} {_it(year)}"


def _it_time(hour: int, minute: int, second: int | None, _half: str) -> str:
    said = "una" if hour == 1 else _it(hour)
    if minute:
        said = f"{said} e {'zero ' if minute < 10 else ''}{_it(minute)}"
    return said if second is None else f"{said} e {_it(second)} secondi"


def _it_agree(said: str, following: str) -> str:
    if said != "uno" or not following:
        return said
    return "una" if following.endswith("a") else "un"


ITALIAN = LanguageTable(
    cardinal=_it,
    digits=digits("it"),
    point="virgola",
    minus="meno",
    plus="più",
    to="a",
    percent="per cento",
    months=_IT_MONTHS,
    date=_it_date,
    time=_it_time,
    clock=re.compile(
        rf"{CLOCK}(?:{COLON}|(?<=[eo]re [0-9])\.(?P<m3>[0-5][0-9])|(?<=[eo]re [0-9][0-9])\."
        rf"(?P<m4>[0-5][0-9])|(?<=alle [0-9][0-9])\.(?P<m5>[0-5][0-9])){_ENDS}"
    ),
    currencies={
        "€": ("euro", "euro"),
        "EUR": ("euro", "euro"),
        "$": ("dollaro", "dollari"),
        "US$": ("dollaro", "dollari"),
        "USD": ("dollaro", "dollari"),
        "£": ("sterlina", "sterline"),
        "¥": ("yen", "yen"),
    },
    cents={
        "€": ("e", "centesimo", "centesimi"),
        "EUR": ("e", "centesimo", "centesimi"),
        "$": ("e", "centesimo", "centesimi"),
        "US$": ("e", "centesimo", "centesimi"),
        "£": ("e", "penny", "pence"),
    },
    scales={
        "milioni": "milioni di",
        "milione": "milione di",
        "miliardi": "miliardi di",
        "miliardo": "miliardo di",
        "mila": "mila",
        "mln": "milioni di",
        "mld": "miliardi di",
    },
    units=units(
        "km:chilometro|chilometri,m:metro|metri,cm:centimetro|centimetri,mm:millimetro"
        "|millimetri,kg:chilo|chili,g:grammo|grammi,"
        "mg:milligrammo|milligrammi,l:litro|litri,L:litro|litri,ml:millilitro"
        "|millilitri,km/h:chilometro orario|chilometri orari,"
        "m/s:metro al secondo|metri al secondo,°C:grado|gradi,°:grado|gradi,"
        "km²:chilometro quadrato|chilometri quadrati,"
        "m²:metro quadrato|metri quadrati,mq:metro quadrato|metri quadrati,m³:metro cubo"
        "|metri cubi,ha:ettaro|ettari,GB:gigabyte|gigabyte,"
        "MB:megabyte|megabyte,kW:chilowatt|chilowatt,W:watt|watt,min:minuto|minuti,s:secondo|secondi,Hz:hertz|hertz"
    ),
    symbols={
        r"(?<=\S)\s?&\s?(?=\S)": "e",
        r"(?<=[\w\ue000])\s?\+\s?(?=[\w\ue000])": "più",
        r"(?<=[\w\ue000])\s?=\s?(?=[\w\ue000])": "uguale",
        r"\s?×\s?": "per",
        r"\s?÷\s?": "diviso",
        "°": "gradi",
        "%": "per cento",
    },
    abbreviations={
        r"[Ss]ig\.ra(?=\s)": "signora",
        r"[Ss]ig\.na(?=\s)": "signorina",
        r"[Ss]igg\.(?=\s)": "signori",
        r"[Ss]ig\.(?=\s)": "signor",
        r"[Dd]ott\.ssa(?=\s)": "dottoressa",
        r"[Dd]ott\.(?=\s)": "dottor",
        r"[Dd]r\.(?=\s)": "dottor",
        r"[Pp]rof\.ssa(?=\s)": "professoressa",
        r"[Pp]rof\.(?=\s)": "professor",
        r"[Aa]vv\.(?=\s)": "avvocato",
        r"[Ii]ng\.(?=\s)": "ingegner",
        r"ecc\.": "eccetera",
        r"p\.\s?es\.": "per esempio",
        r"n\.(?=\s?[0-9])": "numero",
        r"pagg?\.(?=\s?[0-9])": "pagina",
        r"p\.(?=\s?[0-9])": "pagina",
        r"cap\.(?=\s?[0-9IVX])": "capitolo",
        r"a\.\s?C\.": "avanti Cristo",
        r"d\.\s?C\.": "dopo Cristo",
        r"tel\.": "telefono",
    },
    marks={
        ".": "punto",
        "/": "barra",
        "@": "chiocciola",
        "-": "trattino",
        "_": "trattino basso",
        "?": "punto interrogativo",
        "=": "uguale",
        "&": "e",
        "#": "cancelletto",
        "%": "per cento",
        ":": "due punti",
        "+": "più",
        "~": "tilde",
        ",": "virgola",
    },
    agree=_it_agree,
    ordinals=(
        (
            re.compile(r"(?<!\w)([0-9]{1,3})([°ºª])(?!\w|\s?C\b)(?=\s+[^\W\d]|[.,;:!?]|$)"),
            lambda match: _it_nth(int(match[1]), feminine=match[2] == "ª"),
        ),
    ),
    chapters="capitolo|parte|libro|tomo|atto|scena|volume",
    centuries="secolo|guerra\\smondiale",
    century=lambda number: ordinal(number, "it"),
    kings=lambda number: ordinal(number, "it"),
)


def _it_nth(number: int, *, feminine: bool) -> str:
    said = ordinal(number, "it")
    return f"{said[:-1]}a" if feminine else said
