"""Rewrites a sentence as it is read aloud: numbers, dates and symbols become words, which keep their place in the text.

Knows no phonemes, no documents and no segments.
"""

import re

from tasks.normalise import formats, layout, rules_by_language
from tasks.normalise.english import BUSY, english
from tasks.normalise.english_capitals import capitals, in_capitals
from tasks.normalise.rewriting import Reading, Rewriting, Rule, SourcedStretch
from tasks.normalise.say_as import read_as

__all__ = ["Reading", "SourcedStretch", "normalise"]

_DIGIT = re.compile(r"[0-9]")


def normalise(
    text: str,
    language: str,
    *,
    heading: bool = False,
    as_written: frozenset[str] = frozenset(),
    say_as: str = "",
) -> Reading:
    """The reading of a sentence, or of a stretch of one.

    `as_written` names kinds of chorus.reading.NORMALISED that are left to the dictionaries. `say_as` is the way in
    which SSML asks to read the whole text, for example `characters` or `date:dmy`. Text that no rule matches stays.
    """
    draft = Rewriting(plain=layout.plain(text))
    read_as_asked = bool(say_as) and _read_as(draft, language, say_as)
    draft.apply(layout.DIGITS)
    if not read_as_asked and (heading or say_as or BUSY.search(draft.plain) or not language.startswith("en")):
        _rewrite(draft, language, heading=heading, as_written=as_written)
    layout.tidy(draft)
    return draft.reading(stopped=heading)


def _rewrite(draft: Rewriting, language: str, *, heading: bool, as_written: frozenset[str]) -> None:
    digits = _DIGIT.search(draft.plain) is not None
    for rule in _rules(language, heading=heading):
        if digits or rule.needs != "digits":
            draft.apply(rule, as_written=rule.kind in as_written)
    if heading:
        draft.apply(layout.TITLE_LINE)
    if language.startswith("en") and "capitals" not in as_written and in_capitals(draft.open, heading=heading):
        draft.claim(list(capitals(draft.open)))


def _rules(language: str, *, heading: bool) -> tuple[Rule, ...]:
    if language.startswith("en"):
        return english(british=language == "en-gb", heading=heading)
    return rules_by_language.rules(language, heading=heading)


def _read_as(draft: Rewriting, language: str, how: str) -> bool:
    """Read all of the text in the way that SSML asks for; False if the usual rules do the same."""
    body = draft.plain.strip()
    if not body:
        return False
    said = _time(body, language, how) if how.startswith("time:") else read_as(body, language, how)
    if said is None:
        return False
    start = len(draft.plain) - len(draft.plain.lstrip())
    draft.claim([(start, start + len(body), said)])
    return True


def _time(text: str, language: str, how: str) -> str | None:
    """A time in the requested format, on a 12 or 24 hour clock, in the words of the usual rules."""
    written = formats.clock(text, how.partition(":")[2], language)
    return normalise(written, language).text if written else None
