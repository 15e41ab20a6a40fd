"""Finds the kind of a section of a book by its stated type, its title or its file's name. Knows no file format.

Kinds are words of chorus.reading.SKIPPABLE; empty for an ordinary chapter.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_TYPES = {
    "cover": ("cover", "cover-page", "coverpage", "other.cover"),
    "titlepage": ("titlepage", "title-page", "halftitlepage", "halftitle", "fulltitle"),
    "copyright": ("copyright-page", "copyright", "copyrightpage", "imprint", "imprimatur", "colophon"),
    "dedication": ("dedication",),
    "contents": ("toc", "contents", "loi", "lot", "loa", "lov", "toc-brief"),
    "notes": ("footnotes", "endnotes", "rearnotes", "notes"),
    "index": ("index", "index-editor-note"),
    "bibliography": ("bibliography", "biblio", "references"),
}
_NOTES = frozenset(("footnote", "endnote", "rearnote"))
_TITLES = {
    "cover": "cover|front cover|portada|couverture|copertina|capa|einband",
    "titlepage": (
        "title ?page|half[- ]?title(?: page)?|titelseite|titelblatt|page de titre|frontespizio|p[aá]gina de t[ií]tulo"
    ),
    "copyright": "copyright(?: page| notice)?|imprint|colophon|uncopyright|impressum|cr[eé]ditos",
    "dedication": "dedication|widmung|d[eé]dicace|dedicatoria|dedicat[oó]ria|dedica",
    "contents": (
        "(?:table of )?contents|inhalt(?:sverzeichnis)?|table des mati[eè]res|sommaire|[ií]ndice|sum[aá]rio|sommario"
        "|list of (?:illustrations|figures|tables|maps)"
    ),
    "notes": "(?:foot|end|rear)?notes|anmerkungen|fu(?:ss|ß)noten|notas(?: al pie)?",
    "index": "(?:general |subject )?index|register|[ií]ndice (?:anal[ií]tico|remissivo)",
    "bibliography": "bibliograph(?:y|ie)|bibliograf[ií]a|references|works cited|literatur(?:verzeichnis)?",
}  # fmt: skip
# A file called index is usually the whole book, so that name is not listed.
_FILES = re.compile(
    r"(?P<cover>cover|coverpage)|(?P<titlepage>title-?page|half-?title(?:page)?)|(?P<copyright>copyright|imprint|colophon)"
    r"|(?P<dedication>dedication)|(?P<contents>toc|contents|nav)|(?P<notes>footnotes|endnotes)"
    r"|(?P<bibliography>bibliography)"
)
_KIND_OF_TYPE = {word: kind for kind, words in _TYPES.items() for word in words}
_TITLE = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _TITLES.items()}
_BARE = re.compile(r"(?:[ivxlcdm]+|\d+)\.?", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:doc|z3998:|other\.)-?")


def of_types(words: Iterable[str]) -> str:
    """The kind by `epub:type`, `role` or the type of a landmark: `doc-endnotes`, `copyright-page`."""
    return next((kind for word in words if (kind := _KIND_OF_TYPE.get(_PREFIX.sub("", word.lower())))), "")


def is_note(words: Iterable[str]) -> bool:
    """Whether these types make an element the body of one note."""
    return any(_PREFIX.sub("", word.lower()) in _NOTES for word in words)


def of_title(title: str) -> str:
    """The kind by the whole title of a section in the table of contents or in its heading."""
    words = " ".join(title.split()).strip(" .:")
    return next((kind for kind, pattern in _TITLE.items() if pattern.fullmatch(words)), "")


def of_path(path: str) -> str:
    """The kind by the file's name: `text/copyright.xhtml`."""
    match = _FILES.fullmatch(posixpath.splitext(posixpath.basename(path))[0].lower().replace("_", "-"))
    return (match.lastgroup or "") if match else ""


def clear_titles(titles: Sequence[tuple[str, str]], book: str) -> list[str]:
    """Titles, each given with its part, as a list without levels needs them.

    The part is added if another section has the same title, or if the title is only a number.
    """
    times = Counter(title.casefold() for title, _ in titles)
    return [
        f"{part.rstrip('.:')}: {title}"
        if part and part.casefold() != book.casefold() and (times[title.casefold()] > 1 or _BARE.fullmatch(title))
        else title
        for title, part in titles
    ]


def joined(part: str, title: str) -> str:
    """The title of a chapter that begins together with its part: `Part One: Chapter 1`."""
    return title if title.startswith(part) else f"{part.rstrip('.:')}: {title}"
