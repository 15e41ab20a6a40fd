"""Speaks one segment in a child process (workers/engine/isolated_child.py), and says how that ended.

A segment whose attempts killed processes is spoken like this from its third attempt on: whatever it does to the child,
the parent lives and knows the cause. Knows nothing of jobs.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, Any

import numpy as np
import psutil

from chorus import errors
from chorus.errors import ChorusError, FarmError
from tasks.engine import Speech, Utterance
from workers.inference.validation import shown
from workers.models.resolving import Model
from workers.process import children

# Kokoro needs 0.7 GB for a usual segment, 2.2 GB for 510 tokens at half speed.
MEMORY_BYTES = 4 * 2**30
LAST_WORDS_S = 5.0
_REMEDY = "`chorus retry` tries it again, with more memory it may succeed"
_POLL_S = 0.1
_READ_BYTES = 1 << 16
_FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The child's limits."""

    wall_s: float
    """Counted from its start, loading the model included."""
    memory_bytes: int = MEMORY_BYTES
    by_kernel: bool = sys.platform == "linux"
    """Whether the kernel enforces the memory limit; where it cannot, the parent watches the child and ends it."""


def speak(model: Model, utterance: Utterance, limits: Limits) -> Speech:
    """What the child spoke, or ChorusError for whatever happened instead."""
    order = {
        "parent": os.getpid(),
        "model": str(model.path),
        "voices": str(model.voices_path),
        "digest": model.digest,
        "variant": model.variant,
        "memory_bytes": limits.memory_bytes if limits.by_kernel else 0,
        "utterance": asdict(utterance),
    }
    what = f"Spoken in a child process, {shown(utterance.phonemes)}"
    with _child(order) as child:
        answer = _answer(child, limits, what)
    head, complete, raw = answer.partition(b"\n")
    if not complete:
        raise FarmError(f"{what} {_end_of(child.returncode)}: {_REMEDY}.")
    answered = json.loads(head)
    if "error" in answered:
        raise _error(
            answered["kind"],
            f"Spoken in a child process with {limits.memory_bytes / 1e9:.1f} GB of memory: {answered['error']}",
        )
    if len(raw) != answered["samples"] * _FLOAT_BYTES:
        raise FarmError(f"{what} was cut short, it {_end_of(child.returncode)}: {_REMEDY}.")
    timings = tuple((symbol, start, end) for symbol, start, end in answered["timings"])
    return Speech(audio=np.frombuffer(raw, np.float32), seconds=answered["seconds"], timings=timings)


@contextmanager
def _child(order: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """A child that has its order, killed at the end of the block. Its input stays open while this process lives."""
    command = children.command("workers.engine.isolated_child")
    # Unbuffered: closing the pipe of a dead child must not try to write the rest of a buffer.
    with subprocess.Popen(  # noqa: S603 - our own module
        command, bufsize=0, env=children.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            # A child that is dead already gives no answer, which is noticed when the answer is read.
            with suppress(BrokenPipeError):
                _pipe(child.stdin).write(json.dumps(order).encode() + b"\n")
            yield child
        finally:
            child.kill()


def _answer(child: subprocess.Popen[bytes], limits: Limits, what: str) -> bytes:
    """All that the child writes, until it closes its output."""
    deadline_s = time.monotonic() + limits.wall_s
    pipe, parts = _pipe(child.stdout), [b""]
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(_POLL_S):
                parts.append(os.read(pipe.fileno(), _READ_BYTES))
                if not parts[-1]:
                    break
            if time.monotonic() > deadline_s:
                raise FarmError(f"{what} took more than {limits.wall_s:.0f} s: {_REMEDY}.")
            if not limits.by_kernel and _memory_of(child) > limits.memory_bytes:
                raise FarmError(f"{what} took more than {limits.memory_bytes / 1e9:.1f} GB of memory: {_REMEDY}.")
    with suppress(subprocess.TimeoutExpired):
        child.wait(LAST_WORDS_S)
    return b"".join(parts)


def _memory_of(child: subprocess.Popen[bytes]) -> int:
    try:
        return int(psutil.Process(child.pid).memory_info().rss)
    except psutil.Error:
        return 0


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise FarmError("The child was started without its pipes: please report it.")
    return stream


def _end_of(status: int | None) -> str:
    if status is None or status >= 0:
        return f"ended its process with status {status}"
    name = signal.Signals(-status).name
    return f"killed its process ({name})" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _error(kind: str, sentence: str) -> ChorusError:
    """The error with the class that it had in the child, so that a caller's mistake is still the caller's."""
    found = getattr(errors, kind, FarmError)
    return found(sentence) if issubclass(found, ChorusError) else FarmError(sentence)
