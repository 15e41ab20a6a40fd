"""Every regular expression of ours, with texts made of its own loops: none searches with the square of the length."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import growth
import pytest

import chorus
import tasks.documents
import tasks.normalise
import tasks.phonemes
import tasks.segmenting
from tasks.normalise import _rules

ROOMS = (tasks.documents, tasks.normalise, tasks.phonemes, tasks.segmenting, chorus)
LANGUAGES = ("en-us", "en-gb", "es", "fr-fr", "it", "pt-br", "hi", "ja", "zh")
MATCHED_ONCE = {"chorus.options._ADDRESS"}
"""Those that are only tried at the beginning of a text."""


def _patterns() -> Iterator[tuple[str, "re.Pattern[str]"]]:
    for room in ROOMS:
        for found in pkgutil.iter_modules(room.__path__):
            yield from _of_module(importlib.import_module(f"{room.__name__}.{found.name}"))
    for language in LANGUAGES:
        for heading in (False, True):
            for at, rule in enumerate(_rules(language, heading=heading)):
                yield f"{language} {rule.kind} {at}{' heading' * heading}", rule.pattern


def _of_module(module: ModuleType) -> Iterator[tuple[str, "re.Pattern[str]"]]:
    for name, value in vars(module).items():
        listed = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else [value]
        for one in listed:
            if isinstance(one, re.Pattern) and isinstance(one.pattern, str):
                yield f"{module.__name__}.{name}", one


PATTERNS = {(one.pattern, one.flags): (name, one) for name, one in _patterns() if name not in MATCHED_ONCE}


@pytest.mark.parametrize("pattern", [one for _, one in PATTERNS.values()], ids=[name for name, _ in PATTERNS.values()])
def test_a_regular_expression_is_linear_in_texts_made_of_its_own_loops(pattern: "re.Pattern[str]") -> None:
    def search(text: str) -> None:
        for _ in pattern.finditer(text):
            pass

    for before, part, behind in list(growth.attacks(pattern))[:80]:
        make = growth.repeated(part, before, behind)
        why = growth.too_steep(search, make, 40_000) if growth.seconds(search, make(10_000), 1) > growth.LEAST_S else ""
        assert why == "", f"{before!r} {part!r}… {behind!r}"
