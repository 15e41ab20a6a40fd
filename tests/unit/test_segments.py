"""What every cut of a chapter keeps: each character, the model's limit, and the order of things."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chorus.errors import OptionError
from tasks import segments as room
from tasks.documents.model import BREAK, Chapter, Draft, speakable
from tasks.phonemes import Phonemes
from tasks.segments import PAUSES_MS, Segment, estimate_frames, segments
from tasks.text import sentences
from tasks.vocabulary import N_MAX, VOCABULARY, speaks

LONG = (
    "It was the best of times, it was the worst of times, it was the age of wisdom; it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light — it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing."
)


def chapter(*paragraphs: str, headings: tuple[int, ...] = ()) -> Chapter:
    return Chapter(title="", text=BREAK.join(paragraphs), headings=headings)


def texts(of: Chapter, cut: list[Segment]) -> list[str]:
    return [of.text[segment.start : segment.end] for segment in cut]


def check_laws(of: Chapter, cut: list[Segment]) -> None:
    """Nothing of the text is lost, nothing is said twice, and the engine can speak each segment."""
    assert "".join("".join(texts(of, cut)).split()) == "".join(of.text.split())
    assert all(one.end <= other.start for one, other in pairwise(cut))
    for segment in cut:
        assert 0 < segment.tokens == len(segment.phonemes) <= N_MAX
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


@pytest.mark.parametrize(
    "text",
    ["x" * 5000, "a1b2" * 1250, "word " * 1000, "é" * 5000, "e\u0301" * 2500, "日本語" * 500, "1" * 5000,
     "“" * 3000 + "a", ", " * 3000 + "end", "a" + " — " * 2000, "and so on; " * 500],
)  # fmt: skip
def test_a_text_without_sentences_is_cut_within_the_limit(text: str) -> None:
    whole = chapter(text)
    check_laws(whole, list(segments(whole, "en-us")))


def test_short_sentences_share_a_segment_up_to_the_target_and_never_across_paragraphs() -> None:
    whole = chapter("He ran. She sat. They ate.", "It rained.")
    cut = list(segments(whole, "en-us"))
    assert texts(whole, cut) == ["He ran. She sat. They ate.", "It rained."]


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


def test_a_live_job_starts_between_words_where_its_first_clause_is_endless() -> None:
    whole = chapter("the dog and the cat and the cow " * 20)
    first = next(segments(whole, "en-us", first=15))
    assert first.tokens <= 60
    assert whole.text[first.end] == " "


def test_the_first_segment_comes_before_the_chapter_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = chapter(*[f"Paragraph {n} says little. But it says it." for n in range(500)])
    asked: list[str] = []
    honest = room.phonemize

    def watched(text: str, language: str, *, heading: bool = False) -> Phonemes:
        asked.append(text)
        return honest(text, language, heading=heading)

    monkeypatch.setattr(room, "phonemize", watched)
    next(segments(whole, "en-us", first=15))
    assert len(asked) < 10


def test_silence_is_longest_behind_a_chapter_then_a_heading_a_paragraph_a_sentence_a_clause() -> None:
    whole = chapter("Chapter 1", "One is enough. " + LONG, "Last.", headings=(0,))
    cut = list(segments(whole, "en-us", target=60))
    silences = {text: segment.pause_ms for text, segment in zip(texts(whole, cut), cut, strict=True)}
    assert silences["Chapter 1"] == PAUSES_MS["heading"]
    assert silences["One is enough."] == PAUSES_MS["sentence"]
    assert silences["Last."] == PAUSES_MS["chapter"]
    assert PAUSES_MS["paragraph"] in silences.values()
    assert PAUSES_MS["clause"] in silences.values()
    assert list(PAUSES_MS.values()) == sorted(PAUSES_MS.values())


def test_a_heading_stands_alone_and_is_marked() -> None:
    whole = chapter("Chapter IV", "It began.", headings=(0,))
    cut = list(segments(whole, "en-us"))
    assert [(text, segment.heading) for text, segment in zip(texts(whole, cut), cut, strict=True)] == [
        ("Chapter IV", True),
        ("It began.", False),
    ]
    assert cut[0].phonemes == "ʧˈæptəɹ fˈɔɹ."


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
