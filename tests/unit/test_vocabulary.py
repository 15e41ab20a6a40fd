"""The symbols that the model knows, and what happens to others."""

import ast
import json
import unicodedata
from pathlib import Path

import misaki
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kokoro_onnx.config import DEFAULT_VOCAB, MAX_PHONEME_LENGTH

from chorus.vocabulary import MAX_TOKENS, SOUNDS, VOCABULARY, fit, from_ipa, nearest, speaks


def test_the_vocabulary_and_its_limit_are_those_of_the_engine() -> None:
    assert dict(DEFAULT_VOCAB) == VOCABULARY
    assert MAX_PHONEME_LENGTH == MAX_TOKENS


def test_the_limit_of_tokens_is_written_in_one_module() -> None:
    root = Path(__file__).parents[2]
    written = {
        path.relative_to(root).as_posix()
        for package in ("chorus", "broker", "tasks", "workers", "benchmarks")
        for path in (root / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == MAX_TOKENS
    }
    assert written == {"chorus/vocabulary.py"}


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
def test_fitted_phonemes_are_in_the_vocabulary_and_fit_again_unchanged(text: str) -> None:
    once = fit(text)
    assert set(once.text) <= set(VOCABULARY)
    assert once.text == once.text.strip()
    assert fit(once.text).text == once.text


def test_only_letters_of_speech_are_audible() -> None:
    assert speaks("ˈa")
    assert not speaks("ˈˌː — … “” ?")
    assert all(unicodedata.category(symbol).startswith("L") for symbol in SOUNDS)


@pytest.mark.parametrize(("language", "file"), [("en-us", "us_gold.json"), ("en-gb", "gb_gold.json")])
def test_kokoros_own_symbols_are_unchanged(language: str, file: str) -> None:
    words = json.loads((Path(misaki.__file__).parent / "data" / file).read_text("utf-8"))
    sounds = [each for said in words.values() for each in (said.values() if isinstance(said, dict) else [said]) if each]
    changed = [each for each in sounds if from_ipa(each, language) != each.replace("ɾ", "T")]
    # A t before a sh across two parts of a word cannot be told from a ch.
    assert [each for each in changed if "tʃ" not in each] == OUT_OF_ORDER.get(language, [])
    assert len(changed) < len(sounds) / 1000


OUT_OF_ORDER = {"en-gb": ["ˈIzᵊnˌhWə", "kˈjuːbɹɪk"]}
"""Two of a hundred thousand British entries have their stress before a consonant."""


@pytest.mark.parametrize(
    ("ipa", "language", "sound"),
    [
        ("ˈkæt", "en-us", "kˈæt"), ("kəˈkoʊɹoʊ", "en-us", "kəkˈOɹO"), ("həˈmaɪəni", "en-gb", "həmˈIəni"),
        ("ˈtʃɜːtʃ", "en-us", "ʧˈɜɹʧ"), ("ˈtʃɜːtʃ", "en-gb", "ʧˈɜːʧ"), ("ˈriː.dɪŋ", "en-us", "ɹˈidɪŋ"),
        ("ˈbed", "en-gb", "bˈɛd"), ("aˈtsa", "it", "aʦˈa"), ("paˈʁi", "fr-fr", "paʁˈi"), ("t͡ʃaˈo", "it", "ʧaˈo"),
        ("ˈkɒt", "en-us", "kˈɑt"), ("ˈkɒt", "en-gb", "kˈɒt"), ("ˈperro", "es", "pˈerro"),
    ],
)  # fmt: skip
def test_plain_ipa_is_converted_to_the_models_symbols(ipa: str, language: str, sound: str) -> None:
    assert from_ipa(ipa, language) == sound


@pytest.mark.parametrize(("symbol", "near"), [("B", "b"), ("ñ", "n"), ("5", ""), ("#", "")])
def test_every_letter_that_kokoro_lacks_has_a_nearest_sound(symbol: str, near: str) -> None:
    assert nearest(symbol) == near
    assert nearest("Ж") in SOUNDS
