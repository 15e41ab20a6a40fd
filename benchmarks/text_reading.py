"""Measures how well texts are cut into sentences and normalised, with the test sets in benchmarks/text.

.venv/bin/python benchmarks/text_reading.py [--failures dev|held|all]
"""

import argparse
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from tasks.normalise import normalise
from tasks.segmenting.sentences import sentences

_SETS = Path(__file__).parent / "text"
_CHOICE = re.compile(r"\{([^{}]*)\}")
_WORDLESS = ("ja", "zh")


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A text and its expected reading."""

    kind: str
    language: str
    heading: bool
    written: str
    said: str
    held: bool
    """Whether it is held out, that is, not used while working on the rules."""


def cases() -> list[Case]:
    """All cases; every second case of a language and kind is held out."""
    found, seen = [], Counter[tuple[str, str]]()
    for line in (_SETS / "normalisation.tsv").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        kind, language, written, said = line.split("\t")
        code = language.rstrip("#")
        seen[code, kind] += 1
        held = seen[code, kind] % 2 == 0
        found.append(Case(kind=kind, language=code, heading=code != language, written=written, said=said, held=held))
    return found


def right(case: Case) -> bool:
    """Whether the text is read in one of the allowed ways."""
    got = normalise(case.written, case.language, heading=case.heading).text
    return _bare(got, case.language) in {_bare(way, case.language) for way in _ways(case.said)}


def _ways(said: str) -> Iterator[str]:
    choice = _CHOICE.search(said)
    if choice is None:
        yield said
        return
    # A choice may contain another one: expand the innermost braces first.
    for way in choice[1].split("|"):
        yield from _ways(f"{said[: choice.start()]}{way}{said[choice.end() :]}")


def _bare(text: str, language: str) -> str:
    """The text without case, punctuation and hyphens, which do not matter for this comparison."""
    text = unicodedata.normalize("NFC", text).lower().replace("per cent", "percent")
    kept = (char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in text)
    return ("" if language in _WORDLESS else " ").join("".join(kept).split())


@dataclass(frozen=True, kw_only=True, slots=True)
class Boundaries:
    """The numbers of sentence boundaries inside paragraphs: `both` were found and expected."""

    both: int
    found: int
    wanted: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.both / (self.found + self.wanted) if self.found + self.wanted else 1.0


def paragraphs(name: str = "sentences.txt") -> Iterator[tuple[str, tuple[str, ...]]]:
    """The language and the sentences of each paragraph."""
    language, held = "", []
    for line in [*(_SETS / name).read_text("utf-8").splitlines(), ""]:
        if line.startswith(("#", "==")):
            language = line.removeprefix("== ") if line.startswith("==") else language
        elif line:
            held.append(line)
        elif held:
            yield language, tuple(held)
            held = []


def boundaries(language: str, wanted: tuple[str, ...]) -> Boundaries:
    """Compare the boundaries in a paragraph with the expected ones; the end of the paragraph does not count."""
    text = ("" if language in _WORDLESS else " ").join(wanted)
    at, right_ends = 0, set()
    for sentence in wanted[:-1]:
        at = text.index(sentence, at) + len(sentence)
        right_ends.add(at)
    found = {span.end for span in sentences(text, 0, len(text), language)} - {len(text)}
    return Boundaries(both=len(found & right_ends), found=len(found), wanted=len(right_ends))


def summed(parts: Iterable[Boundaries]) -> Boundaries:
    """The sums over several paragraphs."""
    listed = list(parts)
    return Boundaries(
        both=sum(part.both for part in listed),
        found=sum(part.found for part in listed),
        wanted=sum(part.wanted for part in listed),
    )


def share(found: Iterable[Case]) -> float:
    """The share of the cases that are read correctly."""
    listed = list(found)
    return sum(map(right, listed)) / len(listed) if listed else float("nan")


def _table(name: str, groups: dict[str, list[Case]]) -> None:
    print(f"\n{name:<16} cases   all  tuned   held")
    for group, found in groups.items():
        halves = (share(case for case in found if case.held is held) for held in (False, True))
        print(f"{group:<16} {len(found):5} {100 * share(found):5.1f}", *(f"{100 * half:6.1f}" for half in halves))


def _grouped(found: list[Case], field: str) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = {}
    for case in found:
        groups.setdefault(getattr(case, field), []).append(case)
    return groups


def _print_sentences(name: str, *, failures: bool) -> Boundaries:
    by_language: dict[str, list[Boundaries]] = {}
    for language, cut in paragraphs(name):
        result = boundaries(language, cut)
        by_language.setdefault(language, []).append(result)
        if failures and result.f1 < 1:
            text = ("" if language in _WORDLESS else " ").join(cut)
            print("   ", [text[span.start : span.end] for span in sentences(text, 0, len(text), language)])
    for language, parts in by_language.items():
        print(f"{language:<16} {len(parts):10} {summed(parts).wanted:10} {summed(parts).f1:6.3f}")
    return summed(part for parts in by_language.values() for part in parts)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--failures", choices=("dev", "held", "all"), help="print the wrong cases of this part of the set"
    )
    wanted = parser.parse_args().failures
    print("sentences        paragraphs boundaries     F1")
    first = _print_sentences("sentences.txt", failures=wanted in ("dev", "all"))
    later = _print_sentences("sentences_later.txt", failures=wanted in ("held", "all"))
    for name, total in (("first set", first), ("later set", later)):
        print(f"{name:<16} {'':10} {total.wanted:10} {total.f1:6.3f}")
    found = cases()
    english = [case for case in found if case.language.startswith("en")]
    _table("English", {**_grouped(english, "kind"), "all English": english})
    _table("language", {**_grouped(found, "language"), "all": found})
    for case in found:
        if wanted and (wanted == "all" or case.held is (wanted == "held")) and not right(case):
            got = normalise(case.written, case.language, heading=case.heading).text
            print(f"{case.kind}\t{case.language}\t{case.written}\t{case.said}\t{got}")


if __name__ == "__main__":
    main()
