"""Measures a session in a child process: how fast it speaks, what it sounds like, how much memory it takes.

An accelerator's driver may abort, hang or exhaust memory. Then the child ends, and the worker goes on and knows why.
`python -m workers.accelerators.probe` is the child: its order is JSON on standard input, its answer JSON on standard
output.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.settings import settings
from chorus.errors import ChorusError
from tasks.engine import Utterance
from workers.inference.providers import Provider
from workers.models.resolving import Model
from workers.process import children

# Loading, and compiling for an accelerator, take longest: others report a minute.
LIMIT_S = 180.0
# The first run of a length may compile for it; the fastest of the others is the speed of a warm lane.
RUNS = 3
# If its parent is gone, the child ends itself a little after the parent would have ended it.
_GRACE_S = 5
_SAID = "həlˈoʊ "


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """What was measured, or why nothing was."""

    fault: str = ""
    """Why nothing was measured, as a clause; empty if it was."""
    load_s: float = 0.0
    seconds: tuple[float, ...] = ()
    """The fastest run of each length."""
    audio: tuple[NDArray[np.float32], ...] = ()
    """What the last run of each length spoke."""
    again: tuple[NDArray[np.float32], ...] = ()
    """What the run before it spoke: the two differ where a model is not deterministic."""
    peak_bytes: int = 0
    """The child's peak memory."""
    nodes: Mapping[str, int] = field(default_factory=dict)
    """How many nodes of the graph each provider took."""


def attempt(
    model: Model,
    provider: Provider,
    *,
    threads: int,
    lengths: Sequence[int],
    runs: int = RUNS,
    limit_s: float = LIMIT_S,
) -> ProbeResult:
    """Speak utterances of these numbers of tokens on such a session, in a child."""
    with tempfile.TemporaryDirectory(prefix="chorus-probe-") as folder:
        sound = Path(folder) / "sound.npz"
        order = {
            "model": str(model.path),
            "voices": str(model.voices_path),
            "variant": model.variant,
            "provider": provider.name,
            "options": dict(provider.options),
            "threads": threads,
            "lengths": list(lengths),
            "runs": runs,
            "limit_s": limit_s,
            "sound": str(sound),
        }
        try:
            ended = _child(order, limit_s)
        except subprocess.TimeoutExpired:
            return ProbeResult(fault=f"it was not done after {limit_s:.0f} s")
        if ended.returncode < 0:
            return ProbeResult(fault=f"it killed its process ({signal.Signals(-ended.returncode).name})")
        try:
            answer = json.loads(ended.stdout)
        except ValueError:
            return ProbeResult(fault=f"it ended its process with status {ended.returncode}")
        return _read(answer, sound)


def _child(order: dict[str, Any], limit_s: float) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # noqa: S603 - our own module
        children.command("workers.accelerators.probe"),
        input=json.dumps(order).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=children.environment(), timeout=limit_s, check=False,
    )  # fmt: skip


def _read(answer: dict[str, Any], sound: Path) -> ProbeResult:
    if "fault" in answer:
        return ProbeResult(fault=answer["fault"])
    with np.load(sound, allow_pickle=False) as kept:
        last, before = ([kept[f"{which}_{n}"] for n in range(len(answer["seconds"]))] for which in ("last", "before"))
    return ProbeResult(
        load_s=answer["load_s"], seconds=tuple(answer["seconds"]), audio=tuple(last), again=tuple(before),
        peak_bytes=answer["peak_bytes"], nodes=answer["nodes"],
    )  # fmt: skip


def main() -> None:
    """Answer with the measurement, or with a fault."""
    answers = children.answers()
    order = json.loads(sys.stdin.read())
    # A crash is expected here, and its core dump is of no use.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(order["limit_s"]) + _GRACE_S)
    try:
        answer = _measure(order)
    except ChorusError as error:
        answer = {"fault": str(error).rstrip(".")}
    with os.fdopen(answers, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())


def _measure(order: dict[str, Any]) -> dict[str, Any]:
    from workers.inference.lanes import Lane  # noqa: PLC0415 - only the child runs a model
    from workers.inference.synthesizer import Synthesizer  # noqa: PLC0415 - the same
    from workers.models import voicebank  # noqa: PLC0415 - the same
    from workers.models.resolving import resolve  # noqa: PLC0415 - the same

    own = {"model": Path(order["model"]), "voices": Path(order["voices"]), "variant": order["variant"]}
    model = resolve(settings().model_copy(update=own))
    began_s = time.perf_counter()
    provider = Provider(name=order["provider"], options=order["options"])
    synthesizer = Synthesizer(Lane("probe", slots=1, lowered=False), model, threads=order["threads"], provider=provider)
    load_s = time.perf_counter() - began_s
    voice, style = next(iter(voicebank.load(model.voices_path).items()))
    seconds, sounds = list[float](), dict[str, NDArray[np.float32]]()
    for number, length in enumerate(order["lengths"]):
        utterance = Utterance(phonemes=phonemes_of(length, synthesizer.vocabulary), voice=voice)
        speeches = [synthesizer.say(utterance, style) for _ in range(order["runs"])]
        seconds.append(min(speech.seconds for speech in speeches))
        sounds |= {f"last_{number}": speeches[-1].audio, f"before_{number}": speeches[-2].audio}
    synthesizer.lane.close()
    np.savez(order["sound"], **sounds)  # type: ignore[arg-type] # numpy's own hint takes the arrays for its switch
    return {"load_s": load_s, "seconds": seconds, "peak_bytes": peak_bytes(), "nodes": synthesizer.nodes}


def phonemes_of(tokens: int, vocabulary: frozenset[str]) -> str:
    """So many phonemes that the model knows, each a token; no blank at the end, where it would not be spoken."""
    known = [symbol for symbol in _SAID if symbol in vocabulary]
    phonemes = "".join(islice(cycle(known), tokens))
    return phonemes if not phonemes.endswith(" ") else phonemes[:-1] + known[0]


def peak_bytes(status: Path = Path("/proc/self/status")) -> int:
    """This process's peak memory."""
    # On Linux getrusage's peak survives an exec: it would include the parent's.
    if status.exists():
        line = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
