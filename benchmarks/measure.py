"""Shared by all measurements of speed: their options, a farm without caches, and the files of results.

Knows nothing of what a single measurement measures.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks import listener
from benchmarks.first_sound import machine
from broker.settings import FarmSettings
from chorus import Client
from chorus.settings import PREFIX
from workers import standin
from workers.models import prepared
from workers.models.resolving import Model
from workers.models.variants import FAST, ORIGINAL, RAW
from workers.optimise.preparing import ready
from workers.stack.stack import ensure

RESULTS = Path(__file__).with_name("results")
PLOTS = Path(__file__).parent.parent / "docs" / "plots"
READY_S = 120.0
ROLES = ("voice", "desk")
# Heartbeats and the reaper take a hundredth of a core; inference takes a whole one.
RESTING_S, RESTING_SHARE = 0.3, 0.1


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of all these scripts."""

    model: Path
    voices: Path
    quick: bool
    minutes: float = 0.0
    """The length of a script's long measurement; 0: the script's default."""
    results: Path = RESULTS
    prepared: Path | None = None
    """A home in which the model is prepared; None: the model is prepared once, in a folder in the temporary folder."""

    @classmethod
    def read(cls, doc: str | None) -> Self:
        """The options from the command line; the first line of `doc` is the help text."""
        parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
        parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
        parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
        parser.add_argument("--quick", action="store_true", help="measure with the smallest sizes that are meaningful")
        parser.add_argument(
            "--minutes", type=float, default=0.0, help="length of the longest measurement, if it has one"
        )
        parser.add_argument("--prepared", type=Path, help="a home in which `chorus optimize` has prepared the model")
        parser.add_argument(
            "--results", type=Path, default=RESULTS, help="folder for the results (default: the committed ones)"
        )
        return cls(**vars(parser.parse_args()))

    def save(self, name: str, conditions: str, figures: Mapping[str, Any]) -> Path:
        """Write the results of one measurement to their file."""
        return save(name, conditions, figures, self.results)

    def conditions(self, variant: str) -> str:
        """The conditions of the measurement, for the page."""
        return f"{self.model.stem}, {variant}" + (", small sizes" if self.quick else "")

    def settings(self, home: Path, variant: str = "", **fields: Any) -> FarmSettings:
        """The settings of a farm with this model, without caches and without the user's own settings.

        Without a variant, the farm chooses one itself.
        """
        for name in [name for name in os.environ if name.startswith(PREFIX) or name == "REDIS_URL"]:
            del os.environ[name]
        self._share(home)
        fields |= {"variant": variant} if variant else {}
        return FarmSettings(home=home, model=self.model.absolute(), voices=self.voices.absolute(), cache_mb=0, **fields)

    def prepared_home(self) -> Path:
        """The home that holds the prepared variants for the farms of all scripts."""
        return self.prepared or Path(tempfile.gettempdir()) / f"chorus-bench-{os.getuid()}"

    def _share(self, home: Path) -> None:
        """Link the prepared variants into this home, so that the model is prepared once and not by each farm."""
        shared = self.prepared_home() / "models" / "prepared"
        shared.mkdir(parents=True, exist_ok=True)
        (home / "models").mkdir(parents=True, exist_ok=True)
        if not (home / "models" / "prepared").exists():
            (home / "models" / "prepared").symlink_to(shared.absolute(), target_is_directory=True)


@dataclass(frozen=True, kw_only=True)
class Farm:
    """A running stack of this checkout, warmed up."""

    url: str
    client: Client
    settings: FarmSettings
    model: Model
    """The model that its voice worker uses."""
    ready_s: float
    """Seconds from the start of the stack until its workers were ready."""

    def process(self, role: str) -> psutil.Process:
        """The process of the worker with this role."""
        return psutil.Process(next(worker.pid for worker in self.client.workers() if worker.role == role))

    def wait_until_idle(self) -> None:
        """Return when no worker is busy: after a job is over, workers may still speak segments and encode parts."""
        workers = [self.process(role) for role in ROLES]
        while cores_used(workers, RESTING_S) > RESTING_SHARE:
            pass


@contextmanager
def farm(settings: FarmSettings) -> Iterator[Farm]:
    """A stack with these settings, for the duration of the block; its workers have spoken and planned once.

    The model is prepared before the time is measured.
    """
    model = ready(settings, print)
    began_s = time.monotonic()
    with ensure(settings) as stack, Client(stack.url) as client:
        while {worker.role for worker in client.workers()} != set(ROLES):
            if time.monotonic() - began_s > READY_S:
                raise listener.InvalidMeasurementError(f"No workers after {READY_S:.0f} s: see {stack.run.logs}.")
            time.sleep(0.02)
        ready_s = time.monotonic() - began_s
        listener.listen(client, "Nobody waits for this.")
        yield Farm(url=stack.url, client=client, settings=settings, model=model, ready_s=ready_s)


def variants(options: Options, folder: Path) -> dict[str, str]:
    """The variants of this model to measure, each with a remark for the page; only the model file if there is none.

    Of the lossy variants only the fastest is measured, even if it was refused for its quality.
    """
    settings = options.settings(folder / "look")
    known = prepared.manifest(settings.home_folder(), ready(settings, print).origin)
    made = list(known.variants.values()) if known else []
    fit = [one for one in made if one.lossless and one.valid is not False]
    lossy = sorted((one for one in made if not one.lossless), key=lambda one: one.numbers.get("speed_ratio", 0.0))
    # In a quick run, of the lossless variants only the fast one is measured.
    if options.quick and any(one.name == FAST for one in fit):
        fit = [one for one in fit if one.name == FAST]
    return {one.name: "" if one.lossless else one.why for one in (*fit, *lossy[-1:])} or {RAW: ""}


def remarks(variants: Mapping[str, str]) -> str:
    """A line under a table for each variant with a remark."""
    return "".join(f"\n\nVariant `{name}` was {why.rstrip('.')}." for name, why in variants.items() if why)


def lossless(names: Iterable[str]) -> str:
    """The fastest lossless one of these variants."""
    return next((name for name in (FAST, ORIGINAL) if name in names), RAW)


def cores_used(processes: Sequence[psutil.Process], seconds: float) -> float:
    """How many cores these processes use on average during so many seconds."""

    def used_s() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before_s = used_s()
    time.sleep(seconds)
    return (used_s() - before_s) / seconds


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder for the duration of the block."""
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        yield Path(folder)


def in_turn(arms: Iterable[str], number: int) -> list[str]:
    """The order of the arms in this round: it is reversed every second round, so that no arm is always the first."""
    return list(arms)[:: -1 if number % 2 else 1]


def p95(values: Sequence[float]) -> float:
    """The 95th percentile; with fewer than twenty values, about the largest."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def save(name: str, conditions: str, figures: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write the results of one measurement to their file, with the machine, the conditions and the date."""
    folder.mkdir(parents=True, exist_ok=True)
    result = {
        "made": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "onnxruntime": importlib.metadata.version("onnxruntime"),
        "conditions": conditions,
        "figures": figures,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def load(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The results of one measurement as they were saved; None if it was never made."""
    with contextlib.suppress(FileNotFoundError):
        result: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
        return result
    return None


def origin(result: Mapping[str, Any]) -> str:
    """The machine, the conditions and the date of a result, for the line under its table."""
    return f"{result['machine']}; onnxruntime {result['onnxruntime']}; {result['conditions']}; {result['made']}."


def replaced(page: str, name: str, content: str) -> str:
    """The page with this content between the markers of this name."""
    before, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not (begin and end):
        raise SystemExit(f"The page has no place for {name}: write <!-- {name} --> and <!-- /{name} --> into it.")
    return f"{before}{begin}{content}\n{end}{after}"


def rows(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def verdict(reached: bool) -> str:
    """Whether a goal was reached, as text for a table."""
    return "reached" if reached else "**missed**"
