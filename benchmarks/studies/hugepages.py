"""Study: memory in pages of 2 MB, compared with pages of 4 KB.

    .venv/bin/python benchmarks/studies/hugepages.py KOKORO-SHAPED.onnx --prepared HOME

Linux gives large pages to processes that request them (if /sys/kernel/mm/transparent_hugepage/enabled is `madvise`),
and glibc's malloc requests them if GLIBC_TUNABLES says so when a process starts. So each arm is a separate process, and
they take turns: a listener's first segments on all cores, whose memory is returned each time, and a book with a slot
per core.
"""

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the checkout

from benchmarks import measure, sample_texts
from benchmarks.raw import RawInference
from benchmarks.studies.common import cost
from broker.settings import available_cores
from workers.inference.sessions import keeping, shrinking
from workers.models.resolving import resolve
from workers.process import memory

ARMS = {"pages of 4 KB": "", "pages of 2 MB": "glibc.malloc.hugetlb=1"}
ROUNDS = 7
LIVE = {"listener, 15 tokens": 15, "listener, 40 tokens": 40}
BOOK = "book"


def main() -> None:
    """Print the medians of each arm."""
    measure.Options.read(__doc__)
    with ExitStack() as open_:
        arms = {
            arm: open_.enter_context(
                subprocess.Popen(  # noqa: S603 - this script
                    [sys.executable, *sys.argv],
                    env={**os.environ, "GLIBC_TUNABLES": tunables, "CHILD": "1"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for arm, tunables in ARMS.items()
        }
        found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
        for turn in range(ROUNDS):
            for what in (*LIVE, BOOK):
                for arm in measure.in_turn(arms, turn):
                    found[what, arm].append(ask(arms[arm], what))
                if turn + 1 == ROUNDS:
                    report(what, {arm: found[what, arm] for arm in arms})
        for arm in arms.values():
            arm.communicate("")


def ask(arm: subprocess.Popen[str], what: str) -> dict[str, float]:
    """Let one arm measure once."""
    print(what, file=arm.stdin, flush=True)
    answer: dict[str, float] = json.loads(arm.stdout.readline())
    return answer


def report(what: str, rounds: dict[str, list[dict[str, float]]]) -> None:
    """Print the medians of each arm, and the ratio of the arms, pair by pair."""
    for arm, costs in rounds.items():
        medians = {name: statistics.median(one[name] for one in costs) for name in costs[0]}
        print(f"{what}, {arm}: " + ", ".join(f"{value:,.3f} {name}" for name, value in medians.items()))
    small, large = rounds.values()
    pairs = [one["wall_s"] / other["wall_s"] for one, other in zip(small, large, strict=True)]
    print(f"  {statistics.median(pairs):.3f} × as fast, {min(pairs):.3f} to {max(pairs):.3f}", flush=True)


def child(options: measure.Options) -> None:
    """Read requests from standard input; speak each, and print its cost."""
    with measure.scratch() as home:
        model = resolve(options.settings(home))
        memory.settle()
        alone, shared = RawInference(model, threads=available_cores()), RawInference(model, threads=1)
    texts = [segment.phonemes for segment in sample_texts.cut(sample_texts.prose(300, 600))]
    for line in sys.stdin:
        what = line.strip()
        if what in LIVE:
            _, took = cost(partial(alone.speak, texts[0][: LIVE[what]], shrinking()))
        else:
            _, took = cost(partial(shared.speak_all, texts, slots=available_cores(), wishes=keeping()))
            shared.speak("həlˈO", shrinking())
        print(json.dumps(asdict(took)), flush=True)


if __name__ == "__main__":
    if os.environ.get("CHILD"):
        child(measure.Options.read(__doc__))
    else:
        main()
