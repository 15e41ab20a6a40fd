"""Where sentences end, and where they only seem to end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.segmenting.sentences import sentences


def cut(text: str, language: str = "en-us") -> list[str]:
    return [text[span.start : span.end] for span in sentences(text, 0, len(text), language)]


@pytest.mark.parametrize(
    "wanted",
    [
        ["Dr. Who came.", "He left."],
        ["1. item one.", "2. item two."],
        ["He was 42.", "She was 39."],
        ["It is at 10.30.", "Bring a pen."],
        ["See vol. 2 of it.", "It is No. 5 on p. 3."],
        ["“I am here. Where are you?” she asked.", "He left."],
        ["“You!” he said.", "“Me?” said she."],
        ["It rose at 5 p.m. and set.", "Nobody saw it."],
    ],
)
def test_a_paragraph_is_cut_at_its_sentence_ends(wanted: list[str]) -> None:
    assert cut(" ".join(wanted)) == wanted


@pytest.mark.parametrize(
    ("language", "wanted", "joint"),
    [
        ("es", ["Trabaja en el n.º 5.", "Abre a las 9 a. m. los lunes."], " "),
        ("es", ["—¿Vienes? —preguntó Luis.", "Nadie contestó."], " "),
        ("fr-fr", ["« Viens. Vite ! » dit-il.", "M. Dupont partit."], " "),
        ("hi", ["“रुको! कौन है?” उसने पूछा।", "डॉ. शर्मा चुप रहे।"], " "),
        ("ja", ["「行くぞ。早く。」と彼は言った。", "雨が降った。"], ""),
        ("zh", ["“好吧，”他说，“我去。”", "门开了。"], ""),
        ("zh", ["他说：“走吧。快点！”", "没有人动。"], ""),
    ],
)
def test_other_languages_have_their_own_sentence_ends(language: str, wanted: list[str], joint: str) -> None:
    assert cut(joint.join(wanted), language) == wanted


@given(st.text(max_size=200), st.sampled_from(["en-us", "es", "hi", "zh"]))
def test_between_sentences_there_are_only_blanks(text: str, language: str) -> None:
    spans = list(sentences(text, 0, len(text), language))
    assert "".join("".join(text[span.start : span.end].split()) for span in spans) == "".join(text.split())
    assert all(one.end <= other.start for one, other in pairwise(spans))


def test_a_paragraph_of_any_length_has_the_same_sentences_as_its_parts() -> None:
    told = ["He waited.", "“Who is there?” she asked.", "“I do not know. It is late.”", "Mr. Smith paid 3.5%."]
    paragraph = " ".join(told * 120)
    found = [paragraph[one.start : one.end] for one in sentences(paragraph, 0, len(paragraph), "en-us")]
    short = " ".join(told * 3)
    expected = [short[one.start : one.end] for one in sentences(short, 0, len(short), "en-us")]
    assert found == expected[: len(expected) // 3] * 120
