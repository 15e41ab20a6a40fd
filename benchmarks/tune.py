"""Looks for settings that speak faster on this machine than the usual ones: slots, threads, spinning, segment length.

    .venv/bin/python benchmarks/tune.py KOKORO-SHAPED.onnx
    .venv/bin/python benchmarks/tune.py KOKORO-SHAPED.onnx --write farm.env      # applies what won, if it did

Successive halving: every candidate speaks a little, the slower half is dropped, the rest speaks twice as much. The
last one left then meets the usual settings, alternately; it has won only if it was ahead by a twentieth in every round.
Only a setting that exists can be written: CHORUS_SLOTS. What else wins is a reason to change a constant, by hand.
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

from benchmarks import measure, wording
from benchmarks.raw import Raw
from broker.settings import available_cores
from tasks.segmenting.cutting import TARGET_TOKENS
from workers.models.resolving import resolve

NAME = "tune"
TARGETS = (75, TARGET_TOKENS, 300)
CHARACTERS = 300
"""What each candidate speaks in the first round."""
ROUNDS = 3
AHEAD = 1.05

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """One way to speak a book."""

    slots: int
    """Segments at once, on one session."""
    threads: int
    """Of that session."""
    spinning: bool
    """Whether its threads wait for their next turn awake; with one thread there is nobody to wait."""
    target: int
    """Tokens of a segment."""

    def __str__(self) -> str:
        spins = ", spinning" if self.spinning else ""
        return f"{self.slots} slots × {self.threads} threads{spins}, segments of {self.target}"


def usual() -> Knobs:
    """What a farm does if it is not told otherwise."""
    return Knobs(slots=available_cores(), threads=1, spinning=False, target=TARGET_TOKENS)


def candidates() -> list[Knobs]:
    """Every combination that is one."""
    cores = available_cores()
    single = [(slots, 1, False) for slots in sorted({1, cores, 2 * cores})]
    pooled = [(1, cores, spinning) for spinning in (False, True)] if cores > 1 else []
    return [
        Knobs(slots=slots, threads=threads, spinning=spinning, target=target)
        for slots, threads, spinning in (*single, *pooled)
        for target in TARGETS
    ]


def halved(arms: Sequence[T], speed: Callable[[T, int], float], say: Callable[[str], None] = print) -> T:
    """The one that is left when the slower half was dropped again and again; each round speaks twice as much."""
    left, share = list(arms), 1
    while len(left) > 1:
        found = {index: speed(arm, share) for index, arm in enumerate(left)}
        for index in sorted(found, key=found.__getitem__, reverse=True):
            say(f"{share:>3} × {found[index]:8.3f}  {left[index]}")
        best = sorted(found, key=found.__getitem__, reverse=True)[: (len(left) + 1) // 2]
        left, share = [left[index] for index in sorted(best)], share * 2
    return left[0]


def won(challenger: Sequence[float], champion: Sequence[float]) -> bool:
    """Whether it was clearly faster every time: a change has to pay, and once is chance."""
    return all(one >= AHEAD * other for one, other in zip(challenger, champion, strict=True))


def written(settings: Mapping[str, str], path: Path) -> None:
    """The file with these settings set and its other lines as they were: what `env_file` and systemd read."""
    old = path.read_text("utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if line.partition("=")[0].strip() not in settings]
    path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items())]) + "\n", "utf-8")


def main() -> None:
    """Search, compare, and write if asked and if it pays."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=measure.standin.VOICES, help="its voices")
    parser.add_argument("--prepared", type=Path, help="a home in which `chorus optimize` has prepared the model")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a file of settings to write what won into")
    given = parser.parse_args()
    options = measure.Options(model=given.model, voices=given.voices, prepared=given.prepared, quick=False)
    with measure.scratch() as home:
        tried = Trials(options, home)
        best = halved(candidates(), tried.speed)
        rounds = [(tried.speed(best, 2), tried.speed(usual(), 2)) for _ in range(ROUNDS)]
    pays = won([one for one, _ in rounds], [other for _, other in rounds])
    ratio = statistics.median(one / other for one, other in rounds)
    print(
        f"{best}: {ratio:.3f} × the usual {usual()}, {'which pays' if pays else 'which does not pay: nothing changes'}."
    )
    if pays and given.write:
        written({"CHORUS_SLOTS": str(best.slots)}, given.write)


class Trials:
    """Speaks texts that no candidate has spoken, with the graph the farm would choose."""

    def __init__(self, options: measure.Options, home: Path) -> None:
        self._model = resolve(options.settings(home))
        self._raws: dict[tuple[int, bool], Raw] = {}

    def speed(self, knobs: Knobs, share: int) -> float:
        """Times real time, over so many shares of text; every candidate of a round speaks the same."""
        text = wording.prose(share, CHARACTERS * share)
        segments = wording.cut(text, target=knobs.target)
        raw = self._raw(knobs.threads, spinning=knobs.spinning)
        began_s = time.perf_counter()
        audio_s, _ = raw.speak_all([segment.phonemes for segment in segments], slots=knobs.slots)
        return audio_s / (time.perf_counter() - began_s)

    def _raw(self, threads: int, *, spinning: bool) -> Raw:
        key = (threads, spinning)
        if key not in self._raws:
            self._raws[key] = Raw(self._model, threads=threads, spinning=spinning)
        return self._raws[key]


if __name__ == "__main__":
    main()
