"""Reads what a small JSON file of ours remembers. One that is missing or spoilt remembers nothing."""

import json
from pathlib import Path
from typing import Any


def remembered(file: Path) -> dict[str, Any]:
    """All that stands in it, by name."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
