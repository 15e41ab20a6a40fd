"""Tables of English names of currencies and units, by symbol. Knows no rules."""

from tasks.normalise.tables import squared

CURRENCIES = {
    "$": ("dollar", "dollars"), "US$": ("U.S dollar", "U.S dollars"), "C$": ("Canadian dollar", "Canadian dollars"),
    "CA$": ("Canadian dollar", "Canadian dollars"), "A$": ("Australian dollar", "Australian dollars"),
    "AU$": ("Australian dollar", "Australian dollars"), "NZ$": ("New Zealand dollar", "New Zealand dollars"),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars"), "R$": ("real", "reais"), "£": ("pound", "pounds"),
    "€": ("euro", "euros"), "¥": ("yen", "yen"), "₹": ("rupee", "rupees"), "₩": ("won", "won"),
    "₽": ("rouble", "roubles"), "₺": ("lira", "lira"), "₪": ("shekel", "shekels"), "₫": ("dong", "dong"),
    "฿": ("baht", "baht"), "₴": ("hryvnia", "hryvnias"), "₦": ("naira", "naira"), "₱": ("peso", "pesos"),
    "₿": ("bitcoin", "bitcoins"), "¤": ("unit", "units"), "CHF": ("Swiss franc", "Swiss francs"),
    "CN¥": ("yuan", "yuan"),
}  # fmt: skip
"""Singular and plural, by symbol."""
ISO = {
    "USD": "US$", "EUR": "€", "GBP": "£", "JPY": "¥", "CHF": "CHF", "CNY": "CN¥", "RMB": "CN¥", "INR": "₹",
    "AUD": "A$", "CAD": "C$", "NZD": "NZ$", "BRL": "R$",
}  # fmt: skip
SUBUNITS = {
    **dict.fromkeys(
        (
            "dollar",
            "U.S dollar",
            "Canadian dollar",
            "Australian dollar",
            "New Zealand dollar",
            "Hong Kong dollar",
            "euro",
        ),
        ("cent", "cents", True),
    ),
    "pound": ("penny", "pence", False),
    "rupee": ("paisa", "paise", True),
    "real": ("centavo", "centavos", True),
    "Swiss franc": ("centime", "centimes", True),
}
"""By the currency's name: its hundredth part, and whether that is named after the whole: two pounds fifty."""


def _plain(names: str) -> dict[str, tuple[str, str]]:
    pairs = (line.split(":") for line in names.split(","))
    return {symbol.strip(): (name.strip(), f"{name.strip()}s") for symbol, name in pairs}


def _per(symbol: str, name: str, plural: str = "") -> dict[str, tuple[str, str]]:
    first, _, rest = name.partition(" ")
    return {symbol: (name, plural or f"{first}s {rest}".strip())}


_SPEEDS = {
    **_per("km/h", "kilometer per hour"), **_per("kmh", "kilometer per hour"), **_per("kph", "kilometer per hour"),
    **_per("mph", "mile per hour"), **_per("m/s", "meter per second"), **_per("km/s", "kilometer per second"),
    **_per("m/s²", "meter per second squared"), **_per("ft/s", "foot per second", "feet per second"),
    **_per("mpg", "mile per gallon"), **_per("rpm", "revolution per minute"), **_per("fps", "frame per second"),
    **_per("bpm", "beat per minute"), **_per("kbps", "kilobit per second"), **_per("Mbps", "megabit per second"),
    **_per("Gbps", "gigabit per second"), **_per("Mbit/s", "megabit per second"), **_per("kB/s", "kilobyte per second"),
    **_per("MB/s", "megabyte per second"), **_per("GB/s", "gigabyte per second"), **_per("g/l", "gram per liter"),
    **_per("mg/l", "milligram per liter"), **_per("mg/dL", "milligram per deciliter"),
    **_per("kg/m³", "kilogram per cubic meter"),
    **_per("g/cm³", "gram per cubic centimeter"), **_per("kWh/h", "kilowatt hour per hour"),
    **_per("ppm", "part per million"), **_per("ppb", "part per billion"), **_per("dpi", "dot per inch"),
    **_per("°C", "degree Celsius"), **_per("°F", "degree Fahrenheit"), **_per("° C", "degree Celsius"),
    **_per("° F", "degree Fahrenheit"),
    **_per("°", "degree"), **_per("ºC", "degree Celsius"), **_per("ºF", "degree Fahrenheit"),
}  # fmt: skip
_AREAS = {
    symbol: (f"{word} {name}", f"{word} {plural}")
    for unit, name, plural in (
        ("km", "kilometer", "kilometers"), ("m", "meter", "meters"), ("cm", "centimeter", "centimeters"),
        ("mm", "millimeter", "millimeters"), ("mi", "mile", "miles"), ("ft", "foot", "feet"), ("in", "inch", "inches"),
        ("yd", "yard", "yards"),
    )
    for word, marks in (("square", ("{}²", "{}^2", "sq {}", "sq. {}")), ("cubic", ("{}³", "{}^3", "cu {}", "cu. {}")))
    for symbol in (mark.format(unit) for mark in marks)
}  # fmt: skip
UNITS = {
    **_plain(
        "km:kilometer,cm:centimeter,mm:millimeter,µm:micrometer,μm:micrometer,nm:nanometer,mi:mile,yd:yard,yds:yard,"
        "kg:kilogram,kgs:kilogram,mg:milligram,µg:microgram,μg:microgram,mcg:microgram,lb:pound,lbs:pound,oz:ounce,"
        "ml:milliliter,mL:milliliter,cl:centiliter,dl:deciliter,dL:deciliter,gal:gallon,sec:second,secs:second,"
        "ms:millisecond,µs:microsecond,μs:microsecond,ns:nanosecond,mins:minute,hr:hour,hrs:hour,"
        "kW:kilowatt,MW:megawatt,GW:gigawatt,mW:milliwatt,kWh:kilowatt hour,MWh:megawatt hour,GWh:gigawatt hour,"
        "Wh:watt hour,mV:millivolt,kV:kilovolt,mA:milliamp,mAh:milliamp hour,Ah:amp hour,kJ:kilojoule,MJ:megajoule,"
        "kcal:kilocalorie,Pa:pascal,kPa:kilopascal,hPa:hectopascal,MPa:megapascal,KB:kilobyte,kB:kilobyte,"
        "MB:megabyte,GB:gigabyte,TB:terabyte,PB:petabyte,KiB:kibibyte,"
            "MiB:mebibyte,GiB:gibibyte,TiB:tebibyte,Mb:megabit,"
        "Gb:gigabit,kb:kilobit,dB:decibel,px:pixel,ha:hectare,tsp:teaspoon,tbsp:tablespoon,mol:mole,qt:quart,"
        "MP:megapixel,wk:week,wks:week,yr:year,yrs:year,hp:horsepower"
    ),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "THz": ("terahertz", "terahertz"), "hp": ("horsepower", "horsepower"),
    "ft": ("foot", "feet"), "psi": ("P.S.I", "P.S.I"), "cc": ("C.C", "C.C"),
    "kn": ("knot", "knots"), "min": ("minute", "minutes"),
    **_SPEEDS,
    **_AREAS,
}  # fmt: skip
"""Singular and plural, by symbol, which may follow a number with or without a blank."""
WEAK_UNITS = _plain("t:tonne,s:second,K:kelvin,J:joule")
"""Single letters, which are units only after a blank."""
UNITS |= _plain("g:gram,l:liter,L:liter,W:watt,V:volt,m:meter,h:hour")
UNITS["in."] = ("inch", "inches")
UNITS = squared(UNITS)
