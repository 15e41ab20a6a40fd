"""How the time of a function grows with the length of what it is given. Knows no parser.

A time is a process's own, the least of several, and only its ratio to another counts, never its seconds.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from re import _constants as names
from re import _parser as parsing
from typing import Any, Final

STEP: Final = 4
"""Each length is this many times the one before it."""
STEEPEST: Final = 9.0
"""What is linear takes STEP times as long for STEP times the length; what is quadratic sixteen times."""
LEAST_S: Final = 0.004
"""A shorter time is mostly chance."""
ENOUGH_S: Final = 0.15
"""What takes so long has shown how it grows."""
FIRST: Final = 1000
MANY: Final = names.MAXREPEAT


def seconds(function: Callable[[str], object], text: str, times: int = 2) -> float:
    """The least time of several calls."""
    taken: list[float] = []
    for _ in range(times):
        began = time.process_time()
        function(text)
        taken.append(time.process_time() - began)
    return min(taken)


def too_steep(function: Callable[[str], object], make: Callable[[int], str], longest: int = 300_000) -> str:
    """Why a function is not linear in what `make` gives for a length; empty if it is."""
    length, before = FIRST, 0.0
    while length <= longest:
        now = seconds(function, make(length), 1)
        # Measured again, and more often: another process may have had the processor.
        if before > LEAST_S and now > STEEPEST * before:
            before = seconds(function, make(length // STEP), 5)
            now = seconds(function, make(length), 3)
            if now > STEEPEST * before:
                return f"{now / before:.0f} times as long for {STEP} times the length, at {length} characters"
        if now > ENOUGH_S and before > LEAST_S:
            return ""
        length, before = length * STEP, now
    return ""


def repeated(part: str, before: str = "", behind: str = "") -> Callable[[int], str]:
    """Texts that repeat a part up to any length."""
    return lambda length: f"{before}{part * (length // len(part))}{behind}"


def attacks(pattern: "re.Pattern[str]") -> Iterator[tuple[str, str, str]]:
    """Texts that may make a pattern search long: what each of its loops repeats, with what it expects before it."""
    seen = set()
    tree = parsing.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    for before, body in _loops(list(tree), ""):
        for part in {body, body[:1] * 2, body[-1:]}:
            for behind in ("", "\0", body[:1] + "\n"):
                if part and (before, part, behind) not in seen:
                    seen.add((before, part, behind))
                    yield before, part, behind
        if before and (before + body) not in seen:
            seen.add(before + body)
            yield "", before + body, "\0"


def _loops(items: Iterable[Any], before: str) -> Iterator[tuple[str, str]]:
    """What stands before each loop of a pattern, and what the loop repeats."""
    for code, value in items:
        if code in (names.MAX_REPEAT, names.MIN_REPEAT, names.POSSESSIVE_REPEAT):
            least, most, body = value
            if most == MANY or most > 100:
                yield before, _example(body)
            yield from _loops(body, before)
            before += _example(body) * min(least, 3)
        elif code is names.SUBPATTERN:
            yield from _loops(value[-1], before)
            before += _example(value[-1])
        elif code is names.ATOMIC_GROUP:
            yield from _loops(value, before)
            before += _example(value)
        elif code is names.BRANCH:
            for branch in value[1]:
                yield from _loops(branch, before)
            before += _example(value[1][0])
        elif code in (names.ASSERT, names.ASSERT_NOT):
            yield from _loops(value[1], before)
        else:
            before += _sign(code, value)


def _example(items: Iterable[Any]) -> str:
    """A short text that a part of a pattern matches."""
    said = ""
    for code, value in items:
        if code in (names.MAX_REPEAT, names.MIN_REPEAT, names.POSSESSIVE_REPEAT):
            said += _example(value[2]) * max(1, min(value[0], 3))
        elif code is names.SUBPATTERN:
            said += _example(value[-1])
        elif code is names.ATOMIC_GROUP:
            said += _example(value)
        elif code is names.BRANCH:
            said += _example(value[1][0])
        else:
            said += _sign(code, value)
    return said


_CATEGORIES: Final = {
    names.CATEGORY_DIGIT: "1", names.CATEGORY_SPACE: " ", names.CATEGORY_WORD: "a", names.CATEGORY_NOT_SPACE: "a",
    names.CATEGORY_NOT_WORD: "-", names.CATEGORY_NOT_DIGIT: "a",
}  # fmt: skip


def _sign(code: Any, value: Any) -> str:
    """A sign that one step of a pattern matches; nothing for a place."""
    if code is names.LITERAL:
        return chr(value)
    if code is names.ANY:
        return "a"
    if code is names.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if code is names.IN:
        return _of_class(value)
    return ""


def _of_class(members: Any) -> str:
    if members[0][0] is names.NEGATE:
        return next((sign for sign in "a1 -.é" if not any(_holds(member, sign) for member in members[1:])), "")
    code, value = members[0]
    if code is names.RANGE:
        return chr(value[0])
    return _CATEGORIES.get(value, "a") if code is names.CATEGORY else chr(value)


def _holds(member: Any, sign: str) -> bool:
    code, value = member
    if code is names.LITERAL:
        return bool(ord(sign) == value)
    if code is names.RANGE:
        return bool(value[0] <= ord(sign) <= value[1])
    return {"1": "DIGIT WORD", " ": "SPACE", "a": "WORD", "é": "WORD"}.get(sign, "").find(
        str(value).split("_")[-1]
    ) >= 0
