"""Entries of a lexicon and marks of a document in a sentence: which applies, where, and in which language."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.documents.model import Mark, MarkKind
from tasks.phonemes.phonemize import Explained, Rules, explain, phonemize

LEXICON = json.dumps({
    "": {"hermione": "/həɹmˈIəni/", "SQL": "sequel", "sql": "squeal", "New York": "/nu jˈɔɹk/", "york": "/jˈɑk/",
         "C++": "see plus plus", "James": "/ʤˈAmz/", "it's": "/ɪts/", "naïve": "/nɑˈiv/"},
    "en-gb": {"Bath": "/bˈɑːθ/"},
    "fr-fr": {"Paris": "/paʁˈi/"},
    "ja": {"日本": "/ɲihˈon/"},
})  # fmt: skip


def said(text: str, language: str = "en-us", lexicon: str = LEXICON) -> str:
    return phonemize(text, language, rules=Rules(lexicon=lexicon)).text


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Hermione HERMIONE hermione", "həɹmˈIəni həɹmˈIəni həɹmˈIəni"),
        ("SQL, sql.", "sˈikwəl, skwˈil."),
        ("New\nYork, York.", "nu jˈɔɹk, jˈɑk."),
        ("new york", "nˈu jˈɑk"),
        ("Yorkshire", None),
        ("C++ is old.", "sˈi plˈʌs plˈʌs ɪz ˈOld."),
        ("Hermione's cat and James’s", "həɹmˈIəniz kˈæt ænd ʤˈAmzᵻz"),
        ("It’s so.", "ɪts sˌO."),
        ("Naïve!", "nɑˈiv!"),
        ("Bath", None),
        ("(Hermione)", "(həɹmˈIəni)"),
        ("half-Hermione", "hˈæfhəɹmˈIəni"),
    ],
)
def test_the_lexicon_applies_to_whole_words_and_the_longest_match_wins(text: str, phonemes: str | None) -> None:
    assert said(text) == (said(text, lexicon="") if phonemes is None else phonemes)


def test_a_lexicon_entry_for_one_language_applies_to_no_other() -> None:
    assert said("Bath", "en-gb") == "bˈɑːθ"
    assert said("Paris", "fr-fr") == "paʁˈi"
    assert said("Paris") == said("Paris", lexicon="")


def test_plain_ipa_is_converted_to_the_models_symbols() -> None:
    plain = json.dumps({"": {"x": "/ˈtʃɜːtʃ.həʊm/"}})
    assert said("x", "en-gb", plain) == "ʧˈɜːʧhQm"
    assert said("x", "en-us", plain) == "ʧˈɜɹʧhQm"
    assert said("x", "es", plain) == "ʧˈɜːʧhQm"


def marked(text: str, *told: tuple[str, MarkKind, str]) -> tuple[Mark, ...]:
    return tuple(
        Mark(start=text.index(word), end=text.index(word) + len(word), kind=kind, value=value)
        for word, kind, value in told
    )


def by(explained: Explained) -> dict[str, str]:
    return {word.text: word.backend for word in explained.words if any(map(str.isalnum, word.text))}


@pytest.mark.parametrize(
    ("text", "told", "language", "phonemes"),
    [
        ("a tomato now", [("tomato", "phonemes", "təˈmɑːtəʊ")], "en-gb", "ɐ təmˈɑːtQ nˈW"),
        ("the WHO met", [("WHO", "say", "World Health Organization")], "en-us", "ðə wˈɜɹld hˈɛlθ ˌɔɹɡənəzˈAʃən mˈɛt"),
        ("un mot là", [("mot", "phonemes", "mˈo")], "fr-fr", "ˈœ̃ mˈo lˈa"),
        ("He said “bonjour” to the owl.", [("bonjour", "language", "fr")], "en-us", "hˌi sˈɛd “bɔ̃ʒˈuʁ” tə ði ˈWl."),
        ("Il dit «hello» encore.", [("hello", "language", "en-GB")], "fr-fr", "il dˈi “həlˈQ” ɑ̃kˈɔʁ."),
        ("¡Hola!", [("Hola", "language", "es-MX")], "en-us", "ˈola!"),
        ("the colour", [("colour", "language", "en-GB")], "en-us", "ðə kˈʌləɹ"),
        ("A B", [("A", "voice", "af_sky"), ("B", "rate", "1.2")], "en-us", "ɐ bˈi"),
        ("🙂 x", [("🙂", "phonemes", "smˈIl")], "en-us", "smˈIl ˈɛks"),
    ],
)
def test_a_mark_sets_the_pronunciation_of_its_stretch(
    text: str, told: list[tuple[str, MarkKind, str]], language: str, phonemes: str
) -> None:
    assert phonemize(text, language, marks=marked(text, *told)).text == phonemes


def test_a_mark_has_precedence_over_the_lexicon() -> None:
    text = "Hermione and James"
    explained = explain(
        text, "en-us", marks=marked(text, ("James", "phonemes", "hˈAmᵻs")), rules=Rules(lexicon=LEXICON)
    )
    assert explained.phonemes.text == "həɹmˈIəni ænd hˈAmᵻs"
    assert by(explained) == {"Hermione": "lexicon", "and": "misaki", "James": "given"}


def test_a_lexicon_also_applies_inside_a_foreign_phrase() -> None:
    text = "We love Paris la belle so."
    told = marked(text, ("Paris la belle", "language", "fr"))
    assert phonemize(text, "en-us", marks=told, rules=Rules(lexicon=LEXICON)).text == "wˌi lˈʌv paʁˈi la bˈɛl sˌO."


def test_a_phrase_in_an_unsupported_language_is_spoken_in_the_sentences_language_and_reported() -> None:
    text = "He said guten Tag."
    result = phonemize(text, "en-us", marks=marked(text, ("guten Tag", "language", "de")))
    assert result.text.startswith("hˌi sˈɛd ɡ")
    assert "de: guten Tag" in result.unknown


def test_a_sound_that_kokoro_does_not_have_is_reported() -> None:
    text = "x y"
    result = phonemize(text, "en-us", marks=marked(text, ("x", "phonemes", "aЖ")))
    assert (result.text, result.unknown) == ("æ wˈI", ("Ж",))


def test_every_word_knows_its_place_in_the_text() -> None:
    text = "Hermione saw SQL — twice."
    explained = explain(text, "en-us", rules=Rules(lexicon=LEXICON))
    spans = [explained.reading.source(word.start, word.end) for word in explained.words]
    written = [text[span.start : span.end] for span in spans]
    assert written == ["Hermione", "saw", "SQL", "—", "twice", "."]
    assert [word.text for word in explained.words if word.backend == "lexicon"] == ["Hermione"]


KINDS: st.SearchStrategy[tuple[MarkKind, str]] = st.sampled_from([
    ("language", "fr"), ("language", "de"), ("language", "hi"), ("say", "well said"), ("phonemes", "kˈæt"),
    ("as", "characters"), ("language", "en-GB"),
])  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    st.text(alphabet="aI tHermione's.,-“”() 12$é日", max_size=40),
    st.lists(st.tuples(KINDS, st.integers(0, 40), st.integers(1, 20)), max_size=4),
    st.sampled_from(["en-us", "es"]),
)
def test_any_marks_over_any_text_are_applied_and_traced_to_their_source(
    text: str, drawn: list[tuple[tuple[MarkKind, str], int, int]], language: str
) -> None:
    marks = tuple(
        Mark(start=start, end=min(start + length, len(text)), kind=kind, value=value)
        for (kind, value), start, length in drawn
        if start < len(text)
    )
    explained = explain(text, language, marks=marks, rules=Rules(lexicon=LEXICON))
    assert explained.phonemes == phonemize(text, language, marks=marks, rules=Rules(lexicon=LEXICON))
    for word in explained.words:
        assert 0 <= word.start <= word.end <= len(explained.reading.text)
        span = explained.reading.source(word.start, word.end)
        assert 0 <= span.start <= span.end <= len(text)
