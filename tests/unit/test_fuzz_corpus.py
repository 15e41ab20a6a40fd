"""What a fuzzer found once, and the inputs it starts from, keep the law of tests/fuzz/parsers.py."""

import importlib.util
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz"
sys.path.insert(0, str(FUZZ))
import parsers  # noqa: E402 -- it stands beside the fuzzer
from seeds import SEEDS, seeds  # noqa: E402

CORPUS = list(parsers.corpus())


@pytest.mark.parametrize(("parser", "path"), CORPUS, ids=[f"{parser}-{path.name}" for parser, path in CORPUS])
def test_what_a_fuzzer_found_keeps_the_law(parser: str, path: Path) -> None:
    parsers.check(parser, path.read_bytes())


@pytest.mark.parametrize("parser", parsers.PARSERS)
def test_the_fuzzer_starts_from_ordinary_inputs_for_every_parser(parser: str) -> None:
    assert SEEDS.keys() == parsers.PARSERS.keys()
    for seed in seeds(parser):
        parsers.check(parser, seed)


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (parsers.ChorusError("hostile.txt is\nno text"), "several lines"),
        (parsers.ChorusError("hostile.txt \x1b is no text"), "several lines"),
        (parsers.ChorusError(""), "several lines"),
        (parsers.ChorusError("it is no text"), "without the name"),
        (parsers.ChorusError("hostile" * 500), "3500 characters"),
    ],
)
def test_a_message_that_breaks_the_law_is_noticed(raised: Exception, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(_data: bytes) -> None:
        raise raised

    monkeypatch.setitem(parsers.PARSERS, "text", raises)  # type: ignore[arg-type]
    with pytest.raises(parsers.LawBrokenError, match=why):
        parsers.check("text", b"")


def test_any_other_error_breaks_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(parsers.PARSERS, "text", lambda data: data.index(b"x"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not found"):
        parsers.check("text", b"")
    assert importlib.util.find_spec("guided")
