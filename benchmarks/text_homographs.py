"""Measures how often English homographs get the right pronunciation, with benchmarks/text/homographs.tsv.

.venv/bin/python benchmarks/text_homographs.py [--wrong] [FILE]
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from tasks.phonemes import tagger_choice
from tasks.phonemes.phonemize import explain, phonemize

HERE = Path(__file__).parent / "text"
CLOSED = frozenset(("a", "an", "the", "to", "in", "i", "that"))
_TARGET = re.compile(r"\*([^*]+)\*")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A sentence, a word in it, and its pronunciation there."""

    sentence: str
    at: int
    word: str
    sound: str

    @property
    def spoken(self) -> str:
        """The phonemes that Chorus gives the word."""
        explanation = explain(self.sentence, "en-us")
        for word in explanation.words:
            source = explanation.reading.source(word.start, word.end)
            if source.start <= self.at < source.end:
                return word.phonemes
        return ""

    @property
    def right(self) -> bool:
        """Whether these are the expected phonemes."""
        return self.spoken == self.sound


def cases(path: Path) -> list[Case]:
    """The cases of a file; a line has the phonemes, a tab, and the sentence with the word between asterisks."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        sound, sentence = line.split("\t")
        match = _TARGET.search(sentence)
        if match is None:
            raise SystemExit(f"{path}: put a word of this line between asterisks: {line!r}")
        plain = _TARGET.sub(r"\1", sentence)
        found.append(Case(sentence=plain, at=match.start(), word=match[1], sound=sound))
    return found


def marks_kept(sentence: str) -> bool:
    """Whether the phonemes of a sentence keep all its punctuation marks, in order."""
    marks = re.sub(r'[^,.;:!?—…“”"()]', "", sentence)
    return re.sub(r"[^,.;:!?—…“”()]", "", phonemize(sentence, "en-us").text) == re.sub('"(.*?)"', r"“\1”", marks)


def money_right(line: str) -> bool:
    """Whether a sum of money gets the phonemes of the words beside it."""
    written, words = line.split("\t")
    return phonemize(written, "en-us").text == phonemize(words, "en-us").text


def main() -> None:
    """Print the table, and with --wrong the cases that are wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=HERE / "homographs.tsv",
        help="a file of sentences (default: homographs.tsv)",
    )
    parser.add_argument("--wrong", action="store_true", help="print the cases that are wrong")
    given = parser.parse_args()
    found = cases(given.file)
    rest = [case for case in found if case.word.lower() in CLOSED]
    alike = [case for case in found if case.word.lower() not in CLOSED]
    money = (HERE / "currency.tsv").read_text("utf-8").splitlines()
    rows = [
        ("homographs", [case.right for case in alike]),
        ("a, an, the, to, in, I, that", [case.right for case in rest]),
        ("marks in these sentences", [marks_kept(case.sentence) for case in found]),
        ("sums of money", [money_right(line) for line in money]),
    ]
    print(f"tagger: {tagger_choice.name()}; {given.file.name}")
    for name, right in rows:
        print(f"{name:30} {sum(right):4} of {len(right):4}  {sum(right) / max(len(right), 1):7.1%}")
    if given.wrong:
        for case in found:
            if not case.right:
                print(f"  {case.word}: {case.spoken} instead of {case.sound} in {case.sentence}")
        print("\n".join(case.sentence for case in found if not marks_kept(case.sentence)))
        print("\n".join(line for line in money if not money_right(line)))


if __name__ == "__main__":
    main()
