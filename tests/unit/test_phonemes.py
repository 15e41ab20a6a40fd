"""Words that must be pronounced correctly, and words that are in no dictionary."""

import json
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import espeakng_loader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import PASSED_OVER

from chorus.errors import OptionError
from chorus.request import Request
from chorus.vocabulary import VOCABULARY
from tasks.documents.model import Mark
from tasks.phonemes import espeak, rule_tagger
from tasks.phonemes.phonemize import Rules, counters, explain, forget, phonemize

ROOT = Path(__file__).parents[2]


def said(text: str, language: str = "en-us", *, heading: bool = False) -> str:
    return phonemize(text, language, heading=heading).text


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("I saw a cat.", "ˌI sˈɔ ɐ kˈæt."),
        ("That costs $5.20.", "ðˌæt kˈɔsts fˈIv dˈɑləɹz ænd twˈɛnti sˈɛnts."),
        ("It made £3.5 million!", "ˌɪt mˌAd θɹˈi pˈYnt fˈIv mˈɪljᵊn pˈWndz!"),
        ("Dr. Who, I presume?", "dˈɑktəɹ hˌu, ˌI pɹizˈum?"),
        ("Go to it—in time…", "ɡˌO tʊ ɪt—ɪn tˈIm…"),
        ("“Hi,” he said.", "“hˈI,” hi sˈɛd."),
        ("'Hi,' he said.", "“hˈI,” hi sˈɛd."),
        ('"Hi" (hi)', "“hˈI” (hˈI)"),
        ("‘I won’t,’ said he; ‘’tis late.’", "“ˌI wˈOnt,” sˈɛd hi; “tˈɪz lˈAt.”"),
        ("The dogs' bowls", "ðə dˈɔɡz bˈOlz"),
    ],
)
def test_articles_money_marks_and_quotes_are_read_correctly(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("He read the book yesterday.", "ɹˈɛd"), ("I will read it.", "ɹˈid"), ("They have read it.", "ɹˈɛd"),
        ("She lives in town.", "lˈɪvz"), ("It cost three lives.", "lˈIvz"), ("A live show.", "lˈIv"),
        ("Please close the door.", "klˈOz"), ("It was very close.", "klˈOs"), ("Keep the record.", "ɹˈɛkəɹd"),
        ("I want to record it.", "ɹəkˈɔɹd"), ("We used to go.", "jˈust"), ("It was used to cut.", "jˈuzd"),
        ("They object to it.", "əbʤˈɛkt"), ("The object fell.", "ˈɑbʤəkt"), ("Make good use of it.", "jˈus"),
        ("The wound healed.", "wˈund"), ("He wound up the clock.", "wˈWnd"), ("I refuse to go.", "ɹəfjˈuz"),
    ],
)  # fmt: skip
def test_neighbouring_words_decide_between_two_sounds_of_one_spelling(text: str, sound: str) -> None:
    assert sound in said(text).strip(".").split()


def test_british_english_has_its_own_dictionary() -> None:
    assert said("The car park.", "en-gb") == "ðə kˈɑː pˈɑːk."
    assert said("The car park.", "en-us") == "ðə kˈɑɹ pˈɑɹk."


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [("IV", "fˈɔɹ."), ("Chapter XXIV", "ʧˈæptəɹ twˈɛnti fˈɔɹ."), ("Chapter\nII", "ʧˈæptəɹ tˈu."), ("I", "wˈʌn."),
     ("I Enlist a Minion", "ˌI ɪnlˈɪst ɐ mˈɪnjən.")],
)  # fmt: skip
def test_a_roman_numeral_in_a_heading_is_a_number(text: str, phonemes: str) -> None:
    assert said(text, heading=True) == phonemes


def test_outside_a_heading_the_letter_i_is_the_pronoun() -> None:
    assert said("Neither he nor I.") == "nˈiðəɹ hi nˈɔɹ ˌI."


@pytest.mark.parametrize(
    ("text", "language", "phonemes"),
    [
        ("¿Qué tal, señor?", "es", "kˈe tˈal, seɲˈoɾ?"),
        ("«Bonjour», dit-il.", "fr-fr", "“bɔ̃ʒˈuʁ”, dˈitˈil."),
        ("नमस्ते दुनिया।", "hi", "nəmˈʌsteː dˈʊnɪjˌaː."),
        ("Ciao, come va?", "it", "ʧˈao, kˌome vˈa?"),
        ("São Paulo é linda.", "pt-br", "sɐ̃ʊ̃ pˈWlw ɛ lˈiŋdæ."),
    ],
)
def test_other_languages_are_spoken_by_espeak_in_kokoros_symbols(text: str, language: str, phonemes: str) -> None:
    result = phonemize(text, language)
    assert (result.text, result.backend) == (phonemes, "espeak")


@pytest.mark.parametrize(("language", "comma"), [("es", "kˈoma"), ("it", "vˈirɡola")])
def test_a_mark_inside_a_number_belongs_to_the_number(language: str, comma: str) -> None:
    assert comma in said("3,5", language)


def test_a_word_in_no_dictionary_is_pronounced_by_its_spelling_and_named() -> None:
    result = phonemize("Zyzzyva met Brünnhilde.", "en-us")
    assert set(result.unknown) == {"Zyzzyva", "Brünnhilde"}
    assert len(result.text.split()) == 3


@pytest.mark.parametrize("text", ["5€", "¥", "20°C", "½", "AT&T", "日本", "a@b.org", "C++", "US$", "$", "x=1", "🙂"])
def test_symbols_that_are_read_aloud_are_spoken(text: str) -> None:
    assert len(said(f"It is {text} now.")) > len(said("It is now.")) + 1


@pytest.mark.parametrize("text", ["", " ", "* * *", "—", "…", "?!", "***", "---", "“”", "\x00\x07"])
def test_text_that_is_not_read_aloud_gives_no_phonemes(text: str) -> None:
    assert said(text) == ""


def test_a_long_number_is_read_digit_by_digit() -> None:
    assert said("1234567890123") == said("1 2 3 4 5 6 7 8 9 0 1 2 3")


def test_a_run_of_letters_is_spoken_to_its_end() -> None:
    assert len(said("x" * 400)) > 3 * len(said("x" * 100))


@pytest.mark.parametrize("language", ["ja", "zh", "de", "en"])
def test_a_language_without_a_phonemizer_is_refused_with_the_ones_there_are(language: str) -> None:
    with pytest.raises(OptionError, match=r"en-gb, en-us, es, fr-fr, hi, it, pt-br"):
        phonemize("word", language)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=60), st.sampled_from(["en-us", "en-gb", "es", "hi"]))
def test_any_text_gives_only_symbols_of_the_vocabulary(text: str, language: str) -> None:
    assert set(said(text, language)) <= set(VOCABULARY)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="aIV'’‘ .,-/$£€%0123456789()\":;—_*&@#", max_size=40))
def test_any_mixture_of_digits_and_marks_gives_only_symbols_of_the_vocabulary(text: str) -> None:
    assert set(said(text)) <= set(VOCABULARY)


@given(st.text(alphabet="abI'’‘ .,-$0123()\":—!\n", max_size=60))
def test_the_taggers_tokens_cover_the_whole_text(text: str) -> None:
    tokens = rule_tagger.tag(text)
    held = "".join(token.text + token.whitespace_ for token in tokens)
    # An abbreviation at the end lends its stop to the sentence.
    assert held.removesuffix(".") in (" ".join(text.split()), " ".join(text.split()).removesuffix("."))
    assert all(token.tag_ for token in tokens)


def test_many_threads_get_the_same_phonemes_as_one() -> None:
    texts = [f"Number {n} went to Zyzzyva {n}.5 for ${n}." for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: said(text, "en-gb"), texts))
        spanish = list(pool.map(lambda text: said(text, "es"), texts))
    forget()
    assert together == [said(text, "en-gb") for text in texts]
    assert spanish == [said(text, "es") for text in texts]


def test_a_sentence_is_phonemized_once_then_cached_and_all_of_it_is_counted() -> None:
    forget()
    before = counters()
    for _ in range(3):
        phonemize("Zyzzyva costs nothing.", "en-us")
    phonemize("zyzzyva costs nothing.", "en-us")
    phonemize("Hola, amigo.", "es")
    after = counters()
    assert (after.hits - before.hits, after.misses - before.misses, after.size) == (2, 3, 3)
    assert after.size <= after.limit
    assert after.fallbacks - before.fallbacks == 2
    assert after.g2p_ms > before.g2p_ms
    spoken = {backend: after.words[backend] - before.words.get(backend, 0) for backend in ("misaki", "espeak")}
    assert spoken == {"misaki": 6, "espeak": 6}
    assert "tagger rules" in after.releases["en-us"]
    assert "espeakng-loader" in after.releases["es"]


def test_other_options_are_another_entry_of_the_cache() -> None:
    forget()
    word = json.dumps({"": {"x": "/ˈI/"}})
    mark = Mark(start=0, end=1, kind="phonemes", value="ˈA")
    asked: list[dict[str, Any]] = [
        {}, {"heading": True}, {"marks": (mark,)}, {"rules": Rules(lexicon=word)},
        {"rules": Rules(as_written=frozenset(("dates",)))},
    ]  # fmt: skip
    misses = counters().misses
    for wishes in (*asked, *asked):
        phonemize("x 5", "en-us", **wishes)
    assert counters().misses - misses == len(asked)


def test_a_job_uses_the_reading_rules_of_its_request() -> None:
    word = json.dumps({"": {"x": "/ˈI/"}})
    rules = Rules.of(Request(name="a.txt", lexicon=word, as_written="dates,money"))
    assert rules == Rules(lexicon=word, as_written=frozenset(("dates", "money")))


LETTERS = st.text(
    st.one_of(
        st.sampled_from("aeIt 'é.,-()$5%½²@&★日ñह🙂ꦗЖ\n"), st.characters(categories=("L", "N", "Sc", "So", "Sm", "P"))
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=250)
@given(LETTERS, st.sampled_from(["en-us", "en-gb", "es", "fr-fr", "hi"]))
def test_everything_readable_is_spoken_or_reported(text: str, language: str) -> None:
    explained = explain(text, language)
    told = "".join(explained.phonemes.unknown)
    heard = set[int]()
    for word in explained.words:
        span = explained.reading.source(word.start, word.end)
        heard.update(range(span.start, span.end))
        assert word.phonemes or not any(char.isalnum() and char not in told for char in word.text)
    unheard = [char for at, char in enumerate(text) if char.isalnum() and at not in heard]
    # What is put together with an accent behind it is another letter, told as such.
    assert not [char for char in unheard if char not in told and char not in unicodedata.normalize("NFD", told)]


def alone(program: str, *, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", PASSED_OVER, "-c", program],
        cwd=cwd,
        env={"LANG": "C", "PYTHONPATH": str(ROOT), "CHORUS_TAGGER": "rules"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.stderr == ""
    return done.stdout


def test_it_works_without_a_home_in_a_read_only_folder_and_says_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    program = (
        "from tasks.phonemes.phonemize import phonemize\n"
        "print(phonemize('Zyzzyva, hello.', 'en-us').text.encode(), phonemize('Hola.', 'es').text.encode())"
    )
    expected = f"{said('Zyzzyva, hello.').encode()} {said('Hola.', 'es').encode()}"
    assert alone(program, cwd=tmp_path).strip() == expected


def test_nothing_heavy_is_imported_before_the_first_sentence(tmp_path: Path) -> None:
    program = (
        "import sys, tasks.segmenting.segments\n"
        "print(sorted({'spacy', 'misaki', 'phonemizer', 'numpy', 'torch'} & set(sys.modules)))"
    )
    assert alone(program, cwd=tmp_path).strip() == "[]"


def test_spanish_never_imports_the_english_tagger(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom tasks.phonemes.phonemize import phonemize\n"
        "phonemize('Hola.', 'es')\nprint('spacy' in sys.modules)"
    )
    assert alone(program, cwd=tmp_path).strip() == "False"


def test_espeak_works_from_a_path_longer_than_its_limit(tmp_path: Path) -> None:
    deep = tmp_path / ("far down " * 12) / ("and farther " * 8) / "espeak-ng-data"
    deep.parent.mkdir(parents=True)
    deep.symlink_to(espeakng_loader.get_data_path())
    program = (
        f"import espeakng_loader\nespeakng_loader.get_data_path = lambda: {str(deep)!r}\n"
        "from tasks.phonemes.phonemize import phonemize\nprint(phonemize('Hola.', 'es').text.encode())"
    )
    assert alone(program, cwd=tmp_path).strip() == str(said("Hola.", "es").encode())


@pytest.fixture
def _fresh() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.mark.usefixtures("_fresh")
def test_a_word_unknown_to_espeak_is_reported_and_gives_no_phonemes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(espeak, "word", lambda *_, **__: "")
    said = phonemize("The zyzzyva sleeps.", "en-us")
    assert said.lost == ("zyzzyva",)
    assert said.text == phonemize("The sleeps.", "en-us").text


@pytest.mark.usefixtures("_fresh")
@pytest.mark.parametrize("language", ["en-us", "es"])
def test_a_failing_backend_fails_the_sentence_and_nothing_is_cached(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise RuntimeError("espeak is broken")

    with monkeypatch.context() as broken:
        broken.setattr(espeak, "_espeak", fail)
        with pytest.raises(RuntimeError, match="espeak is broken"):
            phonemize("Zyzzyva.", language)
    assert phonemize("Zyzzyva.", language).lost == ()


ONCE = """
from concurrent.futures import ThreadPoolExecutor
from misaki import en
from tasks.phonemes import espeak, rule_tagger
from tasks.phonemes.phonemize import phonemize
opened = []
class Counted(en.Lexicon):
    def __init__(self, british):
        opened.append(british)
        super().__init__(british)
en.Lexicon = Counted
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda n: phonemize(f"Take {n}.", ("en-us", "en-gb")[n % 2]), range(40)))
print(sorted(opened))
"""


def test_misakis_dictionaries_are_opened_once_in_a_process_whatever_threads_there_are(tmp_path: Path) -> None:
    assert alone(ONCE, cwd=tmp_path).strip() == "[False, True]"
