"""Runs all measurements of speed, fills the tables of docs/performance.md, and draws its plots.

    .venv/bin/python benchmarks/performance.py KOKORO-SHAPED.onnx --quick             # all of it: under 20 minutes
    .venv/bin/python benchmarks/performance.py KOKORO-SHAPED.onnx --only live gates   # these again, and the page
    .venv/bin/python benchmarks/performance.py                                        # the page, from what is kept

Each part is a script of this folder, which runs in a separate process and writes its results to benchmarks/results,
with the machine and the conditions. The page is generated from these results alone.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import after_idle, gates, int8, live, measure, memory, start, sweep, throughput, versus

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
QUICK_S, LONGEST_S = 1200.0, 10_800.0
"""The time limits of one part; its farm ends with it."""
PARTS: dict[str, ModuleType] = {
    part.NAME: part for part in (live, throughput, versus, sweep, int8, start, memory, after_idle, gates)
}
"""The order matters: the limits of `gates` use the results of the other parts."""


def main() -> None:
    """Run the requested measurements, then generate the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "model", nargs="?", type=Path, help="the Kokoro-shaped model; without it, only the page is generated"
    )
    parser.add_argument("--voices", type=Path, default=measure.standin.VOICES, help="its voices")
    parser.add_argument("--prepared", type=Path, help="a home in which the model was prepared before")
    parser.add_argument("--quick", action="store_true", help="measure with the smallest sizes that are meaningful")
    parser.add_argument("--no-optimize", action="store_true", help="measure the variants that exist already")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], help="measure only these parts")
    given = parser.parse_args()
    if given.model and not given.no_optimize:
        optimize(given)
    failed = [name for name in PARTS if given.model and name in given.only and not measured(name, given)]
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    if failed:
        raise SystemExit(f"These measurements failed, see above: {', '.join(failed)}.")


def home(given: argparse.Namespace) -> Path:
    """The home with the model's variants, for all parts."""
    options = measure.Options(model=given.model, voices=given.voices, quick=given.quick, prepared=given.prepared)
    return options.prepared_home().absolute()


def optimize(given: argparse.Namespace) -> None:
    """Build all variants of the model on this machine; existing ones are kept."""
    files = {"CHORUS_MODEL": str(given.model.absolute()), "CHORUS_VOICES": str(given.voices.absolute())}
    words = [sys.executable, "-m", "workers.commands", "optimize"]
    home(given).mkdir(parents=True, exist_ok=True)
    subprocess.run(words, cwd=ROOT, env=clean() | files | {"CHORUS_HOME": str(home(given))}, check=True)  # noqa: S603


def clean() -> dict[str, str]:
    """The environment without the user's own settings, and with this checkout in the Python path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def measured(name: str, given: argparse.Namespace) -> bool:
    """Run one part; whether it succeeded."""
    words = [str(given.model.absolute()), *(["--quick"] if given.quick else [])]
    words += ["--voices", str(given.voices.absolute()), "--prepared", str(home(given))]
    print(f"== {name}", flush=True)
    began_s = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-m", f"benchmarks.{name}", *words], cwd=ROOT, env=clean(),
            timeout=QUICK_S if given.quick else LONGEST_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        print(f"== {name}: stopped at its time limit of {error.timeout:.0f} s", flush=True)
        return False
    print(f"== {name}: {time.monotonic() - began_s:.0f} s", flush=True)
    return done.returncode == 0


def page(text: str) -> str:
    """The page with every table and plot generated again; a part without results keeps its text."""
    for name in PARTS:
        result = measure.load(name)
        if result is None:
            continue
        text = measure.replaced(text, name, section(name, result))
    return text


def section(name: str, result: dict[str, Any]) -> str:
    """The text between a part's markers: its table, the machine and conditions, and its plots."""
    drawn = PARTS[name].draw(result["figures"])
    plots = "\n".join(f"![{path.stem}]({path.relative_to(PAGE.parent)})" for path in drawn)
    return f"{PARTS[name].table(result['figures'])}\n\n{measure.origin(result)}\n\n{plots}"


if __name__ == "__main__":
    main()
