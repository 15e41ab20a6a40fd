"""Shared by the studies: a model with constant noise, sentences to speak, and sessions that are timed in turns."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from chorus.vocabulary import VOCABULARY
from workers import standin
from workers.inference.constant_noise import fix
from workers.models import voicebank
from workers.optimise.observing import Feed, harmonic_source, tensor_value, with_input
from workers.optimise.texts import LINES, CalibrationLine, with_voices
from workers.process import memory

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and the inputs that it is run with."""

    model: onnx.ModelProto
    feeds: tuple[Feed, ...]

    def with_fixed_source(self) -> "Subject":
        """The same with a fixed harmonic source and only the first sentence, so that samples can be compared."""
        source = harmonic_source(self.model)
        if source is None:
            return self
        feed = {**self.feeds[0], source: tensor_value(self.model, source, self.feeds[0])}
        return Subject(model=with_input(self.model, source), feeds=(feed,))


def subject(doc: str | None, lines: Sequence[CalibrationLine] = LINES) -> Subject:
    """The model and sentences from the command line."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
    parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
    given = parser.parse_args()
    model = onnx.load(given.model)
    fix(model)
    return Subject(model=model, feeds=tuple(feeds(given.voices, lines)))


def feeds(voices: Path, lines: Sequence[CalibrationLine]) -> list[Feed]:
    """The inputs for each line, each spoken by another voice."""
    bank = voicebank.load(voices)
    return [feed(line.phonemes, bank[voice]) for line, voice in with_voices(sorted(bank), lines)]


def feed(phonemes: str, style: NDArray[np.float32]) -> Feed:
    """The inputs of Kokoro's graph for these phonemes."""
    tokens = [VOCABULARY[symbol] for symbol in phonemes]
    return {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": style[len(tokens) - 1],
        "speed": np.ones(1, np.float32),
    }


def in_turn(sessions: Mapping[str, ort.InferenceSession], given: Feed, rounds: int = 3) -> dict[str, float]:
    """The processor seconds of each session's fastest run; they take turns, so that other load affects all of them."""
    best = dict.fromkeys(sessions, float("inf"))
    for _ in range(rounds):
        for name, session in sessions.items():
            began_s = time.thread_time()
            session.run(None, dict(given))
            best[name] = min(best[name], time.thread_time() - began_s)
    return best


def spoken(session: ort.InferenceSession, given: Feed) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """The audio and the durations of one run."""
    audio, frames = session.run(None, dict(given))
    return np.asarray(audio).ravel(), np.asarray(frames).ravel()


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The resources that a call took of this process."""

    wall_s: float
    cpu_s: float
    fresh_pages: int
    megabytes: float
    """Resident memory afterwards."""


def cost(work: Callable[[], T]) -> tuple[T, Cost]:
    """The result of a call, and the resources that it took."""
    began_s, cpu_s, pages = time.perf_counter(), time.process_time(), memory.fresh_pages()
    answer = work()
    return answer, Cost(
        wall_s=time.perf_counter() - began_s,
        cpu_s=time.process_time() - cpu_s,
        fresh_pages=memory.fresh_pages() - pages,
        megabytes=memory.read().rss_bytes / 1e6,
    )
