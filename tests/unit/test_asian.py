"""Japanese and Chinese are spoken if their packages are installed; else the error names the command for that.

The packages are usually not installed, so most tests replace misaki's two modules by small ones; the tests of the real
packages run where those are installed.
"""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from broker.settings import settings
from chorus.errors import OptionError
from chorus.languages import LANGUAGES
from tasks.documents.model import Mark
from tasks.phonemes import backends, misaki_asian
from tasks.phonemes.phonemize import check, explain, forget, phonemize

SOUNDS = {
    "你好": "ni↓xau↓", "世界": "ʂɨ↘ʨje↘", "你": "ni↓", "好": "xau↓", "世": "ʂɨ↘", "界": "ʨje↘", "零": "li↗ŋ",
    "日": "ɲi", "本": "hoɴ", "、": ",", "。": ".",
}  # fmt: skip


class Spoken:
    """Says what it knows, lets pass what it does not, and stumbles over 嗧, as misaki's Chinese does."""

    def __init__(self, unk: str = "") -> None:
        self.unk = unk

    def __call__(self, text: str) -> tuple[str, None]:
        if "嗧" in text:
            raise ValueError("Final couldn't be detected!")
        for written, sound in SOUNDS.items():
            text = text.replace(written, sound)
        return text, None


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name, attribute in (("zh", "ZHG2P"), ("cutlet", "Cutlet")):
        room = ModuleType(f"misaki.{name}")
        setattr(room, attribute, Spoken)
        monkeypatch.setitem(sys.modules, f"misaki.{name}", room)
        monkeypatch.setattr(f"misaki.{name}", room, raising=False)
    words = ModuleType("jieba")
    words.__dict__.update(dt=SimpleNamespace(tmp_dir=None), setLogLevel=lambda _level: None)
    monkeypatch.setitem(sys.modules, "jieba", words)
    monkeypatch.setattr(misaki_asian, "NEEDS", {"ja": (), "zh": ()})
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))
    caches = (settings, backends._missing, backends.release, misaki_asian._g2p, misaki_asian._sayable)
    for cache in caches:
        cache.cache_clear()
    yield
    monkeypatch.undo()
    for cache in caches:
        cache.cache_clear()
    forget()


@pytest.mark.usefixtures("_installed")
def test_misaki_speaks_chinese_and_japanese_and_latin_words_are_spoken_in_english() -> None:
    assert phonemize("你好世界", "zh").text == "ni↓xau↓ʂɨ↘ʨje↘"
    said = explain("你好 Kokoro world 世界", "zh")
    assert said.phonemes.text == "ni↓xau↓ kəkˈɔɹO wˈɜɹld ʂɨ↘ʨje↘"
    assert [(word.text, word.backend) for word in said.words] == [
        ("你好", "misaki"), ("Kokoro world", "espeak"), ("世界", "misaki"),
    ]  # fmt: skip
    assert phonemize("日本", "ja").text == "ɲihoɴ"


@pytest.mark.usefixtures("_installed")
def test_a_latin_word_ends_before_the_next_character_of_another_script() -> None:
    said = explain("你好iPhone世界。", "zh")
    assert [word.text for word in said.words] == ["你好", "iPhone", "世界。"]


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("text", "language", "heard", "lost"),
    [
        ("你好ꦗ世界", "zh", "ni↓xau↓ ʂɨ↘ʨje↘", "ꦗ"),
        ("你好嗧世界", "zh", "ni↓xau↓ ʂɨ↘ʨje↘", "嗧"),  # over which misaki stumbles
        ("你好θ世界", "zh", "ni↓xau↓ ʂɨ↘ʨje↘", "θ"),  # a phoneme by its look
        ("你好と世界", "zh", "ni↓xau↓ ʂɨ↘ʨje↘", "と"),
        ("日们本", "ja", "ɲi hoɴ", "们"),
        ("嗧", "zh", "", "嗧"),
    ],
)
def test_a_character_that_misaki_does_not_know_is_reported_and_nothing_else_is_lost(
    text: str, language: str, heard: str, lost: str
) -> None:
    said = phonemize(text, language)
    assert (said.text, said.lost) == (heard, (lost,))
    assert lost in said.unknown


@pytest.mark.usefixtures("_installed")
def test_the_sign_for_a_round_zero_is_read_as_zero_in_chinese() -> None:
    assert phonemize("你好\u3007", "zh").text == "ni↓xau↓li↗ŋ"


@pytest.mark.usefixtures("_installed")
def test_jieba_writes_no_cache_into_a_shared_folder(tmp_path: Path) -> None:
    phonemize("你好", "zh")
    assert sys.modules["jieba"].dt.tmp_dir == str(tmp_path / "jieba")


@pytest.mark.usefixtures("_installed")
def test_a_chinese_phrase_in_an_english_sentence_is_spoken_in_chinese() -> None:
    marks = (Mark(start=4, end=6, kind="language", value="zh-Hans"),)
    assert phonemize("Say 你好 now.", "en-us", marks=marks).text == "sˈA ni↓xau↓ nˈW."


def installed(language: str) -> bool:
    return backends._missing(language) == ()


def test_the_suggested_command_works_if_pythons_path_has_a_space(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my tools/bin/python")
    assert "/opt/my tools/bin/python" in shlex.split(misaki_asian.remedy("zh"))


@pytest.mark.parametrize(
    ("language", "packages"),
    [("ja", "fugashi jaconv mojimoji unidic-lite"), ("zh", "cn2an jieba ordered-set pypinyin")],
)
def test_without_their_packages_the_error_names_the_command_that_installs_them(language: str, packages: str) -> None:
    if installed(language):
        pytest.skip("They are installed here.")
    with pytest.raises(OptionError, match=f"pip install .*{packages}`"):
        check(language)


@pytest.mark.parametrize(
    ("language", "text", "heard"),
    [
        ("zh", "你好，世界。他在2024年买了iPhone。", ("ni↓xau↓,", "ʂɨ↘", "ɚ↘li↗ŋ", "njɛ↗n", "mai↓")),
        ("ja", "名前はまだ無い。2024年にiPhoneを買った。", ("namae", "mada nai.", "ɲiseɴ", "neɴ", "kaʔta")),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # jieba's, when Python first compiles it
@pytest.mark.filterwarnings("ignore:pkg_resources is deprecated")  # jieba's and cn2an's, beside an old setuptools
def test_the_real_packages_speak_if_they_are_installed(
    language: str, text: str, heard: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not installed(language):
        pytest.skip(f"{LANGUAGES[language]} needs packages of its own, which are not installed here.")
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path))
    said = explain(text, language)
    assert all(sound in said.phonemes.text for sound in heard), said.phonemes.text
    assert said.phonemes.lost == ()
    assert said.words[1].text == "iPhone"
    rare = phonemize(f"{text[:2]}嗧㐀{text[2:4]}", language)
    assert "㐀" in rare.lost[0]
