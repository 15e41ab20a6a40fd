"""Makes docs/quality.md: has every part measured, or the parts that are named, and makes its tables of what was kept.

    .venv/bin/python benchmarks/listen_setup.py
    .venv/bin/python benchmarks/quality_page.py KOKORO.onnx --voices VOICES.bin [--graph GRAPH.onnx] [--quick]
    .venv/bin/python benchmarks/quality_page.py                              # the page, from what is kept

Each part is a script of this folder in a process of its own; its figures lie in benchmarks/results.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import cutting, distances, kernels, languages, listening, measure

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "quality.md"
PARTS: dict[str, ModuleType] = {part.NAME: part for part in (listening, languages, kernels, distances, cutting)}


def main() -> None:
    """Measure what is asked for, then make the page."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("model", nargs="?", type=Path, help="the Kokoro file; without it nothing is measured")
    asked.add_argument("--voices", type=Path, help="its voices")
    asked.add_argument("--graph", type=Path, help="what `chorus optimize` made of the file, to be compared with it")
    asked.add_argument("--quick", action="store_true", help="a few sentences and three voices")
    asked.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], help="these parts alone")
    given = asked.parse_args()
    if given.model and not given.voices:
        raise SystemExit("Name the voices of the model too: --voices VOICES.bin.")
    failed = [name for name in given.only if given.model and not measured(name, given)]
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    if failed:
        raise SystemExit(f"Not measured, see above: {', '.join(failed)}.")


def measured(name: str, given: argparse.Namespace) -> bool:
    """Run one part; whether it came to its end."""
    print(f"== {name}", flush=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, "-m", f"benchmarks.{name}", *words(name, given)]
    return not subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603 - our own script


def words(name: str, given: argparse.Namespace) -> list[str]:
    """What a part's script is asked."""
    asked = [str(given.model.absolute()), "--voices", str(given.voices.absolute())]
    if given.graph and name == distances.NAME:
        asked += ["--graph", str(given.graph.absolute())]
    if given.graph and name == listening.NAME and not given.quick:
        asked.insert(1, str(given.graph.absolute()))
    return [*asked, *(["--quick"] if given.quick and name == listening.NAME else [])]


def page(text: str) -> str:
    """The page with every table made again; a part without results keeps its text."""
    for name, part in PARTS.items():
        result = measure.load(name)
        if result is not None:
            text = measure.replaced(text, name, f"{part.table(result['figures'])}\n\n{measure.origin(result)}")
    return text


if __name__ == "__main__":
    main()
