import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kokoro_onnx.config import DEFAULT_VOCAB, MAX_PHONEME_LENGTH

from tasks.vocabulary import N_MAX, SOUNDS, VOCABULARY, fit, speaks


def test_the_vocabulary_and_its_limit_are_the_engines_own() -> None:
    assert dict(DEFAULT_VOCAB) == VOCABULARY
    assert MAX_PHONEME_LENGTH == N_MAX


@pytest.mark.parametrize(
    ("phonemes", "fitted"),
    [
        ("hˈɛlO", "hˈɛlO"),
        ("ɡˈʊd  g", "ɡˈʊd ɡ"),
        ("sɐ̃ʊ̃", "sɐ̃ʊ̃"),
        ("ãõ", "a\u0303o\u0303"),
        ("çɲ", "çɲ"),
        ("ɝɫɱ", "ɜɹlm"),
        ("l̩n̩t̪", "lnt"),
        ("«a»", "“a”"),
        (" a\n b ", "a b"),
        ("t͡ʃ", "tʃ"),
    ],
)
def test_symbols_the_model_does_not_know_become_the_nearest_it_knows(phonemes: str, fitted: str) -> None:
    result = fit(phonemes)
    assert (result.text, result.dropped) == (fitted, "")


def test_symbols_without_a_near_one_are_reported_once_each() -> None:
    result = fit("aʘ9Ж9b")
    assert (result.text, result.dropped) == ("apb", "9Ж")


@given(st.text())
def test_what_was_fitted_is_vocabulary_alone_and_fits_again_unchanged(text: str) -> None:
    once = fit(text)
    assert set(once.text) <= set(VOCABULARY)
    assert once.text == once.text.strip()
    assert fit(once.text).text == once.text


def test_only_letters_of_speech_can_be_heard() -> None:
    assert speaks("ˈa")
    assert not speaks("ˈˌː — … “” ?")
    assert all(unicodedata.category(symbol).startswith("L") for symbol in SOUNDS)
