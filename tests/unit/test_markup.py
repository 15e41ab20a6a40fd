"""Markup in the text: pronunciations, pauses, voices and a cast; text that only resembles markup stays text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import SourceError
from tasks.documents import read
from tasks.documents.markup import Cast, runs
from tasks.documents.model import Chapter, Mark, Run, Tag

CAST = "voices:\n  ANNA: af_bella\n  Old Ben: am_adam(2)+af_sky(1)\n\n"


def chapter(text: str, name: str = "talk.txt") -> Chapter:
    return read(text.encode(), name).chapters[0]


def marked(found: Chapter) -> list[tuple[str, str, str]]:
    return [(mark.kind, mark.value, found.text[mark.start : mark.end]) for mark in found.marks]


@pytest.mark.parametrize("name", ["talk.txt", "talk.md"])
def test_a_word_with_phonemes_is_the_word_with_a_mark(name: str) -> None:
    found = chapter("Say [Kokoro](/kˈOkəɹO/) and [New York](/nˈu jˈɔɹk/).", name)
    assert found.text == "Say Kokoro and New York."
    assert marked(found) == [("phonemes", "kˈOkəɹO", "Kokoro"), ("phonemes", "nˈu jˈɔɹk", "New York")]


@pytest.mark.parametrize("name", ["talk.txt", "talk.md"])
@pytest.mark.parametrize(
    ("written", "length_ms"),
    [("1.5s", "1500"), ("500ms", "500"), ("60s", "60000"), (" 2 s", "2000"), ("0s", "0"), ("0.25s", "250")],
)
def test_a_pause_has_the_place_where_it_was_written(name: str, written: str, length_ms: str) -> None:
    found = chapter(f"One [pause:{written}] two.", name)
    assert found.text == "One two."
    assert found.marks == (Mark(start=4, end=4, kind="pause", value=length_ms),)


@pytest.mark.parametrize("name", ["talk.txt", "talk.md"])
def test_a_voice_lasts_to_the_next_or_to_the_chapters_end(name: str) -> None:
    blend = "af_heart*0.5+am_echo*0.5"
    text = f"# I\n\na [voice:af_bella]b\n\nc [voice:{blend}]d [voice:]e\n\n[voice:bf_emma]\n\nf\n\n# II\n\ng"
    first, second = read((text if name.endswith("md") else text.replace("#", "CHAPTER")).encode(), name).chapters
    assert [(value, said) for _, value, said in marked(first)] == [
        ("af_bella", "b"), ("af_bella", "c"), (blend, "d"), ("bf_emma", "f"),
    ]  # fmt: skip
    assert second.marks == ()


@pytest.mark.parametrize("name", ["talk.txt", "talk.md"])
@pytest.mark.parametrize(
    "text",
    [
        "[pause:soon] or [pause:] or [pause 1s] here",
        "[voice: cracking with rage] he said",
        "[sic] and [1] here",
        "[word](/no sounds: 7/) here",
    ],
)
def test_text_that_only_resembles_markup_is_text(name: str, text: str) -> None:
    found = chapter(text, name)
    assert (found.text, found.marks) == (text, ())


def test_a_backslash_keeps_markup_as_text() -> None:
    for name in ("talk.txt", "talk.md"):
        assert chapter("Write \\[pause:1s] here.", name) == Chapter(title="talk", text="Write [pause:1s] here.")


def test_in_markdown_plain_letters_between_slashes_are_a_link_and_code_is_code() -> None:
    found = chapter("See [the guide](/guide/) and `[pause:1s]`.", "talk.md")
    assert (found.text, found.marks) == ("See the guide and [pause:1s].", ())
    assert marked(chapter("A [test](/test/).")) == [("phonemes", "test", "test")]


@pytest.mark.parametrize("text", ["a [pause:61s] b", "a [pause:99999ms] b"])
def test_an_impossible_pause_is_refused_and_the_limit_is_named(text: str) -> None:
    with pytest.raises(SourceError, match=r"talk\.txt has \[pause:.*write 60 seconds at most"):
        chapter(text)


@given(st.text(st.sampled_from("[](/)voicepaus:1.5sm_ af\\ˈə\n*+"), max_size=60))
def test_all_letters_outside_markup_stay_in_order(text: str) -> None:
    try:
        found = runs(text, "talk.txt")
    except SourceError:
        return
    rest = iter(text)
    assert all(char in rest for run in found for char in run.text)
    if not any(run.tags for run in found):
        assert "".join(run.text for run in found).replace("\\", "") == text.replace("\\", "")


# A cast


@pytest.mark.parametrize("name", ["play.txt", "play.md"])
def test_a_cast_speaks_its_lines_and_its_names_are_not_spoken(name: str) -> None:
    found = chapter(
        f"{CAST}The lights go up.\n\nANNA: Hello.\nOld Ben: Hi, and\nwelcome.\n\nSilence. Note: none.", name
    )
    assert found.text == "The lights go up.\n\nHello.\n\nHi, and welcome.\n\nSilence. Note: none."
    assert marked(found) == [("voice", "af_bella", "Hello."), ("voice", "am_adam(2)+af_sky(1)", "Hi, and welcome.")]


@pytest.mark.parametrize("name", ["play.txt", "play.md"])
def test_front_matter_may_list_the_cast_too(name: str) -> None:
    for voices in ("voices:\n  ANNA: af_bella  # hers\n  'Ben': am_adam", "voices: {ANNA: af_bella, BEN: am_adam}"):
        found = chapter(f"---\ntitle: A Play\n{voices}\n---\n\nAnna: Hello.\nBEN: Hi.\n", name)
        assert marked(found) == [("voice", "af_bella", "Hello."), ("voice", "am_adam", "Hi.")]


def test_a_cast_name_may_be_bold() -> None:
    for line in ("**ANNA:** Hello.", "**ANNA**: Hello."):
        assert marked(chapter(CAST + line, "play.md")) == [("voice", "af_bella", "Hello.")]


def test_a_voice_within_a_cast_line_ends_with_the_line() -> None:
    found = chapter(f"{CAST}ANNA: Hello [voice:bf_emma]dear [voice:]you.\n\nAnd on.")
    assert marked(found) == [
        ("voice", "af_bella", "Hello"),
        ("voice", "bf_emma", "dear"),
        ("voice", "af_bella", "you."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Note: this is prose.\n\nANNA: so is this.",
        "Voices:\nthey came from everywhere.\n\nANNA: Hello.",
        "voices:\n  Anna: alto\n  Ben: tenor\n\nANNA: Hello.",
    ],
)
def test_without_a_cast_a_colon_is_plain_text(text: str) -> None:
    found = chapter(text)
    assert (found.text.split(), found.marks) == (text.split(), ())


def test_a_cast_with_a_line_that_names_no_voice_is_refused() -> None:
    with pytest.raises(SourceError, match=r"play\.md lists 'ANNA' among its voices: write `NAME: voice`"):
        chapter("---\nvoices:\n  ANNA\n---\n\nANNA: Hello.", "play.md")


def test_a_reader_may_pass_runs_of_its_own() -> None:
    french = Tag("language", "fr")
    cast = Cast(voices={"anna": "af_bella"})
    assert list(cast.speeches([Run("ANNA: Hello "), Run("toi", (french,)), Run("\nYou.")])) == [
        [
            Run("Hello ", (Tag("voice", "af_bella"),)),
            Run("toi", (Tag("voice", "af_bella"), french)),
            Run("\n", (Tag("voice", "af_bella"),)),
            Run("You.", (Tag("voice", "af_bella"),)),
        ]
    ]
