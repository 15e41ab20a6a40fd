"""A paragraph made of runs: its text is the text without markup, and every mark covers the letters of its run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.documents.model import BREAK, Draft, Mark, ReaderOptions, Run, Tag, audible, clean
from tasks.documents.runs import placed

FRENCH = Tag("language", "fr")
AWKWARD = st.text(st.sampled_from("ab é\u0301e\n\r\t\x00\u200b\xad\u1100\u1161\u11a8\u0915\u093f\u0327 "), max_size=6)
PIECES = st.lists(st.one_of(AWKWARD, st.text(max_size=6)), max_size=12)


@given(PIECES)
def test_the_text_of_runs_is_the_text_without_marks(pieces: list[str]) -> None:
    runs = [Run(piece, (Tag("say", str(at)),)) for at, piece in enumerate(pieces)]
    assert placed(runs)[0] == clean("".join(pieces))


@given(PIECES)
def test_marks_cover_every_visible_character_and_no_blanks_at_their_edges(pieces: list[str]) -> None:
    text, marks = placed([Run(piece, (Tag("say", str(at)),)) for at, piece in enumerate(pieces)])
    assert "".join("".join(text[one.start : one.end] for one in marks).split()) == "".join(text.split())
    assert all(text[one.start : one.end].strip() == text[one.start : one.end] != "" for one in marks)
    assert [one.end for one in marks[:-1]] <= [one.start for one in marks[1:]]


@given(st.lists(st.text(st.sampled_from("ab \n\t\u200b"), max_size=6), max_size=12))
def test_a_mark_covers_exactly_its_runs_visible_characters(pieces: list[str]) -> None:
    text, marks = placed([Run(piece, (Tag("say", str(at)),)) for at, piece in enumerate(pieces)])
    expected = {str(at): clean(piece) for at, piece in enumerate(pieces) if clean(piece)}
    assert {one.tag.value: text[one.start : one.end] for one in marks} == expected


def test_an_accent_stays_with_its_letter_across_runs() -> None:
    text, marks = placed([Run("cafe", (FRENCH,)), Run("\u0301 noir"), Run("", (Tag("pause", "5"),))])
    assert (text, text[marks[0].start : marks[0].end]) == ("café noir", "café")


def test_runs_of_one_element_share_a_mark_and_inner_marks_follow_outer_ones() -> None:
    inner = Tag("rate", "0.5")
    text, marks = placed([Run("un ", (FRENCH,)), Run("deux", (FRENCH, inner)), Run(" trois", (FRENCH,)), Run(" four")])
    assert [(text[one.start : one.end], one.tag) for one in marks] == [("un deux trois", FRENCH), ("deux", inner)]


def test_equal_tags_of_two_elements_are_two_marks() -> None:
    _, marks = placed([Run("a", (Tag("say", "x"),)), Run("b", (Tag("say", "x"),))])
    assert [(one.start, one.end) for one in marks] == [(0, 1), (1, 2)]


@pytest.mark.parametrize(("before", "behind", "at"), [("", "word", 0), ("one ", "two", 4), ("word ", "", 4)])
def test_a_pause_comes_before_the_next_visible_character(before: str, behind: str, at: int) -> None:
    _, marks = placed([Run(before), Run("", (Tag("pause", "500"),)), Run(behind)])
    assert [(one.start, one.end) for one in marks] == [(at, at)]


# In a chapter


def test_marks_count_from_the_chapters_beginning() -> None:
    draft = Draft()
    draft.add("One.")
    draft.add([Run("Say "), Run("oui", (FRENCH,)), Run(".")])
    chapter = draft.chapter()
    assert chapter.text == f"One.{BREAK}Say oui."
    assert chapter.marks == (Mark(start=10, end=13, kind="language", value="fr"),)


def test_a_pause_alone_in_its_paragraph_comes_before_the_next_or_at_the_end() -> None:
    draft = Draft()
    pause = [Run("", (Tag("pause", "900"),))]
    for paragraph in ("One.", pause, "Two.", pause):
        draft.add(paragraph)
    chapter = draft.chapter()
    assert chapter.text == f"One.{BREAK}Two."
    assert [mark.start for mark in chapter.marks] == [6, 10]


def test_a_voice_that_is_switched_to_lasts_until_the_next_switch_or_the_chapters_end() -> None:
    draft = Draft()
    draft.add([Run("a "), Run("", (Tag("voice", "af_bella"),)), Run("b")])
    draft.add("c")
    draft.add([Run("d "), Run("", (Tag("voice", ""),)), Run("e")])
    chapter = draft.chapter()
    assert [chapter.text[one.start : one.end] for one in chapter.marks] == ["b", "c", "d"]
    assert {one.value for one in chapter.marks} == {"af_bella"}


def test_notes_come_after_everything_else_with_their_marks() -> None:
    draft = Draft()
    draft.add("Text.")
    draft.add([Run("Note", (FRENCH,))], kind="notes")
    draft.add("More", heading=True)
    chapter = draft.chapter()
    assert chapter.text == BREAK.join(("Text.", "More", "Note"))
    assert chapter.headings == (1,)
    assert chapter.text[chapter.marks[0].start : chapter.marks[0].end] == "Note"


def drafted(wanted: ReaderOptions) -> Draft:
    draft = Draft(options=wanted)
    draft.add([Run("Look: "), Run("a cat", kind="images"), Run(" ", kind="images")])
    draft.add("Note.", kind="notes")
    draft.add("Its end.", kind="notes", continued=True)
    draft.add("x = 1", kind="code")
    draft.add("a, b", kind="tables")
    return draft


@pytest.mark.parametrize(
    ("wanted", "text", "left_out"),
    [
        (
            ReaderOptions(),
            ["Look:", "a, b", "Note.", "Its end."],
            ("2 images (unless --speak images)", "1 code block (unless --speak code)"),
        ),
        (
            ReaderOptions(skip=frozenset(("notes", "tables")), speak=frozenset(("images", "code"))),
            ["Look: a cat", "x = 1"],
            ("1 image (without alternative text)", "1 note (--skip notes)", "1 table (--skip tables)"),
        ),
    ],
)
def test_requested_sections_are_kept_and_the_others_are_listed_with_the_reason(
    wanted: ReaderOptions, text: list[str], left_out: tuple[str, ...]
) -> None:
    (chapter,), named = audible([drafted(wanted)], otherwise="x")
    assert chapter.text.split(BREAK) == text
    assert named == left_out


def test_a_skipped_section_is_listed_by_its_title_or_kind() -> None:
    wanted = ReaderOptions(skip=frozenset(("copyright", "notes")))
    drafts = [Draft(kind="copyright", options=wanted), Draft(title="Endnotes", kind="notes", options=wanted)]
    drafts.append(Draft(kind="dedication", options=wanted))
    for draft in drafts:
        draft.add("Words.")
    (chapter,), named = audible(drafts, otherwise="x")
    assert chapter.kind == "dedication"
    assert named == ("the copyright page (--skip copyright)", "Endnotes (--skip notes)")
