"""SSML: its words become the text, its elements become marks, and unknown elements are listed."""

import pytest

from chorus.errors import SourceError
from tasks.documents import Document, read
from tasks.documents.model import Mark


def ssml(body: str, attributes: str = "", name: str = "talk.ssml") -> Document:
    return read(f"<speak {attributes}>{body}</speak>".encode(), name)


def marked(body: str) -> list[tuple[str, str, str]]:
    (chapter,) = ssml(body).chapters
    return [(mark.kind, mark.value, chapter.text[mark.start : mark.end]) for mark in chapter.marks]


def text(body: str) -> str:
    return ssml(body).chapters[0].text


def test_paragraphs_and_sentences_keep_their_words_and_lose_their_layout() -> None:
    body = "\n  <p>\n One   two.\n <s>Three.</s><s>Four.</s></p>\n Free\n text.\n\n And more.\n"
    assert text(body) == "One two. Three.\nFour.\n\nFree text.\n\nAnd more."
    assert ssml(body, 'xml:lang="en-GB"').language == "en-GB"


@pytest.mark.parametrize(
    ("element", "length_ms"),
    [
        ('<break time="500ms"/>', 500), ('<break time="1.5s"/>', 1500), ('<break time=".25s"/>', 250),
        ("<break/>", 450), ('<break strength="x-weak"/>', 60), ('<break strength="weak"/>', 200),
        ('<break strength="strong"/>', 900),
        ('<break strength="x-strong" time="2s"/>', 2000), ('<break strength="none"/>', None),
    ],
)  # fmt: skip
def test_a_break_is_a_silence_given_by_time_or_strength(element: str, length_ms: int | None) -> None:
    (chapter,) = ssml(f"One {element} two.").chapters
    assert chapter.text == "One two."
    expected = () if length_ms is None else (Mark(start=4, end=4, kind="pause", value=str(length_ms)),)
    assert chapter.marks == expected


def test_a_sentence_without_a_final_mark_is_followed_by_a_sentences_pause() -> None:
    assert marked("<s>One</s><s>Two.</s><s>Three</s>") == [("pause", "200", ""), ("pause", "200", "")]


@pytest.mark.parametrize(
    ("body", "marks"),
    [
        ('<sub alias="World Wide Web">WWW</sub>', [("say", "World Wide Web", "WWW")]),
        ('<sub alias="said"/>', []),
        ('<sub alias="one two">a<emphasis>b</emphasis></sub>c', [("say", "one two", "ab")]),
        ('<phoneme alphabet="ipa" ph="həˈloʊ">hello</phoneme>', [("phonemes", "həˈloʊ", "hello")]),
        ('<phoneme ph="ə">a</phoneme>', [("phonemes", "ə", "a")]),
        ('<say-as interpret-as="date" format="dmy">1/2/20</say-as>', [("as", "date:dmy", "1/2/20")]),
        ('<say-as interpret-as="Spell-Out">abc</say-as>', [("as", "characters", "abc")]),
        ('<voice name="bf_emma">a</voice>', [("voice", "bf_emma", "a")]),
        ("<say-as interpret-as='date' format='YYYYMMDD'>a</say-as>", [("as", "date:ymd", "a")]),
        ("<say-as interpret-as='time' format='hms12'>a</say-as>", [("as", "time:hms12", "a")]),
        ("<say-as interpret-as='telephone' format='1'>a</say-as>", [("as", "telephone", "a")]),
        ('<voice name="af_bella(2)+af_sky(1)">a</voice>', [("voice", "af_bella(2)+af_sky(1)", "a")]),
        (
            '<lang xml:lang="fr">oui</lang> <p xml:lang="de">ja</p>',
            [("language", "fr", "oui"), ("language", "de", "ja")],
        ),
        ("<emphasis>a</emphasis> <w>b</w>", []),
    ],
)
def test_an_element_becomes_a_mark_on_its_words(body: str, marks: list[tuple[str, str, str]]) -> None:
    assert marked(body) == marks
    assert ssml(body).left_out == ()


@pytest.mark.parametrize(
    ("rate", "factor"),
    [
        ("x-slow", "0.5"), ("slow", "0.75"), ("medium", "1"), ("fast", "1.25"), ("x-fast", "1.5"), ("80%", "0.8"),
        ("+10%", "1.1"), ("-20%", "0.8"), ("1.2", "1.2"), ("+0.5", "1.5"), ("9", "4"), ("1%", "0.25"),
    ],
)  # fmt: skip
def test_a_rate_becomes_a_speakable_factor(rate: str, factor: str) -> None:
    assert marked(f'<prosody rate="{rate}">a</prosody>') == [("rate", factor, "a")]


def test_nested_rates_multiply() -> None:
    body = '<prosody rate="0.5">a <prosody rate="3">b</prosody></prosody>'
    assert marked(body) == [("rate", "0.5", "a b"), ("rate", "1.5", "b")]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("<audio src='x.mp3'>a</audio>", "<audio>"),
        ("<mstts:silence xmlns:mstts='x'>a</mstts:silence>", "<silence>"),
        ("<prosody pitch='high'>a</prosody>", "the pitch of <prosody>"),
        ("<prosody rate='brisk'>a</prosody>", '<prosody rate="brisk">'),
        ("<voice name='en-US-Jenny'>a</voice>", '<voice name="en-US-Jenny">'),
        ("<voice gender='female'>a</voice>", "a <voice> without a name"),
        ("<phoneme alphabet='x-sampa' ph='a'>a</phoneme>", "phonemes in x-sampa"),
        ("<say-as interpret-as='poem'>a</say-as>", '<say-as interpret-as="poem">'),
        ("a <break time='soon' strength='none'/>", 'the length of <break time="soon">'),
        ("a <break strength='huge'/>", "the strength of a <break>"),
    ],
)
def test_unknown_elements_are_listed_and_their_text_is_read(body: str, named: str) -> None:
    assert text(body) == "a"
    assert marked(body) == []
    assert ssml(body).left_out == (f"{named} (not understood; its text is read)",)


def test_a_date_with_an_unknown_format_is_still_read_as_a_date() -> None:
    body = "<say-as interpret-as='date' format='julian'>a</say-as>"
    assert marked(body) == [("as", "date", "a")]
    named = 'the format of <say-as interpret-as="date" format="julian">'
    assert ssml(body).left_out == (f"{named} (not understood; its text is read)",)


def test_the_name_of_an_unknown_element_is_shortened_to_a_line() -> None:
    (told,) = ssml(f"<voice name='{'x y ' * 9000}'>a</voice>").left_out
    assert len(told) < 150


def test_metadata_is_not_read() -> None:
    assert text("<metadata><title>No</title></metadata><audio src='a'>a bell<desc>No</desc></audio>") == "a bell"


def test_ssml_is_recognised_by_its_first_bytes() -> None:
    for before in ("", "\n", "\ufeff", '<?xml version="1.0"?>\n<!-- so -->\n', "<!DOCTYPE speak PUBLIC 'a' 'b'>"):
        document = read(f"{before}<speak>Hello &amp; good&#32;bye.</speak>".encode(), "stdin")
        assert document.chapters[0].text == "Hello & good bye."


def test_ssml_is_read_in_its_declared_encoding() -> None:
    for encoding in ("utf-16", "iso-8859-1"):
        data = f'<?xml version="1.0" encoding="{encoding}"?><speak>naïve</speak>'.encode(encoding)
        assert read(data, "talk.ssml").chapters[0].text == "naïve"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("<speak>one\n<p>two</speak>", "talk.ssml is not well-formed SSML: line 2, "),
        ("<speak>a &nbsp; b</speak>", "Entity 'nbsp' not defined"),
        ("<!DOCTYPE speak SYSTEM 'http://127.0.0.1/x'><speak>&foo;</speak>", "Entity 'foo' not defined"),
        (
            '<!DOCTYPE speak [<!ENTITY a SYSTEM "file:///etc/passwd">]><speak>&a;</speak>',
            "declares entities of its own",
        ),
        ("<html>no</html>", "is no SSML: it begins with <html>"),
        ("<speak/>", "holds no text"),
        ('<speak>a <break time="90s"/> b</speak>', "write 60 seconds at most"),
        (f"<speak>{'<p>' * 41}a{'</p>' * 41}</speak>", "more than 40 deep"),
    ],
)
def test_unreadable_ssml_is_refused_in_one_sentence(data: str, sentence: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(data.encode(), "talk.ssml")
    assert str(caught.value).startswith("talk.ssml ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
