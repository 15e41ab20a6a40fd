"""Recognises by their first bytes files that hold no text: sound, pictures, archives, programs. Knows no reader."""

import re

_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"{\\rtf", "an RTF document"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"AT&TFORM", "a DjVu file"),
    (0, b"ITOLITLS", "a Microsoft Reader book"),
    (60, b"BOOKMOBI", "a Kindle book (MOBI)"),
    (60, b"TEXtREAd", "a Palm book"),
    (0, b"OggS\0", "an Ogg sound file"),
    (0, b"fLaC\0", "a FLAC sound file"),
    (0, b"MThd\0", "a MIDI file"),
    (0, b"#!AMR", "an AMR sound file"),
    (0, b"\x1a\x45\xdf\xa3", "a film (Matroska, WebM)"),
    (0, b"FLV\x01", "a film (FLV)"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF87a", "a GIF picture"),
    (0, b"GIF89a", "a GIF picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"\0\0\1\0", "an icon"),
    (0, b"8BPS\0", "a Photoshop picture"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (0, b"\x04\x22\x4d\x18", "an lz4 archive"),
    (0, b"Rar!\x1a", "a RAR archive"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"MSCF\0", "a cabinet archive"),
    (256, b"\0ustar", "a tar archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"\xcf\xfa\xed\xfe", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"\0asm", "a program"),
    (0, b"SQLite format 3\0", "a database"),
    (0, b"wOFF\0", "a font"),
    (0, b"wOF2\0", "a font"),
    (0, b"OTTO\0", "a font"),
)
# A few letters may begin a text as well, so what stands behind them counts: a size, a version, a frame of sound.
_PATTERNS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"ID3[\x02-\x04][\0-\x0a]"), "an MP3 file"),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "a WAV sound file"),
    (re.compile(rb"RIFF.{4}AVI ", re.DOTALL), "a film (AVI)"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "a WebP picture"),
    (re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL), "an AIFF sound file"),
    (re.compile(rb"\0\0..ftyp", re.DOTALL), "an MP4 sound, picture or film file"),
    (re.compile(rb"BZh[1-9]1AY&SY"), "a bzip2 archive"),
    (re.compile(rb"BM.{4}\0{4}", re.DOTALL), "a BMP picture"),
    (re.compile(rb"MZ[^\0]{0,8}\0", re.DOTALL), "a program"),
    (re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef][^\0]{0,4000}\0", re.DOTALL), "an MP3 file"),
    (re.compile(rb"\xff[\xf1\xf9][\x40-\x7f][^\0]{0,4000}\0", re.DOTALL), "an AAC sound file"),
)
_MEMBERS: tuple[tuple[bytes, str], ...] = (
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
    (b"xl/workbook.xml", "an Excel sheet"),
    (b"ppt/presentation.xml", "a PowerPoint file"),
    (b"AndroidManifest.xml", "a program"),
    (b"META-INF/MANIFEST.MF", "a program"),
)
"""Names of members and types that stand in an archive uncompressed."""
_BOOK = (b"META-INF/container.xml", b".opf")


def named(data: bytes) -> str:
    """What a file without text looks like, such as `a PNG picture`; empty if it may be a text."""
    for at, mark, what in _MARKS:
        if data[at : at + len(mark)] == mark:
            return what
    return next((what for pattern, what in _PATTERNS if pattern.match(data)), "")


def archived(data: bytes) -> str:
    """What a ZIP archive looks like that is neither an EPUB nor a Word file; empty if it may be one of them."""
    if any(name in data for name in _BOOK):
        return ""
    return next((what for name, what in _MEMBERS if name in data), "a ZIP archive")
