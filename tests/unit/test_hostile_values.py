"""Absurd values where a document, a lexicon or a stream may state one: each is read, or refused in one sentence.

The law is that of tests/fuzz/parsers.py. What is read must also be normalised, and cut into segments.
"""

import sys
from pathlib import Path

import pytest

from chorus.errors import OptionError, SourceError
from chorus.request import Request, Wishes
from tasks import documents
from tasks.documents.model import Chapter, Mark, select
from tasks.normalise import normalise
from tasks.plan import MOST_UNSAID, Cut
from tasks.segmenting.segments import Segment, segments

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
import parsers  # it stands beside the fuzzer

NINES, ZEROS = "9" * 5000, "0" * 5000
FIGURES = {
    "5,000 digits": NINES,
    "5,000 digits behind a point": f"0.{NINES}",
    "5,000 zeros and a one": f"{ZEROS}1",
    "a negative number of 5,000 digits": f"-{NINES}",
    "400 digits with a sign": f"+{NINES[:400]}",
    "an endless power": "1e999999",
    "an endless small power": "1e-999999",
    "powers of powers": "1e1e1e1e1",
    "ten to 400 digits": f"10^{NINES[:400]}",
    "a sum of 5,000 digits": f"${NINES}",
    "a sum of 400 digits and millions": f"£{NINES[:400]}m",
    "cents of 5,000 digits": f"$1.{NINES}",
    "a sum behind 400 digits": f"{NINES[:400]} €",
    "thousands 600 times": "1" + ",000" * 600,
    "thousands with points 600 times": "1" + ".000" * 600,
    "thousands with blanks 600 times": "1" + " 000" * 600,
    "thousands of two kinds": "1,000.000,000.000" * 100,
    "a fraction of 5,000 digits": f"1/{NINES}",
    "a fraction of nothing": "1/0 0/0 5/0",
    "fractions of fractions": "1/" * 1000 + "2",
    "a percentage of 400 digits": f"{NINES[:400]}%",
    "a percentage that is no number": "NaN% inf% -%",
    "a length of 400 digits": f"{NINES[:400]} km",
    "an ordinal of 400 digits": f"{NINES[:400]}th",
    "an ordinal of nothing": "0th -1st 1th",
    "a date that is none": "99/99/9999, 0000-00-00, 31/02/2024, 2024-13-45",
    "a date of 4,000 parts": "1/2/" * 1000,
    "a year of 400 digits": f"in {NINES[:400]} BC",
    "a time that is none": "99:99:99, 24:61, 00:00:00:00",
    "a time of 2,000 parts": "1:" * 1000 + "30",
    "a range backwards": "9-1, 2024-1999, 9–1",
    "a range of 400 digits": f"{NINES[:400]}-{NINES[:400]}",
    "a range of 1,000 parts": "1-" * 1000 + "2",
    "10,000 Roman letters": "M" * 10_000,
    "Roman letters in no order": "IIIIIVXXXXXMMMMMM LLL VX IM",
    "a chapter of 999 letters": f"Chapter {'X' * 999}",
    "a version of 2,000 parts": "v" + "1." * 1000,
    "an address of 2,000 parts": "http://" + "a." * 1000 + "com/" + "x/" * 1000,
    "a mail with 2,000 signs": "a@" * 1000 + "b.com",
    "a telephone number of 400 digits": f"+1 ({NINES[:200]}) {NINES[:200]}",
    "Arabic digits": "٣" * 5000,
    "Indian digits": "९" * 5000,
    "digits of other scripts together": "1٣९३๙𝟗９",
    "raised digits": "x²" * 1000 + "²" * 1000,
    "circled digits": "①⑳㊿⓿❶" * 500,
    "fractions as letters": "½⅐⅒↉1½2⅓" * 500,
    "Roman numerals as letters": "ⅷⅯↂↈ" * 500,
    "Chinese figures": "一億兆京垓" * 500,
    "dots": "." * 5000,
    "dashes": "-" * 5000,
    "signs of currencies": "$€£¥₹" * 1000,
    "signs of sums": "∑∫≠≤±×÷" * 500,
    "hashes and figures": "#1#2#" * 500,
    "abbreviations": "Dr. Mr. St. No. vs. etc. " * 200,
    "capitals": "NASA HTTP ABCDEFGH " * 200,
    "inches and feet": "5'10\" " * 500,
    "degrees": "20°C -300°F 9°9'9\" " * 200,
    "joiners": "a\u200d\u200c\ufe0f" * 1000,
    "accents": "e" + "\u0301" * 5000,
    "letters for private use": "\ue000\ue001\uf8ff" * 500,
    "unassigned letters": "\u0378\U000e0080\U0010fffd" * 500,
}
LANGUAGES = parsers.LANGUAGES


@pytest.mark.parametrize(
    ("which", "language"),
    # Each in English and in two other languages; all rules of a language meet a quarter of them.
    [
        (which, code)
        for at, which in enumerate(FIGURES)
        for code in ("en-us", *(LANGUAGES * 2)[1 + at % 8 : 3 + at % 8])
    ],
)
def test_an_absurd_figure_is_normalised(which: str, language: str) -> None:
    # A heading is read by a few rules more, and one language of each kind is enough to try them.
    reading = normalise(FIGURES[which], language, heading=language in ("en-gb", "it", "zh"))
    assert all(part.source.end <= len(FIGURES[which]) for part in reading.stretches)


@pytest.mark.parametrize("which", FIGURES)
def test_an_absurd_figure_is_cut_into_segments_without_losing_a_character(which: str) -> None:
    # A text file of it, with words around it that can be spoken.
    document = documents.read(f"He said {FIGURES[which][:800]} aloud.".encode(), "figures.txt")
    [chapter] = document.chapters
    cut = Cut(chapter=chapter, segments=list(segments(chapter, "en-us")))
    assert list(cut.watched())
    cut.check()


LONG = "x" * 100_000
DEEP = 30_000
SSMLS: dict[str, str] = {
    **{
        f"a pause of {said}": f"<speak>a<break time='{value}'/>b</speak>"
        for said, value in (
            ("an endless power", "1e999s"), ("no number", "nan"), ("infinity", "infs"), ("less than nothing", "-5s"),
            ("5,000 digits", f"{NINES}s"), ("Arabic digits", "٣s"), ("two units", "1s5ms"), ("a minute and more", "61s"),  # noqa: E501
            ("5,000 zeros", f"{ZEROS}s"), ("a blank", " "),
        )
    },
    **{
        f"a rate of {said}": f"<speak><prosody rate='{value}'>a b c</prosody></speak>"
        for said, value in (
            ("no number", "nan%"), ("infinity", "inf"), ("an endless power", "1e5%"), ("less than nothing", "-100%"),
            ("far less than nothing", "-999999%"), ("5,000 digits", f"{NINES}%"), ("nothing", "0"), ("a thousandfold", "1000"),  # noqa: E501
            ("a word", "x-x-fast"), ("a line", "1\n2"),
        )
    },
    "a voice of 100,000 letters": f"<speak><voice name='{LONG}'>a</voice></speak>",
    "a voice that is a path": "<speak><voice name='../../etc/passwd'>a</voice></speak>",
    "a voice with markup": "<speak><voice name='[/x]&#27;[31m'>a</voice></speak>",
    "a blend of 2,000 voices": f"<speak><voice name='{'+'.join(['af_a'] * 2000)}'>a</voice></speak>",
    "a share of 5,000 digits": f"<speak><voice name='af_a({NINES})'>a</voice></speak>",
    "a language of 50,000 parts": f"<speak xml:lang='{'a-' * 50_000}'>a</speak>",
    "a language in the text of 50,000 parts": f"<speak>b <lang xml:lang='{'a-' * 50_000}'>a</lang></speak>",
    "a reading of 100,000 letters": f"<speak><say-as interpret-as='{LONG}'>1</say-as></speak>",
    "a format of 100,000 letters": f"<speak><say-as interpret-as='date' format='{'dmy' * 30_000}'>1/2/3</say-as></speak>",  # noqa: E501
    "a date of 5,000 digits": f"<speak><say-as interpret-as='date' format='ymd'>{NINES}</say-as></speak>",
    "a time that is none": "<speak><say-as interpret-as='time' format='hms12'>99:99:99</say-as></speak>",
    "a cardinal of 5,000 digits": f"<speak><say-as interpret-as='cardinal'>{NINES}</say-as></speak>",
    "an ordinal of no digits": "<speak><say-as interpret-as='ordinal'>minus</say-as></speak>",
    "a fraction of nothing": "<speak><say-as interpret-as='fraction'>1/0</say-as></speak>",
    "a unit of 5,000 digits": f"<speak><say-as interpret-as='unit'>{NINES}km</say-as></speak>",
    "a currency of 5,000 digits": f"<speak><say-as interpret-as='currency'>${NINES}</say-as></speak>",
    "5,000 characters": f"<speak><say-as interpret-as='characters'>{NINES}</say-as></speak>",
    "an alias of 100,000 letters": f"<speak><sub alias='{LONG}'>a</sub> b</speak>",
    "an alias without a sound": "<speak><sub alias='[/x]'>a</sub> b</speak>",
    "phonemes of 100,000 letters": f"<speak><phoneme ph='{LONG}'>a</phoneme> b</speak>",
    "phonemes without a sound": "<speak><phoneme ph='&#27;[31m'>a</phoneme> b</speak>",
    "a charset that unpacks": "<?xml version='1.0' encoding='zlib'?><speak>a</speak>",
    "a charset that runs": "<?xml version='1.0' encoding='unicode_escape'?><speak>a</speak>",
    "a version of XML": "<?xml version='9.9'?><speak>a</speak>",
    "a root of 100,000 letters": f"<{LONG}>a</{LONG}>",
    "a root with a colon": "<:>a</:>",
    "a name of 100,000 letters": f"<speak><{LONG}/>a</speak>",
    "an attribute twice": "<speak xml:lang='a' xml:lang='b'>a</speak>",
    "30,000 elements in one another": f"<speak>{'<p>' * DEEP}a{'</p>' * DEEP}</speak>",
    "entities of its own": "<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>",
    "an entity that is none": "<speak>&nbsp;</speak>",
    "a character that is none": "<speak>a&#0;&#x110000;&#xD800;b</speak>",
    "another encoding than it says": "<?xml version='1.0' encoding='utf-16'?><speak>a</speak>",
}  # fmt: skip


@pytest.mark.parametrize("which", SSMLS)
def test_absurd_ssml_is_read_and_cut_or_refused_in_one_sentence(which: str) -> None:
    data = SSMLS[which].encode()
    parsers.check("ssml", data)
    try:
        document = documents.read(data, "absurd.ssml")
    except SourceError:
        return
    assert len(document.left_out) <= 20
    for chapter in document.chapters:
        cut = Cut(chapter=chapter, segments=list(segments(chapter, "es")))
        assert list(cut.watched())
        cut.check()


def package(meta: str = "", items: str = "", spine: str = "<itemref idref='1'/>", attributes: str = "") -> bytes:
    item = "<item id='1' href='1.xhtml' media-type='application/xhtml+xml'/>"
    return (
        f"<package><metadata>{meta}</metadata><manifest>{item}{items}</manifest><spine{attributes}>{spine}</spine></package>"
    ).encode()


NAV = "<item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>"
POINT = "<navPoint><navLabel><text>x</text></navLabel><content src='1.xhtml'/>"
PARTS: dict[str, tuple[str, bytes]] = {
    "100,000 items": ("package", package(items="<item id='a' href='b'/>" * 100_000)),
    "700,000 items": ("package", package(items="<a/>" * 700_000)),
    "one document 20,000 times": ("package", package(spine="<itemref idref='1'/>" * 20_000)),
    "20,000 documents that are missing": (
        "package",
        package("", "".join(f"<item id='m{n}' href='m{n}.xhtml'/>" for n in range(20_000)),
                "<itemref idref='1'/>" + "".join(f"<itemref idref='m{n}'/>" for n in range(20_000))),
    ),
    "a spine that names itself": ("package", package(attributes=" toc='1'")),
    "contents that are the package": ("package", package(items="<item id='n' href='b.opf' properties='nav'/>")),
    "a title of 100,000 letters": ("package", package(f"<title>{LONG}</title>")),
    "a title with markup and escapes": ("package", package("<title>[/x]&#155;31m&#8238;&#10;x</title>")),
    "100,000 authors": ("package", package("<creator>A</creator>" * 100_000)),
    "a position of 5,000 digits": ("package", package(
        f"<meta name='calibre:series' content='S'/><meta name='calibre:series_index' content='{NINES}'/>")),
    "a language of 50,000 parts": ("package", package(f"<language>{'a-' * 50_000}</language>")),
    "a path out of the archive": ("package", package(items="<item id='2' href='../../../etc/passwd'/>")),
    "a path of 100,000 steps": ("package", package(items=f"<item id='2' href='{'../' * 33_000}x'/>")),
    "a path that is no text": ("package", package(items="<item id='2' href='%ff%00%0a'/>", spine="<itemref idref='2'/>")),  # noqa: E501
    "an empty path": ("package", package(items="<item id='2' href=''/>", spine="<itemref idref='2'/>")),
    "a package without a spine": ("package", b"<package/>"),
    "a package that is a text": ("package", b"no package"),
    "a package of nothing": ("package", b""),
    "a container of nothing": ("container", b""),
    "a container that points out of the archive": ("container", b"<rootfile full-path='../../etc/passwd'/>"),
    "a container that points to itself": ("container", b"<rootfile full-path='META-INF/container.xml'/>"),
    "a container with 100,000 roots": ("container", b"<c>" + b"<rootfile full-path='x'/>" * 100_000 + b"</c>"),
    "protections of nothing": ("encryption", b""),
    "protections of everything": ("encryption", b"<e><EncryptionMethod Algorithm='x'/></e>"),
    "an NCX that leads to itself": ("ncx", b"<ncx><navPoint><content src='t.ncx'/></navPoint></ncx>"),
    "an NCX 300 deep": ("ncx", f"<ncx>{POINT * 300}{'</navPoint>' * 300}</ncx>".encode()),
    "an NCX of another charset": ("ncx", b"<?xml version='1.0' encoding='zlib'?><ncx/>"),
    "a nav that leads to itself": ("nav", b"<html xmlns='http://www.w3.org/1999/xhtml'><nav><a href='nav.xhtml'>x</a></nav></html>"),  # noqa: E501
    "a nav of anchors that are no text": ("nav", b"<html xmlns='http://www.w3.org/1999/xhtml'><nav><a href='1.xhtml#%ff%00'>x</a></nav></html>"),  # noqa: E501
    "a list from 5,000 digits": ("html", f"<ol start='{NINES}'><li value='-{NINES}'>x</ol>".encode()),
    "a reversed list from nothing": ("html", b"<ol reversed start=''><li>x<li>y</ol>"),
    "an image with 100,000 letters": ("html", f"<p>x<img alt='{LONG}'></p>".encode()),
    "characters beyond all": ("html", b"<p>x&#99999999999999999999;&#xFFFFFFFFFF;&#0;&#xD800;</p>"),
    "a title of 100,000 letters in a page": ("html", f"<title>{LONG}</title><p>x</p>".encode()),
    "a language of 30,000 letters in a page": ("html", f"<html lang='{'a-' * 15_000}'><p>x</p></html>".encode()),
    "3,000 languages in one another": ("html", b"<i lang=fr>" * 3000 + b"x"),
    "a style of 30,000 letters": ("html", f"<p style='{'display:' * 4000}'>x</p>".encode()),
    "20,000 classes": ("html", f"<p class='{'a ' * 15_000}'>x</p>".encode()),
    "a heading level of 9": ("html", b"<h9>x</h9><p>y</p>"),
    "a table in a list in a table": ("html", b"<table><tr><td><ul><li><table><tr><td>x" * 50),
    "a list number of nine digits": ("markdown", b"999999999. x\n"),
    "a front matter of markup": ("markdown", b"---\ntitle: '[/x]\x1b[31m'\nauthor: a\x9bb\n---\nx\n"),
    "a cast that is none": ("markdown", b"---\nvoices:\n  x\n---\ny\n"),
    "a cast of 100,000 letters": ("markdown", f"---\nvoices:\n  {LONG[:50_000]}\n---\ny\n".encode()),
    "a pause of nine digits": ("markdown", b"a [pause:999999999s] b\n"),
    "a pause of 5,000 digits": ("markdown", f"a [pause:{NINES}s] b\n".encode()),
    "notes that lead to one another": ("markdown", b"x[^a]\n\n[^a]: y[^b]\n\n[^b]: z[^a]\n"),
    "a heading of 100,000 brackets": ("markdown", b"# " + b"]" * 100_000 + b"\n\nx\n"),
    "a level of 5,000 digits": ("word", f"<w:document {parsers.SPACES}><w:body><w:p><w:pPr><w:outlineLvl w:val='{NINES}'/></w:pPr><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>".encode()),  # noqa: E501
    "styles based on themselves": ("styles", f"<w:styles {parsers.SPACES}><w:style w:styleId='Normal' w:type='paragraph' w:default='1'><w:basedOn w:val='Normal'/></w:style></w:styles>".encode()),  # noqa: E501
    "styles of nothing": ("styles", b""),
    "properties of nothing": ("properties", b""),
    "relations of nothing": ("relations", b""),
    "a lexicon of 5,000 digits": ("json", f'{{"x": {NINES}}}'.encode()),
    "a lexicon that is no number": ("json", b'{"x": NaN, "y": 1e999999}'),
    "a lexicon of lists": ("json", b"[" * 50_000),
    "a lexicon with a key of 100,000 letters": ("json", f'{{"{LONG}": "y"}}'.encode()),
    "a lexicon with half a letter": ("json", b'{"x\\ud800": "y"}'),
    "a lexicon of a language that is none": ("json", f'{{"{LONG}": {{"x": "y"}}}}'.encode()),
    "a lexicon of a date": ("toml", b"x = 9999-99-99\n"),
    "a lexicon of 5,000 digits in TOML": ("toml", f"x = {NINES}\n".encode()),
    "a lexicon of tables in tables": ("toml", b"[" + b"a." * 2000 + b"b]\nx='y'\n"),
    "a lexicon with entities": ("pls", b"<!DOCTYPE lexicon [<!ENTITY a 'b'>]><lexicon/>"),
    "a lexicon of another root": ("pls", f"<{LONG}/>".encode()),
    "a lexicon 30,000 deep": ("pls", b"<lexicon>" * DEEP),
    "an entry with 5,000 digits": ("wire", f"v\xff1\xffk\xffaudio\xffs\xff{NINES}\xffx\xff0".encode("latin-1")),
    "an entry with Arabic digits": ("wire", b"v\xff1\xffk\xffaudio\xffs\xff" + "٣".encode() + b"\xffx\xff0"),
    "an entry of another kind": ("wire", f"v\xff1\xffk\xff{LONG}\xffs\xff1".encode("latin-1")),
    "an entry of a version to come": ("wire", b"v\xff999999\xffk\xffaudio\xffs\xff1"),
    "an entry of nothing": ("wire", b""),
}  # fmt: skip


@pytest.mark.parametrize("which", PARTS)
def test_an_absurd_part_of_a_document_is_read_or_refused_in_one_sentence(which: str) -> None:
    parser, data = PARTS[which]
    parsers.check(parser, data)


WISHES: dict[str, Wishes] = {
    "a title that is no text": {"title": "\udcff"},
    "an author that is no text": {"author": "a\ud800"},
    "a name that is no text": {"name": "\udcff.txt"},
    "a speed of 400 digits": {"speed": 10**400},
    "a speed of 5,000 digits": {"speed": 10**5000},
    "a speed that is no number": {"speed": float("nan")},
    "an endless speed": {"speed": float("inf")},
    "a voice of 100,000 letters": {"voice": LONG},
    "a blend of 10,000 voices": {"voice": "+".join(["af_a"] * 10_000)},
    "a share of 5,000 digits": {"voice": f"af_a({NINES})+af_b"},
    "a language of 100,000 parts": {"language": "a-" * 100_000},
    "a pause of 5,000 digits": {"pauses": f"cut={NINES}"},
    "a pause of 100,000 letters": {"pauses": LONG},
    "something to skip of 100,000 letters": {"skip": LONG},
    "an encoding of 100,000 letters": {"encoding": LONG},
    "an encoding that unpacks": {"encoding": "zlib"},
    "a lexicon of lists": {"lexicon": "[" * 50_000},
    "a lexicon of a word of 100,000 letters": {"lexicon": f'{{"": {{"{LONG}": "x"}}}}'},
}


@pytest.mark.parametrize("which", WISHES)
def test_an_absurd_wish_is_refused_in_one_short_sentence(which: str) -> None:
    with pytest.raises(OptionError) as caught:
        Request(**WISHES[which])
    said = str(caught.value)
    assert len(said) < 600
    assert said.isprintable()
    assert ": " in said


@pytest.mark.parametrize(
    "chosen",
    [
        "0",
        "-",
        "-1",
        "1-9" * 999,
        NINES,
        f"1-{NINES}",
        "٣",
        "²",
        ",",
        "1,,2",
        "1-1-1",
        "2-",
        "a\nb",
        "\x1b[31m",
        "1 2",
        "1..2",
    ],
)
def test_chapters_that_are_none_are_refused_in_one_short_sentence(chosen: str) -> None:
    document = documents.read(b"Some text.", "a.txt")
    with pytest.raises(OptionError) as caught:
        select(document, chosen)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_an_open_range_of_chapters_ends_with_the_last() -> None:
    document = documents.read(b"# A\n\nx\n\n# B\n\ny\n", "a.md")
    assert select(document, "1-") == document
    assert len(select(document, " 2 - ").chapters) == 1


def test_what_is_not_spoken_is_named_up_to_a_bound_and_counted_beyond_it() -> None:
    text = "x" * 10_000
    unsaid = ("y" * 5000, *["☃"] * 2000)
    segment = Segment(start=0, end=len(text), phonemes="a", pause_ms=0, tokens=1, unsaid=unsaid)
    cut = Cut(chapter=Chapter(title="", text=text), segments=[segment])
    list(cut.watched())
    told = cut.committed(1).unsaid
    assert len(told) == MOST_UNSAID + 1
    assert max(map(len, told)) < 300
    assert told[-1] == f"{2001 - MOST_UNSAID} more"


@pytest.mark.parametrize("kind", ["say", "phonemes"])
def test_a_replacement_of_100_000_letters_is_not_spoken_but_its_text_is(kind: str) -> None:
    value = "word " * 20_000 if kind == "say" else "a" * 100_000
    chapter = Chapter(title="", text="The cat sat.", marks=(Mark(start=4, end=7, kind=kind, value=value),))  # type: ignore[arg-type]
    [segment] = segments(chapter, "en-us")
    assert segment.tokens < 30
