"""Sources that are no text, or declare what no page may: each gives its text or one sentence that says what it is."""

import io
import struct
import wave
import zipfile

import pytest

from chorus.errors import SourceError
from tasks import documents
from tasks.documents import charsets

PAGE = "<html><head><meta charset='%s'></head><body><p>Größe und Maß, recht viel.</p></body></html>"


def sound() -> bytes:
    """A second of silence as WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(bytes(16_000))
    return out.getvalue()


def zipped(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), text)
    return out.getvalue()


NO_TEXTS: dict[str, tuple[bytes, str]] = {
    "an MP3 with tags": (b"ID3\x04\0\0\0\0\0\x23TSSE\0\0\0\x0f\0\0\x03Lavf" + b"\xff\xfb\x90\x64\0" * 400, "an MP3"),
    "an MP3 without tags": (b"\xff\xfb\x90\x64\0\x0f\xf0" + b"words words \0" * 400, "an MP3"),
    "an MP3 of lower quality": (b"\xff\xf3\x84\xc4\0" + b"UUUUU" * 400, "an MP3"),
    "AAC": (b"\xff\xf1\x50\x80\x2e\x7f\xfc\x21" + bytes(90), "an AAC"),
    "a WAV": (sound(), "a WAV"),
    "an AIFF": (b"FORM\0\0\1\0AIFFCOMM", "an AIFF"),
    "an Ogg": (b"OggS\0\2" + bytes(20) + b"OpusHead", "an Ogg"),
    "a FLAC": (b"fLaC\0\0\0\x22" + bytes(30), "a FLAC"),
    "an audiobook": (b"\0\0\0\x1cftypM4B \0\0\0\0", "an MP4"),
    "a photograph": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a JPEG"),
    "a PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG"),
    "a GIF": (b"GIF89a\x01\0\x01\0\0\0\0;", "a GIF"),
    "a WebP": (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP"),
    "a BMP": (b"BM" + struct.pack("<IHHI", 90, 0, 0, 54) + bytes(40), "a BMP"),
    "a TIFF": (b"II*\0\x08\0\0\0", "a TIFF"),
    "a film": (b"\x1a\x45\xdf\xa3\x01\0\0\0", "a film"),
    "a gzip archive": (b"\x1f\x8b\x08\0\0\0\0\0", "a gzip"),
    "a bzip2 archive": (b"BZh91AY&SY\x12\x34", "a bzip2"),
    "an xz archive": (b"\xfd7zXZ\0\0\x04", "an xz"),
    "a zstd archive": (b"\x28\xb5\x2f\xfd\x04\0", "a zstd"),
    "a RAR archive": (b"Rar!\x1a\x07\x01\0", "a RAR"),
    "a 7-Zip archive": (b"7z\xbc\xaf\x27\x1c", "a 7-Zip"),
    "a tar archive": (b"book.txt".ljust(256, b"\0") + b"\0ustar\x0000" + bytes(250), "a tar"),
    "a ZIP archive": (zipped(book_DOT_txt="Some text."), "a ZIP archive"),
    "a sheet": (zipped(xl__workbook_DOT_xml="<workbook/>"), "an Excel sheet"),
    "slides": (zipped(ppt__presentation_DOT_xml="<p/>"), "a PowerPoint"),
    "an OpenDocument text": (zipped(mimetype="application/vnd.oasis.opendocument.text"), "an OpenDocument"),
    "a Kindle book": (b"Book".ljust(60, b"\0") + b"BOOKMOBI" + bytes(90), "a Kindle book"),
    "a DjVu": (b"AT&TFORM\0\0\1\0DJVM", "a DjVu"),
    "a PostScript file": (b"%!PS-Adobe-3.0\n/Times findfont\n", "a PostScript"),
    "an RTF": (b"{\\rtf1\\ansi Text.}", "an RTF"),
    "a program": (b"\x7fELF\2\1\1\0", "a program"),
    "a program of Windows": (b"MZ\x90\0\x03\0\0\0", "a program"),
    "a database": (b"SQLite format 3\0\x10\0", "a database"),
    "a font": (b"wOF2\0\1\0\0", "a font"),
}  # fmt: skip


@pytest.mark.parametrize("ending", [".txt", ".md", ".html", ".ssml", ".pdf", ""])
@pytest.mark.parametrize("which", NO_TEXTS)
def test_a_file_without_text_is_refused_by_what_it_looks_like(which: str, ending: str) -> None:
    data, what = NO_TEXTS[which]
    with pytest.raises(SourceError) as caught:
        documents.read(data, f"book{ending}")
    said = str(caught.value)
    assert said.startswith(f"book{ending} is {what}")
    assert said.endswith(": give an EPUB, PDF, Word, HTML, Markdown or plain text file.")


@pytest.mark.parametrize(
    "text",
    ["One big WAVE came.", "The ftyp box.", "ID3 tags are words.", "BMW builds cars.", "MZ is a mark.", "Rar! he said.",
     "OggS is a word.", "BZh9 is none.", "RIFF and RAFF.", "7z is a name.", "ÿû is no word.", "FORM follows AIFF."],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_text_that_begins_with_the_letters_of_a_signature_is_read(text: str, encoding: str) -> None:
    document = documents.read(text.encode(encoding), "book.txt")
    assert document.chapters[0].text == text


UNKNOWN_CHARSETS = (
    "utf-7", "utf7", "unicode-1-1-utf-7", "rot13", "rot_13", "zlib", "zip", "bz2", "hex", "base64", "quopri", "uu",
    "idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "undefined", "mbcs", "ansi", "oem",
    "cp037", "cp1140", "utf-32", "utf_8_sig", "charmap", "palmos", "kz1048", "hz", "iso-2022-kr", "__import__", "..",
)  # fmt: skip


@pytest.mark.parametrize("label", UNKNOWN_CHARSETS)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_charset_that_the_web_does_not_know_is_found_by_the_bytes(label: str, encoding: str) -> None:
    document = documents.read((PAGE % label).encode(encoding), "page.html")
    assert document.chapters[0].text == "Größe und Maß, recht viel."


@pytest.mark.parametrize("label", ["utf-7", "rot13", "unicode_escape", "raw_unicode_escape", "cp037"])
def test_a_charset_of_python_alone_does_not_rewrite_a_page_of_ascii(label: str) -> None:
    said = r"A+2AA-B \u0041 Grpugr."
    document = documents.read((PAGE % label).replace("Größe und Maß, recht viel.", said).encode(), "page.html")
    assert document.chapters[0].text == said


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("ISO-8859-1", "cp1252", "“Größe” – so"), ("latin1", "cp1252", "été"), ("KOI8-R", "koi8-r", "Привет, мир"),
        ("windows-1251", "cp1251", "Привет, мир"), ("Shift_JIS", "cp932", "従来の方法"), ("gb2312", "gb18030", "你好"),
        ("big5", "big5", "你好世界"), ("euc-jp", "euc_jp", "従来の方法"), ("euc-kr", "cp949", "안녕하세요"),
        ("x-mac-roman", "mac-roman", "été"), ("ISO-2022-JP", "iso2022_jp", "従来の方法"), ("TIS-620", "cp874", "สวัสดี"),
    ],
)  # fmt: skip
def test_a_charset_of_the_web_is_believed_under_any_of_its_labels(label: str, codec: str, text: str) -> None:
    page = (PAGE % label).replace("Größe und Maß, recht viel.", text)
    assert documents.read(page.encode(codec), "page.html").chapters[0].text == text


def test_every_label_of_the_web_names_a_codec_of_text() -> None:
    codecs = {charsets.codec(label) for label in ("UTF8", " L1 ", "sjis", "x-gbk", "logical", "greek8", "iso-8859-16")}
    assert codecs == {"utf-8", "cp1252", "cp932", "gb18030", "iso8859-8", "iso8859-7", "iso8859-16"}
    for labels in charsets._LABELS:
        assert isinstance(b"a".decode(labels), str)
