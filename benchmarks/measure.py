"""What every measurement of speed shares: its options, a farm that remembers nothing, and results kept."""

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

from benchmarks import hearing
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
# Heartbeats and the reaper take a hundredth of a core; the shortest inference takes one.
RESTING_S, RESTING_SHARE = 0.3, 0.1


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all of these scripts are asked."""

    model: Path
    voices: Path
    quick: bool
    minutes: float = 0.0
    """How long the long measurement of a script lasts; 0: as long as it thinks fit."""
    results: Path = RESULTS
    prepared: Path | None = None
    """A home in which the model was prepared before; None: it is, once, in one that stays in the temporary folder."""

    @classmethod
    def read(cls, doc: str | None) -> Self:
        """From the command line."""
        parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
        parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
        parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
        parser.add_argument("--quick", action="store_true", help="the smallest sizes that still mean something")
        parser.add_argument("--minutes", type=float, default=0.0, help="of the longest measurement, where there is one")
        parser.add_argument("--prepared", type=Path, help="a home in which `chorus optimize` has prepared the model")
        parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write into (default: committed)")
        return cls(**vars(parser.parse_args()))

    def keep(self, name: str, conditions: str, figures: Mapping[str, Any]) -> Path:
        """Write a result down."""
        return keep(name, conditions, figures, self.results)

    def told(self, variant: str) -> str:
        """What was measured with, for the page."""
        return f"{self.model.stem}, {variant}" + (", small sizes" if self.quick else "")

    def settings(self, home: Path, variant: str = "", **wishes: Any) -> FarmSettings:
        """Of a farm with this model. A cache would answer in the voice's place, and so would settings of the user.

        Without a variant: what the farm chooses by itself.
        """
        for name in [name for name in os.environ if name.startswith(PREFIX) or name == "REDIS_URL"]:
            del os.environ[name]
        self._share(home)
        wishes |= {"variant": variant} if variant else {}
        return FarmSettings(home=home, model=self.model.absolute(), voices=self.voices.absolute(), cache_mb=0, **wishes)

    def prepared_home(self) -> Path:
        """Where every farm of every script finds what the model was made into."""
        return self.prepared or Path(tempfile.gettempdir()) / f"chorus-bench-{os.getuid()}"

    def _share(self, home: Path) -> None:
        """Have one home's graphs in all of them: a model is prepared once, not by each farm."""
        shared = self.prepared_home() / "models" / "prepared"
        shared.mkdir(parents=True, exist_ok=True)
        (home / "models").mkdir(parents=True, exist_ok=True)
        if not (home / "models" / "prepared").exists():
            (home / "models" / "prepared").symlink_to(shared.absolute(), target_is_directory=True)


@dataclass(frozen=True, kw_only=True)
class Farm:
    """A stack of this checkout, warm."""

    url: str
    client: Client
    settings: FarmSettings
    model: Model
    """What its voice worker speaks with."""
    ready_s: float
    """From nothing to workers that can speak."""

    def process(self, role: str) -> psutil.Process:
        """The worker of this role."""
        return psutil.Process(next(worker.pid for worker in self.client.workers() if worker.role == role))

    def rest(self) -> None:
        """Return once no worker does anything: a job that is over leaves segments to speak and parts to encode."""
        workers = [self.process(role) for role in ROLES]
        while busy(workers, RESTING_S) > RESTING_SHARE:
            pass


@contextmanager
def farm(settings: FarmSettings) -> Iterator[Farm]:
    """The stack of these settings while the block lasts; each of its workers has spoken or planned once.

    What is done to a model once on a machine is done before the clock starts.
    """
    model = ready(settings, print)
    began_s = time.monotonic()
    with ensure(settings) as stack, Client(stack.url) as client:
        while {worker.role for worker in client.workers()} != set(ROLES):
            if time.monotonic() - began_s > READY_S:
                raise hearing.RefusedError(f"No workers after {READY_S:.0f} s: see {stack.run.logs}.")
            time.sleep(0.02)
        ready_s = time.monotonic() - began_s
        hearing.listen(client, "Nobody waits for this.")
        yield Farm(url=stack.url, client=client, settings=settings, model=model, ready_s=ready_s)


def variants(options: Options, folder: Path) -> dict[str, str]:
    """What this model was made into for this machine, and what is to be said of it; the file as it is, if nothing.

    Of those that trade quality for speed the fastest is enough, and one that was refused still tells how fast it is.
    """
    settings = options.settings(folder / "look")
    known = prepared.manifest(settings.home_folder(), ready(settings, print).origin)
    made = list(known.variants.values()) if known else []
    fit = [one for one in made if one.lossless and one.valid is not False]
    lossy = sorted((one for one in made if not one.lossless), key=lambda one: one.numbers.get("speed_ratio", 0.0))
    # What differs from the fast one in nothing but speed need not be measured where time is short.
    if options.quick and any(one.name == FAST for one in fit):
        fit = [one for one in fit if one.name == FAST]
    return {one.name: "" if one.lossless else one.why for one in (*fit, *lossy[-1:])} or {RAW: ""}


def remarks(told: Mapping[str, str]) -> str:
    """A line under a table for each variant of which there is something to say."""
    return "".join(f"\n\n`{name}` {why.rstrip('.')}." for name, why in told.items() if why)


def lossless(names: Iterable[str]) -> str:
    """Of some variants the fastest that loses nothing."""
    return next((name for name in (FAST, ORIGINAL) if name in names), RAW)


def busy(processes: Sequence[psutil.Process], seconds: float) -> float:
    """How many cores they use, over so long."""

    def used_s() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before_s = used_s()
    time.sleep(seconds)
    return (used_s() - before_s) / seconds


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        yield Path(folder)


def in_turn(arms: Iterable[str], number: int) -> list[str]:
    """The order of this round: each second one backwards, so that no arm is always the first."""
    return list(arms)[:: -1 if number % 2 else 1]


def p95(values: Sequence[float]) -> float:
    """Nineteen of twenty are below; of fewer than that, about the largest."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def keep(name: str, conditions: str, figures: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write a result down, with where and when it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "made": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "onnxruntime": importlib.metadata.version("onnxruntime"),
        "conditions": conditions,
        "figures": figures,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def kept(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """A result as it was written down; None where nobody has measured."""
    with contextlib.suppress(FileNotFoundError):
        told: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
        return told
    return None


def rows(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def verdict(reached: bool) -> str:
    """A goal's, in a word."""
    return "reached" if reached else "**missed**"
