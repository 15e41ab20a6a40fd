"""`python -m workers.optimise.trial`: measures a graph that speaks a few phrases in a separate process.

The request is a line of JSON on standard input; the figures go to standard output, the audio to a file. In a separate
process the memory is that of the graph alone, and a graph that crashes does not end its caller. Knows nothing of
variants, or of the purpose of the figures.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from chorus.errors import ChorusError, FarmError
from chorus.wire import RATE_HZ
from workers.inference.kokoro_graph import KokoroGraph
from workers.models import voicebank
from workers.process import children
from workers.process.children import end_with

# Enough for a graph ten times slower than real time; one that hangs must not delay the first start for ever.
_TIMEOUT_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """What is spoken."""

    phonemes: str
    voice: str
    speed: float = 1.0


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """What one process shall do."""

    graph: str
    optimised: bool
    """Whether it was optimised before and is loaded unchanged; otherwise onnxruntime optimises it."""
    voices: str
    phrases: tuple[Phrase, ...]
    rounds: int
    """How often all phrases are spoken."""
    exact: bool = False
    """Whether the inverse transform of a graph that is not optimised yet is put right as it is loaded."""


@dataclass(frozen=True, kw_only=True)
class Take:
    """One phrase, spoken once."""

    audio: NDArray[np.float32]
    frames: tuple[int, ...]
    """The duration of each token, in frames."""
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What one process measured."""

    takes: tuple[tuple[Take, ...], ...]
    """For each phrase, a take per round."""
    load_s: float
    """Processor time until the session was open."""
    loaded_mb: float
    """Memory that the open session took."""
    rss_mb: float
    """Memory of the process at the end."""

    def audio_s(self) -> float:
        """Seconds of audio of all phrases, spoken once."""
        return sum(takes[0].audio.size for takes in self.takes) / RATE_HZ

    def cpu_s(self) -> float:
        """Processor time of all phrases, each by its fastest round: other processes slow down the others."""
        return sum(min(take.cpu_s for take in takes) for takes in self.takes)


def run_trial(request: TrialRequest) -> TrialResult:
    """Run a trial in a new process and return its figures; FarmError says why the process failed."""
    with tempfile.TemporaryDirectory(prefix="chorus-trial-") as folder:
        audio = Path(folder) / "audio.npz"
        sent = {**asdict(request), "audio": str(audio), "parent": os.getpid()}
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                children.command("workers.optimise.trial"),
                input=json.dumps(sent),
                env=children.environment(),
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise FarmError(
                f"{request.graph} did not speak within {_TIMEOUT_S:.0f} s: choose another variant."
            ) from error
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or [f"its process ended with status {done.returncode}"]
            raise FarmError(f"{request.graph} does not speak ({reason[0]}): choose another variant.")
        return _read(json.loads(done.stdout), audio)


def _read(figures: Mapping[str, Any], audio: Path) -> TrialResult:
    with np.load(audio) as archive:
        takes = tuple(
            tuple(
                Take(
                    audio=archive[f"audio-{phrase}-{turn}"],
                    frames=tuple(int(one) for one in archive[f"frames-{phrase}-{turn}"]),
                    cpu_s=cpu_s,
                )
                for turn, cpu_s in enumerate(turns)
            )
            for phrase, turns in enumerate(figures["cpu_s"])
        )
    return TrialResult(takes=takes, load_s=figures["load_s"], loaded_mb=figures["loaded_mb"], rss_mb=figures["rss_mb"])


def main() -> None:
    """Run the trial that standard input requests, and print its figures."""
    answers = children.answers()
    sent = json.loads(sys.stdin.readline())
    end_with(sent.pop("parent"))
    audio = Path(sent.pop("audio"))
    request = TrialRequest(**{**sent, "phrases": tuple(Phrase(**one) for one in sent["phrases"])})
    try:
        answer = _speak(request, audio)
    except ChorusError as error:
        sys.exit(str(error).rstrip("."))
    with os.fdopen(answers, "w") as pipe:
        json.dump(answer, pipe)


def _speak(request: TrialRequest, audio: Path) -> dict[str, Any]:
    from workers.inference.sessions import (  # noqa: PLC0415 - onnxruntime is loaded in the child alone
        Form,
        loaded_form,
        open_session,
        shrinking,
    )

    here = psutil.Process()
    before_mb, began_s = here.memory_info().rss / 1e6, time.process_time()
    form: Form = "optimised" if request.optimised else loaded_form(steady=False, exact=request.exact)
    session = open_session(Path(request.graph), threads=1, form=form)
    load_s, loaded_mb = time.process_time() - began_s, here.memory_info().rss / 1e6 - before_mb
    arrays: dict[str, NDArray[Any]] = {}
    cpu_s = [[0.0] * request.rounds for _ in request.phrases]
    graph = KokoroGraph(session)
    feeds = [feed(graph, Path(request.voices), phrase) for phrase in request.phrases]
    for turn in range(request.rounds):
        for number, given in enumerate(feeds):
            began_s = time.process_time()
            outputs = session.run(None, given, shrinking())
            cpu_s[number][turn] = time.process_time() - began_s
            arrays[f"audio-{number}-{turn}"] = graph.audio(outputs)
            arrays[f"frames-{number}-{turn}"] = np.asarray(outputs[1]).ravel()
    rss_mb = here.memory_info().rss / 1e6
    np.savez(audio, allow_pickle=False, **arrays)
    return {"cpu_s": cpu_s, "load_s": load_s, "loaded_mb": loaded_mb, "rss_mb": rss_mb}


def feed(graph: KokoroGraph, voices: Path, phrase: Phrase) -> dict[str, NDArray[Any]]:
    """The graph's inputs for this phrase."""
    return graph.inputs(phrase.phonemes, voicebank.load(voices)[phrase.voice], phrase.speed)


if __name__ == "__main__":
    main()
