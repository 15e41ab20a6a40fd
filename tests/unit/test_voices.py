"""A blend of voices has one normalised spelling, and an invalid one is refused before anything is spoken."""

import string
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import OptionError
from chorus.languages import for_voice
from chorus.request import Request
from chorus.terminal import JsonProgress
from chorus.voices import MOST_VOICES, blend, canonical, require
from tasks.documents.model import Chapter, Document, Mark
from workers import standin
from workers.cli import book_voices, render_requests
from workers.models import voicebank

NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=9)
NUMBERS = st.integers(1, 99_999).map(str) | st.integers(1, 99_999).map(lambda number: f"{number / 1000}")
TERMS = st.one_of(
    NAMES,
    st.builds("{}({})".format, NAMES, NUMBERS),
    st.builds("{}*{}".format, NAMES, NUMBERS),
    st.builds(" {} : {} ".format, NAMES, NUMBERS),
)
BLENDS = st.tuples(st.lists(TERMS, min_size=1, max_size=MOST_VOICES), st.sampled_from("+,")).map(
    lambda found: found[1].join(found[0])
)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("af_heart", "af_heart"),
        (" af_heart ", "af_heart"),
        ("af_bella(2)+af_sky(1)", "af_bella*2+af_sky"),
        ("af_sky+af_bella(2)", "af_bella*2+af_sky"),
        ("af_heart*0.5+am_echo*0.5", "af_heart+am_echo"),
        ("af_heart+am_echo", "af_heart+am_echo"),
        ("a:50,b:50", "a+b"),
        ("a:20, b:50, c:30", "b*5+c*3+a*2"),
        ("a*0.25 + b*0.75", "b*3+a"),
        ("a+a", "a"),
        ("a(3)", "a"),
        ("a*.5+b+a*.5", "a+b"),
    ],
)
def test_a_blend_has_one_spelling(written: str, spelled: str) -> None:
    assert canonical(written) == spelled
    assert Request(name="a.md", voice=written) == Request(name="a.md", voice=spelled)


@given(BLENDS)
def test_normalising_a_blend_again_changes_nothing(text: str) -> None:
    spelled = canonical(text)
    assert canonical(spelled) == spelled
    assert blend(spelled) == blend(text)


@given(BLENDS)
def test_the_shares_of_a_blend_add_up_to_one_and_the_largest_comes_first(text: str) -> None:
    weights = [share.weight for share in blend(text)]
    assert sum(weights) == 1
    assert min(weights) > 0
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "No voice is named: write a name, or a blend like af_bella(2)+af_sky(1)."),
        ("a++b", "Voice 'a++b' is not understood: write a name, or a blend like af_bella(2)+af_sky(1)."),
        ("a+", "Voice 'a+' is not understood"),
        ("a(2", "Voice 'a(2' is not understood"),
        ("a*1*2", "Voice 'a*1*2' is not understood"),
        ("*2", "Voice '*2' is not understood"),
        ("a*0+b", "Voice 'a*0+b' gives 'a' the share '0': write one above 0, like 2 or 0.5."),
        ("a(-1)+b", "Voice 'a(-1)+b' gives 'a' the share '-1': write one above 0"),
        ("a+b*nan", "Voice 'a+b*nan' gives 'b' the share 'nan'"),
        ("a:", "Voice 'a:' gives 'a' the share ''"),
        ("a*.000000000001+b*9", "Voice 'a*.000000000001+b*9' weighs its voices too finely: round the shares."),
        ("+".join("abcdefghi"), "Voice 'a+b+c+d+e+f+g+h+i' blends 9 voices: take 8 at most."),
    ],
)
def test_an_invalid_blend_is_refused_in_one_sentence(written: str, sentence: str) -> None:
    with pytest.raises(OptionError) as caught:
        Request(name="a.md", voice=written)
    assert str(caught.value).startswith(sentence)


@given(st.text())
def test_any_text_is_either_a_blend_or_refused(text: str) -> None:
    told = ""
    try:
        assert blend(text)
    except OptionError as error:
        told = str(error)
    assert len(told.splitlines()) <= 1


@pytest.mark.parametrize(
    ("voice", "language"),
    [("bf_emma*2+af_heart", "en-gb"), ("af_heart+bf_emma(3)", "en-gb"), ("ff_siwis+af_heart", "fr-fr")],
)
def test_a_blend_speaks_its_heaviest_voices_language_or_the_first_ones(voice: str, language: str) -> None:
    assert for_voice(voice) == language


def table(value: float, rows: int = voicebank.ROWS) -> voicebank.Style:
    return np.full((rows, 1, voicebank.WIDTH), value, dtype=np.float32)


BANK = MappingProxyType({"af_one": table(1), "af_two": table(2, rows=511), "af_six": table(6)})


@pytest.mark.parametrize(
    ("voice", "value"),
    [("af_one", 1), ("af_one+af_two", 1.5), ("af_one*3+af_two", 1.25), ("af_one+af_two+af_six", 3), ("af_six(9)", 6)],
)
def test_a_blends_style_is_the_weighted_mean_of_its_voices(voice: str, value: float) -> None:
    style = voicebank.style(BANK, voice)
    assert style.dtype == np.float32
    assert style.shape == (voicebank.ROWS, 1, voicebank.WIDTH)
    assert np.array_equal(style, table(value))


@pytest.mark.parametrize(
    ("voice", "sentence"),
    [
        ("af_sixx", "Voice 'af_sixx' is unknown: did you mean af_six?"),
        ("af_one+af_sixx(2)", "Voice 'af_sixx' in 'af_one+af_sixx(2)' is unknown: did you mean af_six?"),
        ("af_one+zz", "Voice 'zz' in 'af_one+zz' is unknown: choose one of af_one, af_six, af_two."),
        ("a", "Voice 'a' is unknown: did you mean af_one or af_six or af_two?"),
    ],
)
def test_an_unknown_voice_in_a_blend_is_named_with_the_nearest_names(voice: str, sentence: str) -> None:
    for asked in (lambda: require(voice, BANK), lambda: voicebank.style(BANK, voice)):
        with pytest.raises(OptionError) as caught:
            asked()
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("voice", "remedy"),
    [
        ("zz", "did you mean zf_xiaobei or zf_xiaoni or zf_xiaoxiao?"),
        ("af_hart", "did you mean af_heart or "),
        ("42", "choose one of af_alloy, af_aoede, "),
        ("42", " and 46 more, which `chorus voices` lists."),
    ],
)
def test_for_an_unknown_voice_only_a_few_of_many_names_are_suggested(voice: str, remedy: str) -> None:
    with pytest.raises(OptionError) as caught:
        require(voice, voicebank.load(standin.VOICES))
    assert str(caught.value).startswith(f"Voice {voice!r} is unknown: ")
    assert remedy in str(caught.value)


def test_a_voice_that_the_document_itself_names_is_looked_up_before_anything_starts() -> None:
    text = "A dialogue."
    marks = tuple(Mark(start=0, end=5, kind="voice", value=name) for name in ("af_two+af_one", "af_sixx"))
    document = Document(title="", language="en", chapters=(Chapter(title="", text=text, marks=marks),))
    order = render_requests.RenderRequest(
        data=text.encode(),
        document=document,
        request=Request(name="a.md", voice="af_one"),
        cover=None,
        target=Path("a.m4b"),
    )
    voice = book_voices.Voice(sound="s", name="toy", voices_digest="v", stand_in=False, known=tuple(BANK))
    with pytest.raises(OptionError, match="Voice 'af_sixx' is unknown: did you mean af_six"):
        book_voices.introduce(voice, [order], JsonProgress())  # the whole of render would start a stack


def voice_of(known: tuple[str, ...]) -> book_voices.Voice:
    return book_voices.Voice(sound="s", name="kokoro", voices_digest="v", stand_in=False, known=known)


def order_of(voice: str) -> render_requests.RenderRequest:
    document = Document(title="", language="en", chapters=(Chapter(title="", text="Hello."),))
    request = Request(name="a.md", voice=voice)
    return render_requests.RenderRequest(
        data=b"Hello.", document=document, request=request, cover=None, target=Path("a.m4b")
    )


def test_where_only_five_voices_are_here_one_of_them_speaks_for_a_book_that_names_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    five = voice_of(("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"))
    orders = [order_of(Request().voice), order_of("jf_alpha")]
    spoken = book_voices.with_a_voice_that_is_here(orders, five, JsonProgress())
    assert [one.request.voice for one in spoken] == ["jm_kumo", "jf_alpha"]
    assert spoken[0].request.language == "en-us", "a Japanese voice reads an English book in English"
    assert "`chorus models pull kokoro-v1.0-w8` fetches all of them" in capsys.readouterr().out


def test_where_the_usual_voice_is_here_nothing_is_changed() -> None:
    orders = [order_of(Request().voice)]
    assert book_voices.with_a_voice_that_is_here(orders, voice_of(("af_heart", "jm_kumo")), JsonProgress()) == orders
