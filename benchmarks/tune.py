"""Searches for settings that are faster on this machine than the defaults: slots, threads, spinning, segment length.

    .venv/bin/python benchmarks/tune.py KOKORO-SHAPED.onnx
    .venv/bin/python benchmarks/tune.py KOKORO-SHAPED.onnx --write farm.env      # applies what won, if it did

It uses successive halving: every candidate speaks a little, the slower half is dropped, and the rest speaks twice as
much. The last candidate is then compared with the default settings, alternating; it wins only if it is at least 5 %
faster in every round. Only CHORUS_SLOTS is a setting and can be written. If another value wins, the constant has to be
changed by hand.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, sample_texts
from benchmarks.raw import RawInference
from broker.settings import available_cores
from tasks.segmenting.cutting import TARGET_TOKENS
from workers.models.resolving import resolve

NAME = "tune"
TARGETS = (75, TARGET_TOKENS, 300)
CHARACTERS = 300
"""The length of the text that each candidate speaks in the first round."""
ROUNDS = 3
AHEAD = 1.05

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """The settings of one candidate."""

    slots: int
    """Segments at once, on one session."""
    threads: int
    """Threads of that session."""
    spinning: bool
    """Whether its threads wait actively for work; meaningless with one thread."""
    target: int
    """Tokens per segment."""

    def __str__(self) -> str:
        spins = ", spinning" if self.spinning else ""
        return f"{self.slots} slots × {self.threads} threads{spins}, segments of {self.target}"


def usual() -> Knobs:
    """The default settings of a farm."""
    return Knobs(slots=available_cores(), threads=1, spinning=False, target=TARGET_TOKENS)


def candidates() -> list[Knobs]:
    """All combinations that are meaningful."""
    cores = available_cores()
    single = [(slots, 1, False) for slots in sorted({1, cores, 2 * cores})]
    pooled = [(1, cores, spinning) for spinning in (False, True)] if cores > 1 else []
    return [
        Knobs(slots=slots, threads=threads, spinning=spinning, target=target)
        for slots, threads, spinning in (*single, *pooled)
        for target in TARGETS
    ]


def halved(arms: Sequence[T], speed: Callable[[T, int], float], say: Callable[[str], None] = print) -> T:
    """The candidate that remains after the slower half was dropped in each round; each round speaks twice as much."""
    left, share = list(arms), 1
    while len(left) > 1:
        found = {index: speed(arm, share) for index, arm in enumerate(left)}
        for index in sorted(found, key=found.__getitem__, reverse=True):
            say(f"{share:>3} × {found[index]:8.3f}  {left[index]}")
        best = sorted(found, key=found.__getitem__, reverse=True)[: (len(left) + 1) // 2]
        left, share = [left[index] for index in sorted(best)], share * 2
    return left[0]


def won(challenger: Sequence[float], champion: Sequence[float]) -> bool:
    """Whether the challenger was faster by the factor AHEAD in every round: in a single round it may be chance."""
    return all(one >= AHEAD * other for one, other in zip(challenger, champion, strict=True))


def written(settings: Mapping[str, str], path: Path) -> None:
    """Set these settings in a file that compose's `env_file` and systemd can read; other lines are kept."""
    old = path.read_text("utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if line.partition("=")[0].strip() not in settings]
    path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items())]) + "\n", "utf-8")


def main() -> None:
    """Search, compare, and write the winner's setting if that is requested and it is faster."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=measure.standin.VOICES, help="its voices")
    parser.add_argument("--prepared", type=Path, help="a home in which `chorus optimize` has prepared the model")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the winner's setting to this file of settings"
    )
    given = parser.parse_args()
    options = measure.Options(model=given.model, voices=given.voices, prepared=given.prepared, quick=False)
    with measure.scratch() as home:
        tried = Trials(options, home)
        best = halved(candidates(), tried.speed)
        rounds = [(tried.speed(best, 2), tried.speed(usual(), 2)) for _ in range(ROUNDS)]
    pays = won([one for one, _ in rounds], [other for _, other in rounds])
    ratio = statistics.median(one / other for one, other in rounds)
    result = "which is faster by enough" if pays else "which is not faster by enough: nothing changes"
    print(f"{best}: {ratio:.3f} × as fast as the default ({usual()}), {result}.")
    if pays and given.write:
        written({"CHORUS_SLOTS": str(best.slots)}, given.write)


class Trials:
    """Measures candidates with the graph that the farm would choose; each round has a new text."""

    def __init__(self, options: measure.Options, home: Path) -> None:
        self._model = resolve(options.settings(home))
        self._raws: dict[tuple[int, bool], RawInference] = {}

    def speed(self, knobs: Knobs, share: int) -> float:
        """The speed relative to real time; the text has `share` times CHARACTERS and is the same for all candidates."""
        text = sample_texts.prose(share, CHARACTERS * share)
        segments = sample_texts.cut(text, target=knobs.target)
        raw = self._raw(knobs.threads, spinning=knobs.spinning)
        began_s = time.perf_counter()
        audio_s, _ = raw.speak_all([segment.phonemes for segment in segments], slots=knobs.slots)
        return audio_s / (time.perf_counter() - began_s)

    def _raw(self, threads: int, *, spinning: bool) -> RawInference:
        key = (threads, spinning)
        if key not in self._raws:
            self._raws[key] = RawInference(self._model, threads=threads, spinning=spinning)
        return self._raws[key]


if __name__ == "__main__":
    main()
