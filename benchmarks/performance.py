"""Fills the tables of docs/performance.md and draws its plots: one command for everything that is measured of speed.

    .venv/bin/python benchmarks/performance.py KOKORO-SHAPED.onnx --quick             # all of it: under 20 minutes
    .venv/bin/python benchmarks/performance.py KOKORO-SHAPED.onnx --only live gates   # these again, and the page
    .venv/bin/python benchmarks/performance.py                                        # the page, from what is kept

Each part is a script of this folder in a process of its own. What it measured lies in benchmarks/results, with the
machine and the conditions; the page is made of that alone.
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
"""What a part may take; its farm ends with it."""
PARTS: dict[str, ModuleType] = {
    part.NAME: part for part in (live, throughput, versus, sweep, int8, start, memory, after_idle, gates)
}
"""In this order: the gates look at what the others measured."""


def main() -> None:
    """Measure what is asked for, then make the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", nargs="?", type=Path, help="the Kokoro-shaped model; without it nothing is measured")
    parser.add_argument("--voices", type=Path, default=measure.standin.VOICES, help="its voices")
    parser.add_argument("--prepared", type=Path, help="a home in which the model was prepared before")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes that still mean something")
    parser.add_argument("--no-optimize", action="store_true", help="measure the variants that were made before")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], help="these parts alone")
    given = parser.parse_args()
    if given.model and not given.no_optimize:
        optimize(given)
    failed = [name for name in PARTS if given.model and name in given.only and not measured(name, given)]
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    if failed:
        raise SystemExit(f"Not measured, see above: {', '.join(failed)}.")


def home(given: argparse.Namespace) -> Path:
    """Where the model's variants lie, for every part."""
    options = measure.Options(model=given.model, voices=given.voices, quick=given.quick, prepared=given.prepared)
    return options.prepared_home().absolute()


def optimize(given: argparse.Namespace) -> None:
    """Make of the model whatever can be made of it here; what is there already is not made again."""
    files = {"CHORUS_MODEL": str(given.model.absolute()), "CHORUS_VOICES": str(given.voices.absolute())}
    words = [sys.executable, "-m", "workers.commands", "optimize"]
    home(given).mkdir(parents=True, exist_ok=True)
    subprocess.run(words, cwd=ROOT, env=clean() | files | {"CHORUS_HOME": str(home(given))}, check=True)  # noqa: S603


def clean() -> dict[str, str]:
    """The environment without settings of the user's own, and with this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def measured(name: str, given: argparse.Namespace) -> bool:
    """Run one part; whether it came to its end."""
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
        print(f"== {name}: given up after {error.timeout:.0f} s", flush=True)
        return False
    print(f"== {name}: {time.monotonic() - began_s:.0f} s", flush=True)
    return done.returncode == 0


def page(text: str) -> str:
    """The page with every table and plot made anew; what nobody has measured stays as it is."""
    for name in PARTS:
        told = measure.kept(name)
        if told is None:
            continue
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not (begin and end):
            raise SystemExit(f"{PAGE} has no place for {name}: write <!-- {name} --> and <!-- /{name} --> into it.")
        text = f"{before}{begin}{section(name, told)}\n{end}{after}"
    return text


def section(name: str, told: dict[str, Any]) -> str:
    """What stands between a part's markers: its table, where it was measured, its plots."""
    where = f"{told['machine']}; onnxruntime {told['onnxruntime']}; {told['conditions']}; {told['made']}."
    drawn = PARTS[name].draw(told["figures"])
    plots = "\n".join(f"![{path.stem}]({path.relative_to(PAGE.parent)})" for path in drawn)
    return f"{PARTS[name].table(told['figures'])}\n\n{where}\n\n{plots}"


if __name__ == "__main__":
    main()
