"""The table of Brazilian Portuguese for tasks.normalise.common_rules. Knows no other language."""

import re

from tasks.normalise.counted import cardinal, ordinal
from tasks.normalise.tables import CLOCK, COLON, LanguageTable, digits, units

_ENDS = r"(?![\w:]|[.,][0-9])"


_PT_MONTHS = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro",
    "dezembro",
)  # fmt: skip


def _pt(number: int) -> str:
    return cardinal(number, "pt_BR")


def _pt_feminine(said: str) -> str:
    said = re.sub(r"\bum$", "uma", said)
    return re.sub(r"\bdois$", "duas", said)


def _pt_agree(said: str, following: str) -> str:
    word = following.lower()
    feminine = word.rstrip("s").endswith("a") and word not in (
        "dia",
        "dias",
        "a",
        "da",
        "na",
        "para",
        "programa",
        "problemas",
    )
    return _pt_feminine(said) if feminine else said


def _pt_date(year: int, month: int, day: int) -> str:
    return f"{'primeiro' if day == 1 else _pt(day)} de {_PT_MONTHS[month - 1]} de {_pt(year)}"


def _pt_time(hour: int, minute: int, second: int | None, _half: str) -> str:
    said = _pt_feminine(_pt(hour))
    if not minute and second is None:
        return f"{said} hora{'s' if hour != 1 else ''}"
    said = f"{said} e {_pt(minute)}" if minute else f"{said} horas"
    return said if second is None else f"{said} e {_pt(second)} segundos"


PORTUGUESE = LanguageTable(
    cardinal=_pt,
    digits=digits("pt_BR"),
    point="vírgula",
    minus="menos",
    plus="mais",
    to="a",
    percent="por cento",
    months=_PT_MONTHS,
    date=_pt_date,
    time=_pt_time,
    clock=re.compile(rf"{CLOCK}(?:{COLON}(?:\s?h\b)?|h(?P<m3>[0-5][0-9])?(?:min)?){_ENDS}"),
    currencies={
        "R$": ("real", "reais"),
        "BRL": ("real", "reais"),
        "$": ("dólar", "dólares"),
        "US$": ("dólar", "dólares"),
        "USD": ("dólar", "dólares"),
        "€": ("euro", "euros"),
        "EUR": ("euro", "euros"),
        "£": ("libra", "libras"),
        "¥": ("iene", "ienes"),
    },
    cents={
        "R$": ("e", "centavo", "centavos"),
        "BRL": ("e", "centavo", "centavos"),
        "$": ("e", "centavo", "centavos"),
        "US$": ("e", "centavo", "centavos"),
        "€": ("e", "centavo", "centavos"),
        "£": ("e", "pêni", "pence"),
    },
    scales={
        "milhões": "milhões de",
        "milhão": "milhão de",
        "bilhões": "bilhões de",
        "bilhão": "bilhão de",
        "mil": "mil",
        "mi": "milhões de",
        "bi": "bilhões de",
    },
    units=units(
        "km:quilômetro,m:metro,cm:centímetro,mm:milímetro,kg:quilo,g:grama,mg:miligrama,l:litro,L:litro,ml:mililitro,"
        "km/h:quilômetro por hora|quilômetros por hora,m/s:metro por segundo|metros por segundo,°C:grau Celsius"
        "|graus Celsius,ºC:grau Celsius|graus Celsius,°:grau|graus,"
        "km²:quilômetro quadrado|quilômetros quadrados,m²:metro quadrado|metros quadrados,"
        "m³:metro cúbico|metros cúbicos,ha:hectare,"
        "GB:gigabyte,MB:megabyte,kW:quilowatt,W:watt,min:minuto,s:segundo,Hz:hertz|hertz"
    ),
    symbols={
        r"(?<=\S)\s?&\s?(?=\S)": "e",
        r"(?<=[\w\ue000])\s?\+\s?(?=[\w\ue000])": "mais",
        r"(?<=[\w\ue000])\s?=\s?(?=[\w\ue000])": "igual a",
        r"\s?×\s?": "vezes",
        r"\s?÷\s?": "dividido por",
        "°": "graus",
        "%": "por cento",
    },
    abbreviations={
        r"Srs\.": "senhores",
        r"Sr\.(?!\w)": "senhor",
        r"Sra\.(?!\w)": "senhora",
        r"Srta\.": "senhorita",
        r"Dr\.(?=\s[A-ZÀ-Ý])": "doutor",
        r"Dra\.(?=\s)": "doutora",
        r"D\.(?=\s[A-ZÀ-Ý][a-zà-ÿ])": "dona",
        r"Prof\.(?=\s)": "professor",
        r"Profa?\.ª?(?=\s)": "professora",
        r"etc\.": "et cetera",
        r"p\.\s?ex\.": "por exemplo",
        r"n[º°]\s?(?=[0-9])": "número ",
        r"n\.[º°]?\s?(?=[0-9])": "número ",
        r"págs?\.(?=\s?[0-9])": "página",
        r"p\.(?=\s?[0-9])": "página",
        r"cap\.(?=\s?[0-9IVX])": "capítulo",
        r"Av\.(?=\s)": "avenida",
        r"R\.(?=\s[A-ZÀ-Ý][a-zà-ÿ])": "rua",
        r"a\.\s?C\.": "antes de Cristo",
        r"d\.\s?C\.": "depois de Cristo",
        r"tel\.": "telefone",
    },
    marks={
        ".": "ponto",
        "/": "barra",
        "@": "arroba",
        "-": "hífen",
        "_": "sublinhado",
        "?": "interrogação",
        "=": "igual",
        "&": "e",
        "#": "cerquilha",
        "%": "por cento",
        ":": "dois pontos",
        "+": "mais",
        "~": "til",
        ",": "vírgula",
    },
    agree=_pt_agree,
    ordinals=(
        (
            re.compile(r"(?<!\w)([0-9]{1,3})\.?([ºª°])(?!\w|\s?C\b)"),
            lambda match: _pt_nth(int(match[1]), feminine=match[2] == "ª"),
        ),
    ),
    chapters="cap[ií]tulo|parte|livro|tomo|ato|cena|volume|guerra\\smundial|séculos?",
    kings=lambda number: ordinal(number, "pt_BR") if number < 11 else _pt(number),
)


def _pt_nth(number: int, *, feminine: bool) -> str:
    said = ordinal(number, "pt_BR")
    return " ".join(f"{word[:-1]}a" for word in said.split()) if feminine else said
