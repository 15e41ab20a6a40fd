"""The table of Spanish for tasks.normalise.common_rules. Knows no other language."""

import re

from tasks.normalise.counted import cardinal, ordinal
from tasks.normalise.tables import CLOCK, COLON, LanguageTable, digits, units

_ES_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
    "diciembre",
)  # fmt: skip


def _es(number: int) -> str:
    return cardinal(number, "es")


def _es_agree(said: str, following: str) -> str:
    if not said.endswith("uno") or not following or following in ("de", "y", "o", "en", "por", "a", "al", "con", "que"):
        return said
    if following.rstrip("s").endswith("a") and following not in ("día", "días"):
        return f"{said[:-1]}a"
    return "un" if said == "uno" else f"{said[:-4]}ún" if said.endswith("iuno") and said[-5:] == "tiuno" else said[:-1]


def _es_date(year: int, month: int, day: int) -> str:
    return f"{_es(day)} de {_ES_MONTHS[month - 1]} de {_es(year)}"


def _es_hour(hour: int) -> str:
    said = _es(hour)
    return f"{said[:-1]}a" if said.endswith("uno") else said


def _es_time(hour: int, minute: int, second: int | None, half: str) -> str:
    said = _es_hour(hour)
    if minute:
        said = f"{said} {'cero ' if minute < 10 else ''}{_es(minute)}"
    if second is not None:
        said = f"{said} y {_es(second)} segundos"
    mark = half.replace(".", "").replace(" ", "").lower()
    part = "mañana" if mark == "am" else "tarde" if hour in (12, *range(1, 8)) else "noche"
    return f"{said} {'de la ' + part if mark in ('am', 'pm') else 'horas' if mark.startswith('h') else ''}".strip()


SPANISH = LanguageTable(
    cardinal=_es,
    digits=digits("es"),
    point="coma",
    minus="menos",
    plus="más",
    to="a",
    percent="por ciento",
    months=_ES_MONTHS,
    date=_es_date,
    time=_es_time,
    clock=re.compile(
        rf"{CLOCK}(?:{COLON}(?P<half>\s?(?:[ap]\.?\s?m\b\.?|hs?\b\.?|horas\b))?|h(?!\w))(?![0-9:]|[.,][0-9])"
    ),
    currencies={
        "$": ("dólar", "dólares"),
        "US$": ("dólar", "dólares"),
        "USD": ("dólar", "dólares"),
        "€": ("euro", "euros"),
        "EUR": ("euro", "euros"),
        "£": ("libra", "libras"),
        "¥": ("yen", "yenes"),
        "MXN": ("peso", "pesos"),
    },
    cents={
        "$": ("con", "centavo", "centavos"),
        "US$": ("con", "centavo", "centavos"),
        "USD": ("con", "centavo", "centavos"),
        "€": ("con", "céntimo", "céntimos"),
        "EUR": ("con", "céntimo", "céntimos"),
        "£": ("con", "penique", "peniques"),
    },
    scales={"millones": "millones de", "millón": "millón de", "mil": "mil", "M": "millones de"},
    units=units(
        "km:kilómetro,m:metro,cm:centímetro,mm:milímetro,kg:kilo,g:gramo,mg:miligramo,l:litro,L:litro,ml:mililitro,"
        "km/h:kilómetro por hora|kilómetros por hora,m/s:metro por segundo|metros por segundo,"
        "°C:grado centígrado|grados centígrados,ºC:grado centígrado|grados centígrados,"
        "°:grado,km²:kilómetro cuadrado|kilómetros cuadrados,"
        "m²:metro cuadrado|metros cuadrados,m³:metro cúbico|metros cúbicos,"
        "ha:hectárea,GB:gigabyte,MB:megabyte,kW:kilovatio,"
        "W:vatio,min:minuto,s:segundo,Hz:hercio,kHz:kilohercio"
    ),
    symbols={
        r"(?<=\S)\s?&\s?(?=\S)": "y",
        r"(?<=[\w\ue000])\s?\+\s?(?=[\w\ue000])": "más",
        r"(?<=[\w\ue000])\s?=\s?(?=[\w\ue000])": "igual a",
        r"\s?×\s?": "por",
        r"\s?÷\s?": "entre",
        "°": "grados",
        "%": "por ciento",
    },
    abbreviations={
        r"Sr\.(?!\w)": "señor",
        r"Sra\.(?!\w)": "señora",
        r"Srta\.(?!\w)": "señorita",
        r"Sres\.": "señores",
        r"Dr\.(?=\s+[A-ZÁÉÍÓÚ])": "doctor",
        r"Dra\.": "doctora",
        r"D\.(?=\s[A-ZÁÉÍÓÚ][a-z])": "don",
        r"D\.ª": "doña",
        r"Uds?\.(?!\w)": "usted",
        r"etc\.(?!\w)": "etcétera",
        r"p\.\s?ej\.": "por ejemplo",
        r"núm\.(?=\s?[0-9])": "número",
        r"n\.?[º°]\s?(?=[0-9])": "número ",
        r"págs?\.(?=\s?[0-9])": "página",
        r"pp\.(?=\s?[0-9])": "páginas",
        r"Avda?\.(?=\s)": "avenida",
        r"EE\.\s?UU\.": "Estados Unidos",
        r"a\.\s?C\.": "antes de Cristo",
        r"d\.\s?C\.": "después de Cristo",
        r"Prof\.(?=\s)": "profesor",
        r"St[ao]\.(?=\s[A-Z])": "santa",
        r"tel\.": "teléfono",
        r"cap\.(?=\s?[0-9])": "capítulo",
    },
    marks={
        ".": "punto",
        "/": "barra",
        "@": "arroba",
        "-": "guion",
        "_": "guion bajo",
        "?": "interrogación",
        "=": "igual",
        "&": "y",
        "#": "almohadilla",
        "%": "por ciento",
        ":": "dos puntos",
        "+": "más",
        "~": "virgulilla",
        ",": "coma",
    },
    agree=_es_agree,
    ordinals=(
        (
            re.compile(r"(?<!\w)([0-9]{1,2})\.?([ºª°])(?!\w|\s?C)"),
            lambda match: _es_nth(int(match[1]), feminine=match[2] == "ª"),
        ),
        (re.compile(r"(?<!\w)([13])\.?er(?!\w)"), lambda match: "primer" if match[1] == "1" else "tercer"),
    ),
    chapters="cap[ií]tulo|parte|libro|tomo|acto|escena|volumen|guerra\\smundial|siglos?",
    kings=lambda number: ordinal(number, "es") if number < 11 else _es(number),
)


def _es_nth(number: int, *, feminine: bool) -> str:
    said = ordinal(number, "es")
    return " ".join(f"{word[:-1]}a" for word in said.split()) if feminine else said
