"""How text that is not written as it is spoken is read, and that no character is lost."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chorus.languages import LANGUAGES
from chorus.reading import NORMALISED
from tasks.documents.model import Span
from tasks.normalise import Reading, normalise

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import text_reading

ALL = frozenset(NORMALISED)


def read(text: str, language: str = "en-us", *, heading: bool = False) -> str:
    return normalise(text, language, heading=heading).text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("They met at 10:30 on 3/5/2024.", "They met at ten thirty on March fifth, twenty twenty four."),
        ("It cost $5.50, not £3m.", "It cost five dollars and fifty cents, not three million pounds."),
        ("Henry VIII and I met in World War II.", "Henry the eighth and I met in World War two."),
        ("Malcolm X wrote to One X.", "Malcolm X wrote to One X."),
        ("Write to a.b@example.com!", "Write to A dot B at example dot com!"),
        ("Dr. Lee lives on Elm St.", "Doctor Lee lives on Elm Street."),
        ("Dr. Lee lives on Elm St. now.", "Doctor Lee lives on Elm Street now."),
        ("She bought tea, etc. and left.", "She bought tea, etcetera and left."),
        ("The FBI's CDs went to NASA.", "The F.B.I's CDs went to NASA."),
        ("See pp. 3-5, vol. II.", "See pages three to five, volume two."),
        ("It is 5'10\" tall.", "It is five foot ten tall."),
        ('He said "I have 5" and left.', 'He said "I have five" and left.'),
        ("Elizabeth I loved nobody.", "Elizabeth I loved nobody."),
        ("“WHO said that?” he asked. I AM sorry.", "“WHO said that?” he asked. I AM sorry."),
        ("No. I won’t.", "No. I won’t."),
        ("Wait... what -- now?", "Wait… what — now?"),
        ("a *** b", "a b"),
        ("_This_ is it", "This is it"),
        ("See Listing 10-2 in src/main.rs.", "See Listing ten two in S.R.C slash main dot R.S."),
        ("Roe v Wade, the V8 and v in code v2.", "Roe versus Wade, the V eight and v in code version two."),
        ("It took 0.02s.", "It took zero point zero two s."),
        ("Nothing to do here, said she.", "Nothing to do here, said she."),
    ],
)
def test_a_sentence_is_read_as_a_reader_reads_it(written: str, said: str) -> None:
    assert read(written) == said


def test_a_time_may_follow_a_date_directly() -> None:
    assert read("2024年3月5日10:30", "zh") == "二零二四年三月五日十点三十分"


@pytest.mark.parametrize(
    ("written", "said"),
    [("It is 3/5/2024.", "It is the third of May, twenty twenty four."), ("It is 5 km.", "It is five kilometres."),
     ("He has 105.", "He has one hundred and five."), ("At 10.30 we ate.", "At ten thirty we ate.")],
)  # fmt: skip
def test_british_english_has_its_own_order_and_conjunctions(written: str, said: str) -> None:
    assert read(written, "en-gb") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [("THE TIME MACHINE", "The Time Machine."), ("CHAPTER IV\nTHE STORM", "Chapter four: The Storm."),
     ("I", "one."), ("I Enlist a Minion", "I Enlist a Minion."), ("Who is it?", "Who is it?"),
     ("DR. JEKYLL AND MR. HYDE", "Dr. Jekyll and Mr. Hyde."), ("NASA", "NASA.")],
)  # fmt: skip
def test_a_heading_is_read_as_words_and_ends_with_a_full_stop(written: str, said: str) -> None:
    assert read(written, heading=True) == said


EXAMPLES = {
    "numbers": "42 sheep", "years": "in 1984", "ordinals": "the 3rd man", "fractions": "3/4 of it",
    "roman": "Henry VIII", "money": "$5.50", "percent": "50%", "units": "5 km", "dates": "2024-03-05",
    "times": "10:30", "phones": "555-0123", "addresses": "example.com", "abbreviations": "e.g. this",
    "acronyms": "the FBI", "ranges": "3-5 days", "symbols": "this & that", "emoji": "good 👍",
    "capitals": "THE OLD HOUSE WAS DARK",
}  # fmt: skip


def test_every_kind_can_be_turned_off_and_only_it() -> None:
    assert set(EXAMPLES) == ALL
    for kind, text in EXAMPLES.items():
        assert read(text) != text, kind
        assert normalise(text, "en-us", as_written=frozenset((kind,))).text == text
        assert normalise(text, "en-us", as_written=ALL - {kind}).text == read(text), kind


def test_with_all_kinds_turned_off_only_the_layout_is_tidied() -> None:
    text = "Dr.  Lee paid $5 -- in 1984\nfor 3 kg…"
    assert normalise(text, "en-us", as_written=ALL).text == "Dr. Lee paid $5 — in 1984 for 3 kg…"


@pytest.mark.parametrize(
    ("how", "written", "said"),
    [
        ("characters", "A1c", "A one C"),
        ("spell-out", "abc", "A.B.C"),
        ("cardinal", "1,234", "one thousand two hundred thirty four"),
        ("cardinal", "XIV", "fourteen"),
        ("ordinal", "21", "twenty first"),
        ("digits", "2024", "two zero two four"),
        ("telephone", "555-0123", "five five five, zero one two three"),
        ("date", "03/05/2024", "March fifth, twenty twenty four"),
        ("date", "20240305", "March fifth, twenty twenty four"),
        ("time", "10:30", "ten thirty"),
        ("fraction", "3/4", "three quarters"),
        ("unit", "5 km", "five kilometers"),
        ("verbatim", "ab", "A.B"),
        ("date", "soon", "soon"),
        ("no such way", "5", "five"),
    ],
)
def test_a_stretch_is_read_as_ssml_requires(how: str, written: str, said: str) -> None:
    assert normalise(written, "en-us", say_as=how).text == said


@pytest.mark.parametrize(
    ("how", "written", "said"),
    [
        ("date:dmy", "5/3/2024", "March fifth, twenty twenty four"),
        ("date:mdy", "5/3/2024", "May third, twenty twenty four"),
        ("date:ymd", "2024 03 05", "March fifth, twenty twenty four"),
        ("date:ymd", "20240305", "March fifth, twenty twenty four"),
        ("date:dmy", "050324", "March fifth, twenty twenty four"),
        ("date:mdy", "7.4.76", "July fourth, nineteen seventy six"),
        ("date:md", "5/3", "May third"),
        ("date:dm", "5/3", "March fifth"),
        ("date:my", "3/2024", "March twenty twenty four"),
        ("date:ym", "2024-03", "March twenty twenty four"),
        ("date:d", "5", "fifth"),
        ("date:m", "5", "May"),
        ("date:y", "1984", "nineteen eighty four"),
        ("time:hms12", "14:30:05", "two thirty p.m. and five seconds"),
        ("time:hms12", "0:30", "twelve thirty a.m."),
        ("time:hms12", "9:30", "nine thirty"),
        ("time:hms24", "2:30 pm", "fourteen thirty"),
        ("time:hms24", "12:30 am", "zero thirty"),
        ("time:hm", "0930", "nine thirty"),
        ("time:h12", "7", "seven o'clock"),
    ],
)
def test_a_date_and_a_time_are_read_in_the_order_that_ssml_states(how: str, written: str, said: str) -> None:
    assert normalise(written, "en-us", say_as=how).text == said


@pytest.mark.parametrize(
    ("how", "written"),
    [
        ("date:dmy", "5/13/2024"),
        ("date:dmy", "5/3"),
        ("date:ymd", "2024"),
        ("date:y", "9" * 5000),
        ("time:hm", "25:00"),
        ("time:hm", "soon"),
    ],
)
def test_text_that_does_not_fit_its_ssml_format_is_read_as_usual(how: str, written: str) -> None:
    assert normalise(written, "en-us", say_as=how) == normalise(written, "en-us")


@pytest.mark.parametrize(
    ("language", "how", "written", "said"),
    [
        ("en-gb", "date:mdy", "5/3/2024", "the third of May, twenty twenty four"),
        ("en-gb", "date:d", "5", "the fifth"),
        ("es", "date:dm", "5/3", "cinco de marzo"),
        ("es", "date:m", "3", "marzo"),
        ("fr-fr", "date:my", "3/2024", "mars deux mille vingt-quatre"),
        ("fr-fr", "time:hms12", "14h30", "quatorze heures trente"),
        ("it", "date:mdy", "03052024", "cinque marzo duemilaventiquattro"),
        ("pt-br", "date:y", "1984", "mil novecentos e oitenta e quatro"),
        ("hi", "date:md", "3/5", "पाँच मार्च"),
        ("ja", "date:dm", "5/3", "三月五日"),
        ("zh", "date:my", "3/2024", "二零二四年三月"),
    ],
)
def test_other_languages_have_their_own_order_whatever_the_format(
    language: str, how: str, written: str, said: str
) -> None:
    assert normalise(written, language, say_as=how).text == said


def test_other_languages_have_their_own_words_for_say_as() -> None:
    assert normalise("21", "es", say_as="ordinal").text == "vigésimo primero"
    assert normalise("2024", "fr-fr", say_as="digits").text == "deux zéro deux quatre"
    assert normalise("5/3/2024", "zh", say_as="date").text == "二零二四年三月五日"
    assert normalise("12", "ja", say_as="cardinal").text == "十二"


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en-us", "5㎏ at 20℃", "five kilograms at twenty degrees Celsius"),
        ("es", "5 ㎞", "cinco kilómetros"),
        ("fr-fr", "3㎡", "trois mètres carrés"),
        ("ja", "60㎏", "六十キログラム"),
        ("zh", "20℃", "二十摄氏度"),
        ("it", "① Uno", "uno Uno"),
        ("ja", "②", "二"),
    ],
)
def test_signs_for_a_whole_unit_or_number_are_read_as_such(language: str, written: str, said: str) -> None:
    assert read(written, language) == said


def test_each_stretch_of_a_reading_knows_its_source_text() -> None:
    text = "He paid $5.50 on 3/5/2024, Ben."
    reading = normalise(text, "en-us")

    def written(words: str) -> str:
        at = reading.text.index(words)
        span = reading.source(at, at + len(words))
        return text[span.start : span.end]

    assert written("fifty") == "$5.50"
    assert written("cents on March") == "$5.50 on 3/5/2024"
    assert written("paid") == "paid"
    assert written("ai") == "ai"
    assert written("Ben.") == "Ben."
    assert written(reading.text) == text


def test_equal_readings_compare_equal() -> None:
    assert normalise("5 km", "en-us") == normalise("5 km", "en-us")
    assert len({normalise("5 km", "en-us"), normalise("5 km", "en-us")}) == 1
    assert Reading(text="").source(0, 0) == Span(start=0, end=0)


BITS = st.sampled_from(
    [
        "$5",
        "€1.2bn",
        "3/5/2024",
        "10:30 p.m.",
        "St.",
        "Mr. X",
        "5'10\"",
        "½",
        "👍🏽",
        "https://a.b/c?d=e",
        "x@y.org",
        "pp. 3-5",
        "XIV",
        "IV",
        "FBI",
        "20–25 °C",
        "…",
        "--",
        "***",
        "_a_",
        "1,234.5",
        "+44 20 7946 0958",
        "№ 5",
        "C#",
        "10²",
        "'90s",
        "I",
        "r.pdf",
        "1914–18",
        "²",
        "a/b",
        "#1",
        "3.er",
        "1ª",
        "2e",
        "₹5.50",
        "５",
        "१५",
        "𝟏𝟐",
        "年",
        "3時",
        "\n",
        "  ",
        "\ue000",
        "0" * 14,
        "x" * 50,
        "A1",
        "(ii)",
        "ABC DEF GHIJ",
        "%",
        "=",
        "\u200d",
        "é",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(BITS, max_size=8).map(" ".join),
    st.lists(BITS, max_size=6).map("".join),
    st.text(alphabet="aAbIVXst .,:;-–/'\"$£€%°#@&+=()0123456789½\n", max_size=40),
)


@settings(deadline=None, max_examples=600)
@given(
    TEXTS, st.sampled_from(sorted(LANGUAGES)), st.booleans(), st.sampled_from(["", "", "", "characters", "date:ymd"])
)
def test_every_character_of_any_reading_has_a_source_and_no_letter_is_lost(
    text: str, language: str, heading: bool, how: str
) -> None:
    reading = normalise(text, language, heading=heading, say_as=how)
    covered = set[int]()
    for piece in reading.stretches:
        assert 0 <= piece.start < piece.end <= len(reading.text)
        assert 0 <= piece.source.start < piece.source.end <= len(text)
        assert not piece.exact or piece.end - piece.start == piece.source.end - piece.source.start
        covered.update(range(piece.start, piece.end))
    assert all(one.end <= other.start for one, other in pairwise(reading.stretches))
    assert all(one.source.start <= other.source.start for one, other in pairwise(reading.stretches))
    assert {at for at, char in enumerate(reading.text) if not char.isspace()} <= covered
    sources = {at for piece in reading.stretches for at in range(piece.source.start, piece.source.end)}
    assert {at for at, char in enumerate(text) if char.isalnum()} <= sources
    assert reading.text == " ".join(reading.text.split())


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(0, 80), st.integers(0, 80))
def test_any_stretch_of_a_reading_has_a_place_in_the_text(text: str, one: int, other: int) -> None:
    reading = normalise(text, "en-gb")
    start, end = sorted((min(one, len(reading.text)), min(other, len(reading.text))))
    span = reading.source(start, end)
    assert 0 <= span.start <= span.end <= len(text)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="abcdefg hijklm nopqrstuvwxyz,;’", max_size=60), st.sampled_from(sorted(LANGUAGES)))
def test_plain_words_stay_as_they_are(text: str, language: str) -> None:
    assert read(text, language) == " ".join(text.split())


def test_normalising_a_reading_again_changes_nothing() -> None:
    said = [read(case.written, case.language) for case in text_reading.cases() if case.language.startswith("en")]
    assert [read(text) for text in said] == said


def test_a_heading_of_line_ends_takes_linear_time() -> None:
    assert read("\n" * 200_000 + "a", heading=True) == "a."


@pytest.mark.parametrize(
    ("unit", "language"),
    [(unit, "en-us") for unit in ("a.", "1.1.", "/", "(", " ", "http://")] + [("1.1.", "fr-fr"), ("1-", "zh")],
)
def test_repetitions_take_linear_time(unit: str, language: str) -> None:
    # With a square of 200,000 the test's own limit of time would be over.
    text = unit * (200_000 // len(unit))
    assert sum(map(str.isalnum, read(text, language))) >= sum(map(str.isalnum, text)) or unit == "http://"


def test_the_test_sets_are_read_as_well_as_the_page_states() -> None:
    found = text_reading.cases()
    held = [case for case in found if case.held]
    assert text_reading.share(found) > 0.97
    assert text_reading.share(held) > 0.94
    sets = ("sentences.txt", "sentences_later.txt")
    cut = [
        text_reading.boundaries(language, wanted) for name in sets for language, wanted in text_reading.paragraphs(name)
    ]
    assert text_reading.summed(cut).f1 > 0.99
