"""Japanese and Chinese: spoken where their packages are, refused with the command that brings them where they are not.

Their packages are not installed for the tests, so small stand-ins of misaki's two rooms take their place.
"""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from chorus.errors import OptionError
from tasks import asian, backends
from tasks.documents.model import Mark
from tasks.phonemes import check, explain, forget, phonemize

SOUNDS = {"你好": "ni↓xau↓", "世界": "ʂɨ↘ʨje↘", "日": "ɲi", "本": "hoɴ"}


class Spoken:
    """Says what it knows and nothing else, as misaki's do."""

    def __init__(self, unk: str = "") -> None:
        self.unk = unk

    def __call__(self, text: str) -> tuple[str, None]:
        for written, sound in SOUNDS.items():
            text = text.replace(written, sound)
        return "".join(char for char in text if not "\u2e80" <= char <= "\uffff" and char != "\ua997"), None


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, attribute in (("zh", "ZHG2P"), ("cutlet", "Cutlet")):
        room = ModuleType(f"misaki.{name}")
        setattr(room, attribute, Spoken)
        monkeypatch.setitem(sys.modules, f"misaki.{name}", room)
        monkeypatch.setattr(f"misaki.{name}", room, raising=False)
    monkeypatch.setattr(asian, "NEEDS", {"ja": (), "zh": ()})
    for cache in (backends._missing, backends.release, asian._g2p):
        cache.cache_clear()
    yield
    monkeypatch.undo()
    for cache in (backends._missing, backends.release, asian._g2p):
        cache.cache_clear()
    forget()


@pytest.mark.usefixtures("_installed")
def test_chinese_and_japanese_are_spoken_by_misaki_and_their_latin_words_in_english() -> None:
    assert phonemize("你好世界", "zh").text == "ni↓xau↓ʂɨ↘ʨje↘"
    said = explain("你好 Kokoro world 世界", "zh")
    assert said.phonemes.text == "ni↓xau↓ kəkˈɔɹO wˈɜɹld ʂɨ↘ʨje↘"
    assert [(word.text, word.backend) for word in said.words] == [
        ("你好", "misaki"), ("Kokoro world", "espeak"), ("世界", "misaki"),
    ]  # fmt: skip
    assert phonemize("日本", "ja").text == "ɲihoɴ"


@pytest.mark.usefixtures("_installed")
def test_what_they_pass_over_in_silence_is_reported() -> None:
    assert phonemize("你好ꦗ", "zh").unknown == ("ꦗ",)


@pytest.mark.usefixtures("_installed")
def test_a_chinese_phrase_in_an_english_sentence_is_spoken_in_chinese() -> None:
    marks = (Mark(start=4, end=6, kind="language", value="zh-Hans"),)
    assert phonemize("Say 你好 now.", "en-us", marks=marks).text == "sˈA ni↓xau↓ nˈW."


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_without_their_packages_the_command_is_named_that_brings_them(language: str) -> None:
    if all(importlib.util.find_spec(package) for package in asian.NEEDS[language]):
        pytest.skip("They are installed here.")
    with pytest.raises(OptionError, match=rf"pip install 'misaki\[{language}\]==0\.9\.4'"):
        check(language)
