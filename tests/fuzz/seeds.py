"""A few ordinary inputs for each parser, from which the fuzzer starts."""

from typing import Final

from parsers import CONTAINER, PACKAGE, PAGE, SPACES, zipped
from printing import lines, pdf

from chorus.bundle import pack
from chorus.records import RECORD_VERSION
from chorus.wire import Chunk, Kind, encode

NAV: Final = (
    "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:epub='http://www.idpf.org/2007/ops'><body><nav epub:type='toc'>"
    "<ol><li><a href='1.xhtml'>One</a><ol><li><a href='2.xhtml#a'>Two</a></li></ol></li></ol></nav>"
    "<nav epub:type='landmarks'><a epub:type='copyright-page' href='2.xhtml'>C</a></nav></body></html>"
)
NCX: Final = (
    "<ncx><navMap><navPoint><navLabel><text>One</text></navLabel><content src='1.xhtml'/><navPoint><navLabel><text>Two"
    "</text></navLabel><content src='2.xhtml#a'/></navPoint></navPoint></navMap></ncx>"
)
ABOUT: Final = (
    "<package xmlns:opf='o'><metadata><title id='t'>T</title><meta refines='#t' property='title-type'>main</meta>"
    "<creator opf:role='aut'>A</creator><meta name='calibre:series' content='S'/><meta name='calibre:series_index' "
    "content='3.0'/><meta name='cover' content='c'/><language>en</language></metadata><manifest><item id='1' "
    "href='1.xhtml' media-type='application/xhtml+xml'/></manifest><spine><itemref idref='1' linear='no'/>"
    "<itemref idref='1'/></spine><guide><reference type='cover' href='1.xhtml'/></guide></package>"
)
HTML: Final = (
    "<!DOCTYPE html><html lang='en'><head><meta charset='koi8-r'><title>T</title></head><body><main><h1>One</h1><p>A <b>"  # noqa: E501
    "bold</b> <i lang='fr'>mot</i><sup><a href='#n'>1</a></sup><br>x</p><ol start='3' type='i'><li value='9'>x</ol>"
    "<table><tr><th>A<th>B<tr><td>1<td>2</table><pre><code>x = 1</code></pre><img alt='a cat' src='c.png'><aside "
    "role='doc-footnote' id='n'>Note.</aside><h2>Two</h2><p>End &amp; &#x41;.</p></main></body></html>"
)
SSML: Final = (
    "<?xml version='1.0'?><speak xml:lang='en'><p><s>One.</s><break time='1.5s' strength='weak'/><prosody rate='+20%'>"
    "<voice name='af_bella(2)+af_sky(1)'>Two</voice></prosody> <say-as interpret-as='date' format='yyyymmdd'>20240305"
    "</say-as><sub alias='x'>y</sub><phoneme ph='hɛloʊ'>hello</phoneme><audio/></p></speak>"
)
MARKDOWN: Final = (
    "---\ntitle: T\nlang: en\nvoices:\n  A: af_bella\n---\n# One\n\nA: *Text* with [pause:1.5s] and [word](/wɝd/) and "
    "[voice:af_sky] `code`[^1] ![cat](c.png)\n\n> 1. x\n> - [x] y\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Two\n\n<i "
    "lang='fr'>mot</i>\n\n```\ncode\n```\n\n[^1]: A note\n    more\n"
)
TEXT: Final = (
    "Title: T\nAuthor: A\n\n*** START OF THE PROJECT GUTENBERG EBOOK T ***\n\nCONTENTS\n\nChapter 1\nChapter 2\n"
    "Chapter 3\n\nCHAPTER I\n\nThe first line is wrap-\nped here.\n\n[Illustration: a cat]\n\nCHAPTER II\n\n    Verse\n"
    "    more\n\n  - item\n\n*** END OF THE PROJECT GUTENBERG EBOOK T ***\n"
)
WORD: Final = (
    f"<w:document {SPACES}><w:body><w:p><w:pPr><w:pStyle w:val='Heading1'/><w:numPr><w:ilvl w:val='0'/><w:numId "
    "w:val='1'/></w:numPr></w:pPr><w:r><w:rPr><w:lang w:val='fr'/></w:rPr><w:t>One</w:t><w:br/><w:tab/></w:r></w:p>"
    "<w:tbl><w:tblPr><w:tblLook w:firstRow='1'/></w:tblPr><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr>"
    "</w:tbl></w:body></w:document>"
)
STYLES: Final = (
    f"<w:styles {SPACES}><w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val='en'/></w:rPr></w:rPrDefault></w:docDefaults>"  # noqa: E501
    "<w:style w:type='paragraph' w:default='1' w:styleId='Normal'><w:name w:val='Normal'/></w:style><w:style w:styleId="
    "'Heading1'><w:name w:val='heading 1'/><w:basedOn w:val='Normal'/><w:pPr><w:outlineLvl w:val='0'/></w:pPr></w:style>"  # noqa: E501
    "</w:styles>"
)
CORE: Final = (
    "<cp:coreProperties xmlns:cp='http://schemas.openxmlformats.org/package/2006/metadata/core-properties' "
    "xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>T</dc:title><dc:creator>A</dc:creator><dc:language>en"
    "</dc:language></cp:coreProperties>"
)
RELATIONS: Final = (
    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'><Relationship Id='a' "
    "Type='http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles' Target='styles.xml'/>"
    "</Relationships>"
)
PLS: Final = (
    "<lexicon version='1.0' xmlns='http://www.w3.org/2005/01/pronunciation-lexicon' alphabet='ipa' xml:lang='en-US'>"
    "<lexeme><grapheme>Hermione</grapheme><phoneme prefer='true'>hɝmˈaɪəni</phoneme></lexeme><lexeme><grapheme>x"
    "</grapheme><alias>y</alias></lexeme></lexicon>"
)
SAID: Final = (
    "On 3/4/2024 at 5:30pm Dr. Smith (b. 1967) paid $1,234.56 for 3½ kg; see http://a.b/c?d=1 — 10% off, XIV. No. 5 :-)"
    " £5m, 1990s, 20°C, 5'10\", 1,000,000, +1-555-123-4567, 1st, 2/3, v2.0.1, a@b.com, NASA, WHO, #7, 10:00–11:30."
)
ELSEWHERE: Final = (
    "Le 3 mai 2024 à 17h30, 1 234,56 €, 3 kg. २०२४ में १,२३४। 2024年3月4日は¥1,234です。「はい。」と言った。"
)


def _fields(fields: dict[str, bytes | int | str]) -> bytes:
    parts = (part if isinstance(part, bytes) else str(part).encode() for pair in fields.items() for part in pair)
    return b"\xff".join(parts)


SEEDS: Final[dict[str, tuple[bytes | str, ...]]] = {
    "container": (CONTAINER,), "package": (PACKAGE, ABOUT), "nav": (NAV,), "ncx": (NCX,), "page": (PAGE, HTML),
    "encryption": ("<encryption><EncryptionMethod Algorithm='http://www.idpf.org/2008/embedding'/></encryption>",),
    "archive": (zipped({"META-INF/container.xml": CONTAINER, "b.opf": PACKAGE, "1.xhtml": PAGE, "2.xhtml": PAGE}),),
    "html": (HTML,), "ssml": (SSML,), "markdown": (MARKDOWN,), "text": (TEXT,),
    "unnamed": (HTML, SSML, MARKDOWN, TEXT, pack([("a.md", b"# One\n\nx")])),
    "word": (WORD,), "styles": (STYLES,), "properties": (CORE,), "relations": (RELATIONS,),
    "pdf": (pdf(lines("Some text.", "More."), lines("End."), outline=[(1, "One", 1), (1, "Two", 2)], about="/Title(T)"),),  # noqa: E501
    "furniture": (b"\x10\xf0\x30Header 1\n\x10\x80\x30Some text that is bro-\n\x10\x70\x30ken.\f\x10\xf0\x30Header 2",),
    "toml": ('Hermione = "/hɝmˈaɪəni/"\n[en]\nx = "y"\n',), "json": ('{"Hermione": "/hɝ/", "en": {"x": "y"}}',),
    "pls": (PLS,),
    "wire": (_fields(encode(Chunk(kind=Kind.AUDIO, segment=1, pcm=b"\0\1"))),),
    "record": (
        _fields({
            "version": RECORD_VERSION, "state": "running", "request": '{"name":"a.txt"}', "document": '{"title":"T"}',
            "created_ms": 1, "spoken_by:a#1": 3,
            "result": '{"path":"p","store":"s","host":"h","frames":1,"format":"wav","bytes":3}',
        }),
    ),
    "worker": ('{"id":"a#1","host":"a","pid":1,"role":"voice","slots":{"bulk":2},"voices":["af_heart"]}',),
    "request": ('{"name":"a.txt","voice":"af_bella(2)+af_sky","language":"en","chapters":"1-3","pauses":"cut=1"}',),
    "sidecar": ((
        '{"version":1,"job":"j","epoch":1,"part":0,"chapter":0,"frames":1,"sha256":"x","segments":[{"number":0,'
        '"offset":0,"frames":1,"start":0,"end":1,"text":"x","timings":[["a",0,1]],"failed":false}],"loudness_db":[1]}'
    ),),
    "normalise": (f"\0{SAID}", f"\2{ELSEWHERE}", f"\7{ELSEWHERE}", f"\x80{SAID}"),
    "sentences": (f"\0{SAID}", f"\7{ELSEWHERE}", f"\2{ELSEWHERE}"),
}  # fmt: skip
"""By the parser's name."""


def seeds(parser: str) -> list[bytes]:
    """A parser's ordinary inputs."""
    return [seed.encode("utf-8") if isinstance(seed, str) else seed for seed in SEEDS[parser]]
