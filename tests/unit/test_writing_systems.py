"""A text without a stated language is read in the voice's language, unless its letters belong to another one."""

import pytest

from chorus.request import Request
from tasks import documents
from tasks.phonemes.writing_systems import language_of
from tasks.plan import spoken_language

CHINESE, JAPANESE, HINDI = "他在北京买了一本书。", "名前はまだ無い。", "मैं घर जा रहा हूँ।"


def spoken(text: str, **wishes: str) -> str:
    return spoken_language(Request(name="a.txt", **wishes), documents.read(text.encode(), "a.txt"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (CHINESE, "zh"),
        (CHINESE + " iPhone", "zh"),
        (JAPANESE, "ja"),
        ("カタカナ", "ja"),
        (HINDI, "hi"),
        ("The word 你好 means hello.", ""),
        ("Это не английский.", ""),
        ("1984", ""),
        ("", ""),
    ],
)
def test_three_languages_are_recognised_by_their_letters(text: str, language: str) -> None:
    assert language_of([text]) == language


def test_a_name_in_kana_does_not_make_a_chinese_text_japanese() -> None:
    assert language_of([CHINESE * 20, "かな"]) == "zh"


@pytest.mark.parametrize(
    ("text", "wishes", "language"),
    [
        (HINDI, {}, "hi"),
        (CHINESE, {}, "zh"),
        (CHINESE, {"voice": "zf_xiaobei"}, "zh"),
        ("東京都", {"voice": "jf_alpha"}, "ja"),
        (JAPANESE, {"voice": "zf_xiaobei"}, "ja"),
        ("Plain words.", {"voice": "jf_alpha"}, "ja"),
        (CHINESE, {"language": "en-us"}, "en-us"),
    ],
)
def test_the_requested_language_counts_first_then_the_letters_then_the_voice(
    text: str, wishes: dict[str, str], language: str
) -> None:
    assert spoken(text, **wishes) == language


def test_a_documents_stated_language_counts_before_its_letters() -> None:
    document = documents.read(f"---\ntitle: x\nlang: en\n---\n\n{HINDI}".encode(), "a.md")
    assert spoken_language(Request(name="a.md"), document) == "en-us"
