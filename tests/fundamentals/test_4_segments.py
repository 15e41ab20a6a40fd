"""Four, segments: a chapter is cut into pieces, each spoken in one run. It has phonemes and its span of the text."""

from chorus.vocabulary import MAX_TOKENS, VOCABULARY
from tasks.documents import read
from tasks.segmenting.segments import segments

LETTER = (
    b"# A letter from the keeper of the light\n\n"
    b"Dear Ada. The boat came home!\n\n"
    b"Nobody was lost, and nobody was late for tea."
)


def test_every_word_of_a_chapter_is_in_exactly_one_segment() -> None:
    (chapter,) = read(LETTER, "letter.md").chapters
    spoken = [chapter.text[segment.start : segment.end] for segment in segments(chapter, "en-us")]
    assert spoken == [
        "A letter from the keeper of the light",
        "Dear Ada. The boat came home!",
        "Nobody was lost, and nobody was late for tea.",
    ]


def test_a_segment_has_phonemes_and_a_pause_after_them() -> None:
    (chapter,) = read(LETTER, "letter.md").chapters
    heading, paragraph, last = segments(chapter, "en-us")
    assert all(symbol in VOCABULARY for symbol in paragraph.phonemes), "each symbol is one token of the model"
    assert paragraph.tokens == len(paragraph.phonemes) <= MAX_TOKENS
    assert paragraph.pause_ms < heading.pause_ms < last.pause_ms


def test_a_paragraph_too_short_to_sound_right_alone_is_joined_with_its_neighbour() -> None:
    (chapter,) = read(b"# Tea\n\nNobody was late for it.", "tea.md").chapters
    (only,) = segments(chapter, "en-us")
    assert chapter.text[only.start : only.end] == "Tea\n\nNobody was late for it."
