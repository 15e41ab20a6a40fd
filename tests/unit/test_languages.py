"""Codes of languages, and the language of a voice."""

import pytest

from chorus.errors import OptionError
from chorus.languages import LANGUAGES, for_voice, normalise


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en-us"), ("en_US", "en-us"), ("EN-us", "en-us"), (" en-US ", "en-us"), ("eng", "en-us"),
        ("en-GB", "en-gb"), ("en_gb", "en-gb"), ("en-GB-oxendict", "en-gb"), ("en-AU", "en-gb"), ("en-CA", "en-us"),
        ("es", "es"), ("es-419", "es"), ("spa", "es"), ("fr", "fr-fr"), ("fr-CA", "fr-fr"), ("fre", "fr-fr"),
        ("hi", "hi"), ("it_IT", "it"), ("pt", "pt-br"), ("pt-PT", "pt-br"), ("ja-JP", "ja"), ("zh", "zh"),
        ("zh-Hans-CN", "zh"), ("cmn", "zh"), ("zh-Hans", "zh"), ("zh_TW", "zh"), ("pt_BR", "pt-br"), ("PT-br", "pt-br"),
        ("fr_FR", "fr-fr"), ("es_MX", "es"), ("EN_gb", "en-gb"),
    ],
)  # fmt: skip
def test_a_language_has_one_code_however_it_is_written(tag: str, code: str) -> None:
    assert normalise(tag) == code


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_a_code_stays_as_it_is(code: str) -> None:
    assert normalise(code) == code


@pytest.mark.parametrize("tag", ["de", "xx-yy", "", "-", "klingon"])
def test_an_unknown_language_is_refused_with_the_list_of_known_ones(tag: str) -> None:
    with pytest.raises(OptionError) as caught:
        normalise(tag)
    assert all(code in str(caught.value) for code in LANGUAGES)


@pytest.mark.parametrize(
    ("voice", "code"),
    [("af_heart", "en-us"), ("bm_george", "en-gb"), ("ef_dora", "es"), ("ff_siwis", "fr-fr"), ("hf_alpha", "hi"),
     ("if_sara", "it"), ("jf_alpha", "ja"), ("pm_alex", "pt-br"), ("zm_yunxi", "zh")],
)  # fmt: skip
def test_the_first_letter_of_a_voice_gives_its_language(voice: str, code: str) -> None:
    assert for_voice(voice) == code


@pytest.mark.parametrize("voice", ["xf_nobody", "42", "xf_nobody*2+af_heart"])
def test_a_voice_without_a_known_first_letter_requires_a_language(voice: str) -> None:
    with pytest.raises(OptionError, match="language"):
        for_voice(voice)
