"""The marks of a chapter: which apply to each of its characters, however they overlap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.documents.model import Chapter, Mark, MarkKind, Span
from tasks.segmenting.marks import LONGEST_TEXT, Marks

TEXT = "abcdefghijklmnopqrstuvwxyz"
WHOLE = Span(start=0, end=len(TEXT))


def mark(start: int, end: int, kind: MarkKind, value: str) -> Mark:
    return Mark(start=start, end=end, kind=kind, value=value)


def of(*marks: Mark, text: str = TEXT) -> Marks:
    return Marks(Chapter(title="", text=text, marks=marks))


LAID = st.lists(
    st.builds(lambda start, length, value: mark(start, start + length, "voice", value),
              st.integers(-2, 27), st.integers(-1, 27), st.sampled_from("xyz")),
    max_size=9,
)  # fmt: skip


@given(LAID)
def test_for_each_character_the_last_mark_of_a_kind_counts(marks: list[Mark]) -> None:
    stretches = list(of(*marks).stretches(WHOLE))
    for at in range(len(TEXT)):
        expected = next((one.value for one in reversed(marks) if one.start <= at < one.end), "")
        assert [one.voice for one in stretches if one.span.start <= at < one.span.end] == [expected]


def test_stretches_end_where_voice_rate_or_silence_change_and_have_no_blanks_at_their_ends() -> None:
    text = "one two three four five"
    marks = of(
        mark(4, 7, "voice", "x"), mark(8, 13, "rate", "1.5"), mark(19, 19, "pause", "300"), mark(2, 2, "pause", "0"),
        text=text,
    )  # fmt: skip
    found = [
        (text[one.span.start : one.span.end], one.voice, one.rate) for one in marks.stretches(Span(start=0, end=23))
    ]
    assert found == [("one", "", 1), ("two", "x", 1), ("three", "", 1.5), ("four", "", 1), ("five", "", 1)]


@pytest.mark.parametrize(
    ("value", "rate"),
    [("1.2", 1.2), ("0.8", 0.8), ("9", 4.0), ("0.01", 0.25), ("fast", 1), ("nan", 1), ("inf", 1), ("-1", 1), ("", 1)],
)
def test_a_rate_is_limited_to_speakable_factors_and_an_invalid_one_is_ignored(value: str, rate: float) -> None:
    (only,) = of(mark(0, 26, "rate", value)).stretches(WHOLE)
    assert only.rate == rate


def test_silences_between_two_places_add_up_to_a_minute_at_most() -> None:
    marks = of(mark(5, 5, "pause", "300"), mark(5, 5, "pause", "200"), mark(9, 9, "pause", "70"))
    assert marks.silence_ms(-1, 4) == 0
    assert marks.silence_ms(4, 5) == 500
    assert marks.silence_ms(5, 9) == 70
    assert marks.silence_ms(-1, 26) == 570
    assert of(*[mark(5, 5, "pause", "50000")] * 9).silence_ms(0, 9) == 60_000


def test_a_phonemizer_gets_only_whole_marks_of_its_span_with_relative_offsets() -> None:
    marks = of(
        mark(0, 12, "language", "fr"), mark(3, 6, "say", "x"), mark(9, 15, "as", "date"), mark(18, 22, "say", "y")
    )
    assert marks.within(Span(start=4, end=20)) == (mark(0, 8, "language", "fr"), mark(5, 11, "as", "date"))
    assert mark(1, 4, "say", "x") in marks.within(Span(start=2, end=9))


def test_a_stretch_with_a_replacement_is_never_split() -> None:
    marks = of(
        mark(3, 6, "phonemes", "x"), mark(4, 4, "pause", "300"), mark(5, 9, "voice", "x"), mark(12, 15, "as", "date")
    )
    assert [marks.splits_atom(at) for at in (2, 3, 4, 5, 6, 13)] == [False, False, True, True, False, False]
    assert [marks.splits(at) for at in (3, 4, 6, 12, 13, 15)] == [False, True, False, False, True, False]
    assert [(one.span.start, one.span.end) for one in marks.stretches(WHOLE)] == [(0, 6), (6, 9), (9, 26)]
    assert [marks.nearest_outside_atom(at, WHOLE) for at in (2, 4, 5, 6)] == [2, 3, 6, 6]


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (TEXT, (mark(0, 9, "say", "x"), mark(3, 5, "say", "y"))),
        (TEXT, (mark(0, 9, "say", " "),)),
        ("ab\n\ncd", (mark(0, 6, "say", "x"),)),
        ("a  b", (mark(1, 3, "say", "x"),)),
        ("a" * 5000, (mark(0, LONGEST_TEXT + 1, "say", "x"),)),
    ],
)
def test_a_replacement_that_cannot_be_used_as_a_whole_is_dropped(text: str, marks: tuple[Mark, ...]) -> None:
    kept = of(*marks, text=text).within(Span(start=0, end=len(text)))
    assert [one.value for one in kept] == [one.value for one in marks[1:]]


def test_looking_up_many_marks_is_fast() -> None:
    text = "word " * 20_000
    lines = [mark(5 * n, 5 * n + 4, "voice", f"v{n % 3}") for n in range(20_000)]
    found = list(of(mark(0, len(text), "language", "fr"), *lines, text=text).stretches(Span(start=0, end=len(text))))
    assert len(found) == 20_000
    assert found[7].voice == "v1"


def test_a_span_has_a_language_only_if_all_of_it_has() -> None:
    marks = of(mark(0, 12, "language", "fr"), mark(3, 6, "language", "de"))
    assert marks.language(Span(start=7, end=12)) == "fr"
    assert marks.language(Span(start=3, end=6)) == "de"
    assert not marks.language(Span(start=0, end=12))


def test_a_dropped_replacement_leaves_the_text_as_written() -> None:
    marks = of(mark(3, 6, "say", "x"), mark(9, 12, "say", "y"))
    marks.drop_atoms(Span(start=3, end=6))
    assert [one.value for one in marks.within(WHOLE)] == ["y"]
    assert marks.atoms(WHOLE) == [Span(start=9, end=12)]
