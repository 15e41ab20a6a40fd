"""Reads and writes small JSON files of ours. A file that is missing or damaged reads as an empty object."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_json(file: Path) -> dict[str, Any]:
    """The object in the file."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Replace the file in one step, or raise OSError. If two processes write at once, the later one wins."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
