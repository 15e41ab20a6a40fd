"""How often English words that are written alike are told apart: benchmarks/text/homographs.tsv, with this tagger.

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
    """One sentence, one word in it, how it sounds there."""

    sentence: str
    at: int
    word: str
    sound: str

    @property
    def heard(self) -> str:
        """How it is said."""
        told = explain(self.sentence, "en-us")
        for word in told.words:
            source = told.reading.source(word.start, word.end)
            if source.start <= self.at < source.end:
                return word.phonemes
        return ""

    @property
    def right(self) -> bool:
        """Whether that is how it sounds there."""
        return self.heard == self.sound


def cases(path: Path) -> list[Case]:
    """The sentences of a file: the sound, a tab, the sentence with its word between asterisks."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        sound, sentence = line.split("\t")
        match = _TARGET.search(sentence)
        if match is None:
            raise SystemExit(f"{path}: {line!r} marks no word.")
        plain = _TARGET.sub(r"\1", sentence)
        found.append(Case(sentence=plain, at=match.start(), word=match[1], sound=sound))
    return found


def marks_kept(sentence: str) -> bool:
    """Whether each mark of a sentence is heard, in its place."""
    marks = re.sub(r'[^,.;:!?—…“”"()]', "", sentence)
    return re.sub(r"[^,.;:!?—…“”()]", "", phonemize(sentence, "en-us").text) == re.sub('"(.*?)"', r"“\1”", marks)


def money_right(line: str) -> bool:
    """Whether a sum is said as it is written out beside it."""
    written, said = line.split("\t")
    return phonemize(written, "en-us").text == phonemize(said, "en-us").text


def main() -> None:
    """Print the table, and with --wrong what is not told apart."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?", type=Path, default=HERE / "homographs.tsv")
    parser.add_argument("--wrong", action="store_true")
    asked = parser.parse_args()
    found = cases(asked.file)
    rest = [case for case in found if case.word.lower() in CLOSED]
    alike = [case for case in found if case.word.lower() not in CLOSED]
    money = (HERE / "currency.tsv").read_text("utf-8").splitlines()
    rows = [
        ("homographs", [case.right for case in alike]),
        ("a, an, the, to, in, I, that", [case.right for case in rest]),
        ("marks in these sentences", [marks_kept(case.sentence) for case in found]),
        ("sums of money", [money_right(line) for line in money]),
    ]
    print(f"tagger: {tagger_choice.name()}; {asked.file.name}")
    for name, right in rows:
        print(f"{name:30} {sum(right):4} of {len(right):4}  {sum(right) / max(len(right), 1):7.1%}")
    if asked.wrong:
        for case in found:
            if not case.right:
                print(f"  {case.word}: {case.heard} for {case.sound} in {case.sentence}")
        print("\n".join(case.sentence for case in found if not marks_kept(case.sentence)))
        print("\n".join(line for line in money if not money_right(line)))


if __name__ == "__main__":
    main()
