"""What a small JSON file of ours remembers. One that is missing or spoilt remembers nothing."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_json(file: Path) -> dict[str, Any]:
    """All that stands in it, by name."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def write_json(file: Path, told: Mapping[str, Any]) -> None:
    """Have this stand in it, whole or not at all, or raise OSError. Of two processes at once the later one is read."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
