"""espeak is loaded once per process, switches between languages, and reports what it skips."""

import subprocess
import sys
from pathlib import Path

import pytest
from misaki import espeak as theirs

from tasks.phonemes import espeak
from tasks.phonemes.phonemize import explain, phonemize

ROOT = Path(__file__).parents[2]

ONCE = """
import ctypes
from phonemizer.backend.espeak import api
begun = []
class Counted(api.EspeakAPI):
    def __init__(self, *args):
        begun.append(args)
        super().__init__(*args)
from phonemizer.backend.espeak import wrapper
wrapper.EspeakAPI = Counted
from concurrent.futures import ThreadPoolExecutor
from tasks.phonemes.phonemize import phonemize
languages = ["es", "fr-fr", "hi", "it", "pt-br", "en-us", "en-gb"]
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda n: phonemize(f"Zyzzyva {n}", languages[n % 7]), range(70)))
print(len(begun))
"""


def test_espeak_is_initialised_once_in_a_process_whatever_languages_and_threads_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONCE],
        env={"PYTHONPATH": str(ROOT), "CHORUS_TAGGER": "rules"},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert done.stdout.strip() == "1"


def test_the_table_of_symbol_pairs_is_that_of_misaki() -> None:
    assert sorted(espeak.PAIRS.items()) == theirs.EspeakG2P("es").e2m


def test_sentences_sound_the_same_one_by_one_and_in_a_list() -> None:
    texts = ["Hola, ¿qué tal?", "¡Adiós!", "El 5 de mayo", "uno"]
    with_lists = espeak._reader("es").backend.phonemize(texts)
    assert with_lists == [espeak._reader("es").backend.phonemize([text])[0] for text in texts]


@pytest.mark.parametrize(
    ("text", "language", "lost"),
    [
        ("Buenos ꦗ días", "es", "ꦗ"),
        ("Les ★ et ١٢", "fr-fr", "★"),
        ("नमस्ते ꦗ", "hi", "ꦗ"),
        ("A ꦗ word", "en-us", "ꦗ"),
    ],
)
def test_words_that_espeak_skips_are_reported(text: str, language: str, lost: str) -> None:
    assert any(lost in unknown for unknown in phonemize(text, language).unknown)


def test_each_language_keeps_its_own_voice_when_languages_alternate() -> None:
    alone = {language: phonemize("pan", language).text for language in ("es", "fr-fr", "it")}
    turns = [explain("pan", language).phonemes.text for language in ("es", "fr-fr", "it", "fr-fr", "es", "it")]
    assert turns == [alone[language] for language in ("es", "fr-fr", "it", "fr-fr", "es", "it")]
    assert alone["es"] != alone["fr-fr"]
