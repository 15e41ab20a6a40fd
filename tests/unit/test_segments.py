"""Cutting a chapter into segments keeps every character, the model's limit and the order."""

from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chorus.errors import OptionError
from chorus.reading import PAUSES_MS, pauses
from chorus.vocabulary import MAX_TOKENS, VOCABULARY, speaks
from tasks.documents.model import BREAK, Chapter, Draft, Mark, MarkKind, Span, speakable
from tasks.parts.coverage import gaps
from tasks.phonemes.phonemize import Phonemes
from tasks.segmenting import chapter_reader
from tasks.segmenting.cutting import SHORT_TOKENS
from tasks.segmenting.segments import Segment, estimate_frames, segments
from tasks.segmenting.sentences import sentences

LONG = (
    "It was the best of times, it was the worst of times, it was the age of wisdom; it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light — it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing."
)


def chapter(*paragraphs: str, headings: tuple[int, ...] = (), marks: tuple[Mark, ...] = ()) -> Chapter:
    return Chapter(title="", text=BREAK.join(paragraphs), headings=headings, marks=marks)


def over(of: str, words: str, kind: MarkKind, value: str) -> Mark:
    """A mark over the first place where these words stand."""
    start = of.index(words)
    return Mark(start=start, end=start + len(words), kind=kind, value=value)


def pause(at: int, wait_ms: int) -> Mark:
    return Mark(start=at, end=at, kind="pause", value=str(wait_ms))


def texts(of: Chapter, cut: list[Segment]) -> list[str]:
    return [of.text[segment.start : segment.end] for segment in cut]


def check_laws(of: Chapter, cut: list[Segment]) -> None:
    """Nothing of the text is lost, nothing is said twice, and the engine can speak each segment."""
    assert "".join("".join(texts(of, cut)).split()) == "".join(of.text.split())
    assert all(one.end <= other.start for one, other in pairwise(cut))
    assert not list(gaps(of.text, (Span(start=segment.start, end=segment.end) for segment in cut)))
    for segment in cut:
        assert 0 < segment.tokens == len(segment.phonemes) <= MAX_TOKENS
        assert set(segment.phonemes) <= set(VOCABULARY)
        assert speaks(segment.phonemes)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.text(max_size=300), max_size=4),
    st.sampled_from(["en-us", "es", "fr-fr"]),
    st.sampled_from([None, 5, 15]),
    st.sampled_from([20, 150, 900]),
)
def test_every_character_of_any_text_is_in_exactly_one_segment(
    paragraphs: list[str], language: str, first: int | None, target: int
) -> None:
    draft = Draft()
    for number, paragraph in enumerate(paragraphs):
        draft.add(paragraph, heading=number == 0)
    whole = draft.chapter()
    cut = list(segments(whole, language, target=target, first=first))
    # Letters that no phonemizer has a sound for may leave a chapter with nothing to say.
    assert cut or not whole.text.isascii() or not speakable(whole.text)
    if cut:
        check_laws(whole, cut)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="abc ,.;—(\n)'\"", min_size=1, max_size=1500), st.sampled_from([None, 15]))
def test_no_mixture_of_words_and_marks_loses_a_character(text: str, first: int | None) -> None:
    whole = Chapter(title="", text=text)
    cut = list(segments(whole, "en-gb", first=first))
    assert bool(cut) == speakable(text)
    if cut:
        check_laws(whole, cut)


_KINDS = ["language", "voice", "rate", "say", "phonemes", "as", "pause"]
_VALUES = ["fr", "en-gb", "af_bella", "bm_george", "1.2", "0.5", "", "nan", "World Wide Web", "wˈʊd", "characters",
           "date", "300", "99999", "say " * 300, "—", "🙂"]  # fmt: skip
_MARKS = st.lists(
    st.builds(
        lambda start, length, kind, value: Mark(start=start, end=start + length, kind=kind, value=value),
        st.integers(0, 260), st.integers(0, 120), st.sampled_from(_KINDS), st.sampled_from(_VALUES),
    ),
    max_size=8,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.text(max_size=90) | st.sampled_from([LONG, "He said “No. Never. Not I!” and left."]), max_size=4),
    _MARKS,
    st.sampled_from([None, 15]),
    st.sampled_from([20, 150]),
)
def test_marks_never_lose_a_character_of_the_text(
    paragraphs: list[str], marks: list[Mark], first: int | None, target: int
) -> None:
    draft = Draft()
    for number, paragraph in enumerate(paragraphs):
        draft.add(paragraph, heading=number == 0)
    whole = replace(draft.chapter(), marks=tuple(sorted(marks, key=lambda mark: mark.start)))
    cut = list(segments(whole, "en-us", target=target, first=first))
    if cut:
        check_laws(whole, cut)
    assert cut == list(segments(whole, "en-us", target=target, first=first))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=90) | st.just(LONG), max_size=3), _MARKS, st.integers(0, 6))
def test_a_cut_that_stops_early_has_made_the_same_segments(
    paragraphs: list[str], marks: list[Mark], taken: int
) -> None:
    whole = replace(chapter(*paragraphs), marks=tuple(sorted(marks, key=lambda mark: mark.start)))
    at_once = list(segments(whole, "en-us", first=15))
    assert list(islice(segments(whole, "en-us", first=15), taken)) == at_once[:taken]


def test_a_voice_and_a_rate_have_segments_of_their_own() -> None:
    text = "Ada looked up. “Who is it?” she asked. Nobody spoke."
    whole = chapter(text, marks=(over(text, "“Who is it?”", "voice", "bf_emma"), over(text, "Nobody", "rate", "0.8")))
    cut = list(segments(whole, "en-us"))
    check_laws(whole, cut)
    said = zip(texts(whole, cut), cut, strict=True)
    assert [(words, segment.voice, segment.rate) for words, segment in said] == [
        ("Ada looked up.", "", 1.0),
        ("“Who is it?”", "bf_emma", 1.0),
        ("she asked.", "", 1.0),
        ("Nobody", "", 0.8),
        ("spoke.", "", 1.0),
    ]
    silences = [PAUSES_MS[kind] for kind in ("sentence", "clause", "sentence", "cut", "chapter")]
    assert [segment.pause_ms for segment in cut] == silences


def test_of_two_nested_voices_the_inner_one_speaks() -> None:
    text = "Here the whole of it is hers, and the middle is his, and the end is hers."
    outer, inner = over(text, text, "voice", "hers"), over(text, "and the middle is his,", "voice", "his")
    cut = list(segments(chapter(text, marks=(outer, inner)), "en-us"))
    assert [segment.voice for segment in cut] == ["hers", "his", "hers"]


def test_two_lines_share_a_segment_only_in_one_voice() -> None:
    text = BREAK.join(("“No.”", "“Yes.”", "“Never.”"))
    alone = chapter(text, marks=(over(text, "“Yes.”", "voice", "bf_emma"),))
    assert texts(alone, list(segments(alone, "en-us"))) == ["“No.”", "“Yes.”", "“Never.”"]
    assert len(list(segments(chapter(text), "en-us"))) == 1


@pytest.mark.parametrize(
    ("text", "at", "waits_ms", "silences_ms"),
    [
        ("He waited and then he spoke.", 10, (1500,), [1500, 1200]),
        ("He waited. Then he spoke.", 11, (1500,), [1500, 1200]),
        ("He waited. Then he spoke.", 10, (1500,), [1500, 1200]),
        ("He waited. Then he spoke.", 11, (100,), [200, 1200]),
        ("He waited. Then he spoke.", 11, (1500, 700), [2200, 1200]),
        ("He waited.\n\nThen he spoke.", 10, (1500,), [1500, 1200]),
        ("He waited.\n\n* * *\n\nThen he spoke.", 12, (1500,), [1500, 1200]),
        ("He waited. Then he spoke.", 25, (5000,), [5000]),
        ("He waited. Then he spoke.", 25, (500,), [1200]),
        ("He waited. Then he spoke.", 11, (99_999,), [60_000, 1200]),
    ],
)
def test_a_requested_silence_lasts_as_long_as_it_says_and_no_pause_gets_shorter(
    text: str, at: int, waits_ms: tuple[int, ...], silences_ms: list[int]
) -> None:
    whole = chapter(text, marks=tuple(pause(at, wait_ms) for wait_ms in waits_ms))
    cut = list(segments(whole, "en-us"))
    check_laws(whole, cut)
    assert [segment.pause_ms for segment in cut] == silences_ms
    assert not any(segment.lead_ms for segment in cut)


def test_a_silence_requested_before_the_first_word_comes_before_it() -> None:
    whole = chapter("* * *", "He spoke.", marks=(pause(0, 800), pause(7, 400)))
    (only,) = segments(whole, "en-us")
    assert (only.lead_ms, only.start) == (1200, 0)


def test_a_replacement_is_spoken_once_and_whole_wherever_segments_end() -> None:
    text = "We had everything before us, we had the W. W. W. and nothing else, and that is all there is of it."
    marks = (over(text, "W. W. W. and nothing", "say", "one, two, three, four, five, six, seven, eight"),)
    for first in (None, 5, 15):
        whole = chapter(text, marks=marks)
        cut = list(segments(whole, "en-us", first=first, target=20))
        check_laws(whole, cut)
        spoken = " ".join(segment.phonemes for segment in cut)
        assert spoken.count("θɹˈi") == spoken.count("ˈAt") == 1
        assert sum("W. W. W. and nothing" in words for words in texts(whole, cut)) == 1


def test_a_replacement_that_is_too_long_is_dropped() -> None:
    whole = chapter("A wet cat ran.", marks=(Mark(start=6, end=9, kind="say", value="on and on " * 200),))
    (only,) = segments(whole, "en-us")
    assert (
        only.phonemes
        != next(segments(replace(whole, marks=(replace(whole.marks[0], value="a wood"),)), "en-us")).phonemes
    )
    assert only.phonemes == next(segments(chapter("A wet cat ran."), "en-us")).phonemes


@pytest.mark.parametrize("times", [4, 30, 60])
def test_a_long_text_with_a_longer_replacement_is_spoken_as_written(times: int) -> None:
    text = "the dog and the cow " * times
    whole = chapter(text, marks=(Mark(start=0, end=len(text) - 1, kind="say", value="on and on " * 200),))
    cut = list(segments(whole, "en-us"))
    check_laws(whole, cut)
    assert cut == list(segments(chapter(text), "en-us"))


@pytest.mark.parametrize("text", ["La casa ༬ es grande.", "༬"])
def test_unspoken_text_is_listed(text: str) -> None:
    whole = chapter("Era una casa, y no era otra cosa.", text, "Y nada más que una casa.")
    cut = list(segments(whole, "es"))
    check_laws(whole, cut)
    assert [words for segment in cut for words in segment.unsaid] == ["༬"]


@pytest.mark.parametrize(("kind", "value"), [("phonemes", "%%"), ("say", "***"), ("say", " ")])
def test_a_word_with_an_inaudible_replacement_is_spoken_as_written(kind: MarkKind, value: str) -> None:
    text = "It was said."
    assert list(segments(chapter(text, marks=(over(text, "said", kind, value),)), "en-us")) == list(
        segments(chapter(text), "en-us")
    )


def test_a_quotation_that_fits_into_a_segment_is_not_split() -> None:
    said = "“We had nothing. We had it all before us. Nobody had told us of it!”"
    before = "It was the age of wisdom, and it was the age of foolishness, and there was more of it. "
    whole = chapter(before + said + " " + before)
    cut = list(segments(whole, "en-us", target=100))
    check_laws(whole, cut)
    assert sum(said in words for words in texts(whole, cut)) == 1


def test_clauses_outside_a_quotation_are_cut_rather_than_those_inside() -> None:
    text = (
        "When the long night came, “one, two, three, and no more of it, if you please,” said he to us, and left us all."
    )
    cut = texts(chapter(text), list(segments(chapter(text), "en-us", target=50)))
    assert all(words.count("“") == words.count("”") for words in cut)


def test_a_clause_without_punctuation_is_cut_before_a_joining_word() -> None:
    whole = chapter("the old grey dog of the house ran down to the sea and the cow went up the hill " * 12)
    cut = list(segments(whole, "en-us", target=150))
    check_laws(whole, cut)
    assert len(cut) > 1
    assert all(words.startswith(("the old", "and")) for words in texts(whole, cut))


def test_ordinary_prose_is_cut_at_punctuation() -> None:
    for target in (80, 150):
        whole = chapter(*[LONG] * 3)
        assert all(words[-1] in ",;—." for words in texts(whole, list(segments(whole, "en-us", target=target))))


@pytest.mark.parametrize("words", [40, 400, 4000])
def test_the_first_live_segment_is_short_and_ends_at_a_clause_and_the_next_ones_double(words: int) -> None:
    prose = " ".join((LONG + " ").split() * (words // len(LONG.split()) + 1))
    whole = chapter(prose)
    first, *rest = segments(whole, "en-us", first=15)
    said = whole.text[first.start : first.end]
    assert said[-1] in ",;—."
    assert len(said) <= 60
    assert first.tokens <= 30
    assert [segment.tokens <= limit for segment, limit in zip(rest, (60, 120, 240), strict=False)] == [True] * 3


def test_a_first_live_clause_may_be_a_few_words_longer() -> None:
    text = "The old grey dog of the house by the sea ran down, " + "and the cow and the hen went up the hill " * 6
    first = next(segments(chapter(text), "en-us", first=15))
    assert text[: first.end].endswith("ran down,")


@pytest.mark.parametrize(
    "text",
    ["x" * 5000, "a1b2" * 1250, "word " * 1000, "é" * 5000, "e\u0301" * 2500, "日本語" * 500, "1" * 5000,
     "“" * 3000 + "a", ", " * 3000 + "end", "a" + " — " * 2000, "and so on; " * 500],
)  # fmt: skip
def test_a_text_without_sentences_is_cut_within_the_limit(text: str) -> None:
    whole = chapter(text)
    check_laws(whole, list(segments(whole, "en-us")))


def test_short_sentences_share_a_segment_up_to_the_target_and_never_across_paragraphs() -> None:
    whole = chapter("He ran. She sat. They ate.", "It rained all the day, and all the night.")
    cut = list(segments(whole, "en-us"))
    assert texts(whole, cut) == ["He ran. She sat. They ate.", "It rained all the day, and all the night."]


def test_a_long_sentence_is_cut_where_its_clauses_end_into_pieces_of_like_length() -> None:
    whole = chapter(LONG)
    cut = list(segments(whole, "en-us", target=80))
    check_laws(whole, cut)
    assert len(cut) > 2
    assert all(text[-1] in ",;—." for text in texts(whole, cut))
    assert max(segment.tokens for segment in cut) < 2 * min(segment.tokens for segment in cut) + 40


def test_a_sentence_a_little_over_the_target_stays_whole() -> None:
    whole = chapter("The quick brown fox, who was tired, jumped over the lazy dog.")
    (only,) = segments(whole, "en-us", target=45)
    assert only.tokens > 45


def test_a_live_job_starts_with_a_clause_and_its_segments_grow() -> None:
    whole = chapter(" ".join([LONG] * 4))
    cut = list(segments(whole, "en-us", first=15))
    check_laws(whole, cut)
    assert texts(whole, cut)[0] == "It was the best of times,"
    assert [segment.tokens for segment in cut[:3]] == sorted(segment.tokens for segment in cut[:3])
    assert cut[0].tokens < 30 < cut[3].tokens


def test_a_live_job_with_an_endless_first_clause_starts_between_words() -> None:
    whole = chapter("the dog and the cat and the cow " * 20)
    first = next(segments(whole, "en-us", first=15))
    assert first.tokens <= 60
    assert whole.text[first.end] == " "


def test_the_first_segment_comes_before_the_chapter_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = chapter(*[f"Paragraph {n} says little. But it says it." for n in range(500)])
    asked: list[str] = []
    honest = chapter_reader.phonemize

    def watched(text: str, language: str, **how: Any) -> Phonemes:
        asked.append(text)
        return honest(text, language, **how)

    monkeypatch.setattr(chapter_reader, "phonemize", watched)
    next(segments(whole, "en-us", first=15))
    assert len(asked) < 10


def test_silence_is_longest_behind_a_chapter_then_a_heading_a_paragraph_a_sentence_a_clause() -> None:
    last = "But at last there was nothing."
    whole = chapter("The Age of Wisdom and of Foolishness", "For us one is enough. " + LONG, last, headings=(0,))
    cut = list(segments(whole, "en-us", target=60))
    silences = {text: segment.pause_ms for text, segment in zip(texts(whole, cut), cut, strict=True)}
    assert silences["The Age of Wisdom and of Foolishness"] == PAUSES_MS["heading"]
    assert silences["For us one is enough."] == PAUSES_MS["sentence"]
    assert silences[last] == PAUSES_MS["chapter"]
    assert PAUSES_MS["paragraph"] in silences.values()
    assert PAUSES_MS["clause"] in silences.values()
    assert list(PAUSES_MS.values()) == sorted(PAUSES_MS.values())


def test_a_short_heading_shares_a_segment_with_the_first_sentence_below_it() -> None:
    whole = chapter("Chapter IV", "It began. " + LONG, headings=(0,))
    cut = list(segments(whole, "en-us"))
    check_laws(whole, cut)
    assert texts(whole, cut)[0].startswith("Chapter IV\n\nIt began.")
    # The stop between them is where the voice rests.
    assert cut[0].phonemes.startswith("ʧˈæptəɹ fˈɔɹ. ˌɪt bəɡˈæn.")
    assert not cut[0].heading


def test_a_long_heading_is_a_segment_of_its_own_and_is_marked() -> None:
    whole = chapter("In Which a Storm Comes Up and Nobody Sees It", "It began.", headings=(0,))
    cut = list(segments(whole, "en-us"))
    assert [segment.heading for segment in cut] == [True, False]
    assert cut[0].pause_ms == PAUSES_MS["heading"]


def test_two_short_headings_share_a_segment_but_a_list_of_them_does_not() -> None:
    storm = chapter("Chapter 1", "The Storm", "It rained.", headings=(0, 1))
    assert len(list(segments(storm, "en-us"))) == 1
    contents = chapter(*[f"Chapter {n}" for n in range(1, 9)], headings=tuple(range(8)))
    cut = list(segments(contents, "en-us"))
    check_laws(contents, cut)
    assert len(cut) == 3


def test_a_very_short_line_joins_its_neighbour_with_a_full_stop_between() -> None:
    whole = chapter("No", "“Why not?” he asked, and got up to look out of the window.", "Because.")
    (only,) = segments(whole, "en-us")
    assert only.phonemes.startswith("nˈO. “")
    assert only.phonemes.endswith(". bəkˈʌz.")


def test_a_very_short_line_joins_a_neighbour_of_its_kind() -> None:
    whole = chapter("“No.”", LONG, "“Yes.”", "“Maybe.”", LONG + " He left.", "“Good.”")
    cut = list(segments(whole, "en-us"))
    check_laws(whole, cut)
    assert all(segment.tokens > SHORT_TOKENS for segment in cut)


def test_a_requested_pause_keeps_a_short_heading_apart_from_its_text() -> None:
    whole = chapter("Chapter IV", "It began.", headings=(0,))
    cut = list(segments(whole, "en-us", pauses=pauses("heading=2000")))
    assert [(text, segment.pause_ms) for text, segment in zip(texts(whole, cut), cut, strict=True)] == [
        ("Chapter IV", 2000),
        ("It began.", PAUSES_MS["chapter"]),
    ]


@pytest.mark.parametrize("kind", ["clause", "sentence", "paragraph", "heading", "scene", "chapter"])
def test_every_kind_of_pause_follows_its_option(kind: str) -> None:
    said = "For us one is enough. "
    whole = chapter("The Age of Wisdom and of Foolishness", LONG, "* * *", said + LONG, said + LONG, headings=(0,))
    usual = [segment.pause_ms for segment in segments(whole, "en-us", target=60)]
    other = [segment.pause_ms for segment in segments(whole, "en-us", target=60, pauses=pauses(f"{kind}=12345"))]
    assert 12345 in other
    if len(usual) == len(other):
        assert {new for old, new in zip(usual, other, strict=True) if old != new} == {12345}


def test_a_row_of_asterisks_becomes_silence_and_its_span_is_kept() -> None:
    whole = chapter("* * *", "One.", "* * *", "Two.", "—")
    cut = list(segments(whole, "en-us"))
    check_laws(whole, cut)
    assert texts(whole, cut) == ["* * *\n\nOne.\n\n* * *", "Two.\n\n—"]
    assert [segment.pause_ms for segment in cut] == [PAUSES_MS["scene"], PAUSES_MS["chapter"]]


def test_a_chapter_with_nothing_to_say_has_no_segments() -> None:
    assert list(segments(chapter("* * *", "…"), "en-us")) == []


def test_a_language_that_cannot_be_spoken_is_refused_before_any_cut() -> None:
    with pytest.raises(OptionError, match="Japanese"):
        next(segments(chapter("一"), "ja"))


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("He met Dr. Who. He left.", ["He met Dr. Who.", "He left."]),
        ("1. item one. 2. item two.", ["1. item one.", "2. item two."]),
        ("By H. G. Wells. It ran.", ["By H. G. Wells.", "It ran."]),
        ("“Go!” he said. “No.”", ["“Go!” he said.", "“No.”"]),
        ("One.   Two.", ["One.", "Two."]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, cut: list[str]) -> None:
    assert [text[span.start : span.end] for span in sentences(text, 0, len(text), "en-us")] == cut


@given(st.text(max_size=200), st.sampled_from(["en-us", "hi", "es"]))
def test_sentences_leave_nothing_between_them_but_blanks(text: str, language: str) -> None:
    spans = list(sentences(text, 0, len(text), language))
    assert "".join("".join(text[span.start : span.end].split()) for span in spans) == "".join(text.split())


def test_an_estimate_is_three_frames_of_600_samples_a_token_and_shrinks_with_speed() -> None:
    assert estimate_frames(100, 1.0) == 180_000
    assert estimate_frames(100, 2.0) == 90_000
