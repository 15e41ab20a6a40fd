"""Numbers the items of an ordered list as a browser shows them. Knows no markup except the list's attributes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_HIGHEST = 1_000_000
_LETTERS = 26
_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
          (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
_MOST_ROMAN = 3999
_UNMARKED = re.compile(r"list-style(?:-type)?\s*:[^;]*\bnone\b")


@dataclass(kw_only=True, slots=True)
class Numbering:
    """The state of an ordered list: its next number and its form."""

    number: int = 1
    step: int = 1
    form: str = "1"
    """As in HTML's `type`: `1`, `a`, `A`, `i` or `I`; empty for no numbers."""

    @classmethod
    def of(cls, attributes: Mapping[str, str | None], items: int) -> "Numbering":
        """The numbering that an <ol> states."""
        if _UNMARKED.search(attributes.get("style") or ""):
            return cls(form="")
        back = "reversed" in attributes
        return cls(
            number=_number(attributes.get("start"), items if back else 1),
            step=-1 if back else 1,
            form=form if (form := attributes.get("type") or "1") in {"1", "a", "A", "i", "I"} else "1",
        )

    def next(self, value: str | None) -> str:
        """The number before the next item, such as `3. `; empty if there are no numbers."""
        number = _number(value, self.number)
        self.number = number + self.step
        return f"{written(number, self.form)}. " if self.form else ""


def _number(text: str | None, otherwise: int) -> int:
    if text is None or not re.fullmatch(r"\s*-?\d{1,6}\s*", text):
        return otherwise
    return max(-_HIGHEST, min(_HIGHEST, int(text)))


def written(number: int, form: str) -> str:
    """A number as a list of this form shows it."""
    if form in {"a", "A"} and 0 < number <= _LETTERS:
        return chr(ord(form) + number - 1)
    if form in {"i", "I"} and 0 < number <= _MOST_ROMAN:
        roman = _roman(number)
        return roman if form == "I" else roman.lower()
    return str(number)


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        written += letters * count
    return written
