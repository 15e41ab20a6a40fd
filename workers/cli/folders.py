"""Finds the documents in a folder, in the order in which they are to be read. Opens none of them but SUMMARY.md."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

from chorus.errors import SourceError
from chorus.sources import read_file

READABLE = (".epub", ".md", ".markdown", ".txt", ".text", ".ssml", ".html", ".htm", ".xhtml", ".pdf", ".docx")
SUMMARY = "SUMMARY.md"
"""The file in which an mdBook lists its chapters."""
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s<>#]+)")


def documents_in(folder: Path) -> list[Path]:
    """Sorted by name. If there is a SUMMARY.md: what it links, in its order, then the rest but itself."""
    found = sorted(path for path in folder.iterdir() if _is_document(path))
    if not found:
        raise SourceError(
            f"{folder} has no documents that Chorus reads, which are {', '.join(READABLE)}: name another folder."
        )
    listed = _listed(folder)
    if not listed:
        return found
    return [*listed, *(path for path in found if path not in listed and path.name != SUMMARY)]


def _listed(folder: Path) -> list[Path]:
    summary = folder / SUMMARY
    if not summary.is_file():
        return []
    text = read_file(summary).decode("utf-8", "replace")
    paths = (Path(os.path.normpath(folder / unquote(link))) for link in _LINK.findall(text))
    # The user named this folder and nothing outside it.
    inside = (path for path in paths if path.resolve().is_relative_to(folder.resolve()) and _is_document(path))
    return list(dict.fromkeys(inside))


def _is_document(path: Path) -> bool:
    return path.suffix.lower() in READABLE and path.is_file()
