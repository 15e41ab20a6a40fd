"""Nothing that Chorus runs hides a warning; every lowered log level is counted here and named in docs/mechanisms.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILTER = re.compile(r"catch_warnings|simplefilter|filterwarnings|showwarning|PYTHONWARNINGS|captureWarnings")
QUIET = re.compile(r"setLevel|setLogLevel|severity\(|severity_level =|handlers\.clear|logging\.disable|addFilter")
TURNED_DOWN = {
    "broker/steady_consumer.py": 1,
    "tasks/documents/pdf_lines.py": 1,
    "tasks/phonemes/misaki_asian.py": 1,
    "workers/inference/sessions.py": 3,
}
"""How many lines turn somebody's log down, by module: Celery's, pypdf's, jieba's, onnxruntime's."""


def found(pattern: re.Pattern[str]) -> dict[str, int]:
    modules = [path for room in ("chorus", "broker", "tasks", "workers") for path in (ROOT / room).rglob("*.py")]
    counts = {path.relative_to(ROOT).as_posix(): len(pattern.findall(path.read_text("utf-8"))) for path in modules}
    return {path: count for path, count in counts.items() if count}


def test_no_warning_is_filtered() -> None:
    assert found(FILTER) == {}
    assert not re.search(r"(?<!\w)-W\b", "".join(path.read_text("utf-8") for path in (ROOT / "bin").iterdir()))


def test_every_lowered_log_level_is_counted_and_documented() -> None:
    assert found(QUIET) == TURNED_DOWN
    page = (ROOT / "docs" / "mechanisms.md").read_text("utf-8")
    (row,) = re.findall(r"^\| 85 \|.*$", page, re.MULTILINE)
    assert {module for module in TURNED_DOWN if module in row} == set(TURNED_DOWN)
