"""A sentence as it is said, before any phonemizer sees it: every character of it knows what it was written as.

Knows no phonemes, no documents and no segments.
"""

import re

from tasks.normalise import formats, layout, tongues
from tasks.normalise import say_as as told
from tasks.normalise.english import BUSY, english
from tasks.normalise.english_capitals import capitals, in_capitals
from tasks.normalise.rewriting import Reading, Rewriting, Rule, SourcedStretch

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
    """What is said for a sentence, or for a stretch of one.

    `as_written` leaves kinds of chorus.reading.NORMALISED to the dictionaries. `say_as` is how SSML wants all of the
    text to be read, `characters` or `date:dmy` for two. What no rule knows stays as it is.
    """
    draft = Rewriting(plain=layout.plain(text))
    told_apart = bool(say_as) and _as_told(draft, language, say_as)
    draft.apply(layout.DIGITS)
    if not told_apart and (heading or say_as or BUSY.search(draft.plain) or not language.startswith("en")):
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
    return tongues.rules(language, heading=heading)


def _as_told(draft: Rewriting, language: str, how: str) -> bool:
    """Read all of it in one way; False where the usual rules know as much."""
    body = draft.plain.strip()
    if not body:
        return False
    said = _time_told(body, language, how) if how.startswith("time:") else told.said(body, language, how)
    if said is None:
        return False
    start = len(draft.plain) - len(draft.plain.lstrip())
    draft.claim([(start, start + len(body), said)])
    return True


def _time_told(text: str, language: str, how: str) -> str | None:
    """A time on the face that is wanted, in the words of the usual rules."""
    written = formats.clock(text, how.partition(":")[2], language)
    return normalise(written, language).text if written else None
