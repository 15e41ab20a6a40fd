"""Kokoro's graph from outside: the inputs it takes for some phonemes, and what its outputs say.

Knows the graph's inputs and outputs; knows neither threads nor lanes, nor whether what came out is speech. What it
makes of phonemes, and of the outputs, is what `kokoro_onnx.Kokoro.create_timed` makes of them with nothing trimmed and
no pause added (tests/integration/test_kokoro_graph.py compares the two).
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chorus.errors import FarmError, ModelError
from chorus.wire import RATE_HZ

PAD = 0
"""The token before the first and after the last."""
VOCABULARY_KEY = "kokoro_config"
"""The entry of the model's metadata that holds its vocabulary, as `kokoro_onnx` reads it."""
_NUMPY_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}

Timing = tuple[str, float, float]
"""A phoneme, its start and its end, in seconds from the start of the audio."""

log = logging.getLogger(__name__)


class KokoroGraph:
    """The graph of one open session."""

    def __init__(self, session: Any) -> None:
        """Read its vocabulary and the types of its inputs; `session` is an onnxruntime session."""
        self.vocabulary = vocabulary_of(session)
        self._types = {one.name: np.dtype(_NUMPY_TYPES.get(one.type, np.float32)) for one in session.get_inputs()}
        # Older exports have the first name, newer ones the second.
        self._tokens = "input_ids" if "input_ids" in self._types else "tokens"
        self._has_durations = "duration" in {one.name for one in session.get_outputs()}
        if self._types["speed"].kind in "iu":
            raise ModelError("The model takes whole numbers for its speed: use one that takes fractions.")

    def inputs(self, phonemes: str, style: NDArray[np.float32], speed: float) -> dict[str, NDArray[Any]]:
        """What the graph is given; `style` is the voice's table, of one row for each number of tokens."""
        tokens = [self.vocabulary[symbol] for symbol in self.spoken(phonemes)]
        if not tokens:
            raise FarmError("Nothing of these phonemes is in the model's vocabulary: please report it.")
        row = style[min(len(tokens), len(style)) - 1]
        return {
            self._tokens: np.array([[PAD, *tokens, PAD]], self._types[self._tokens]),
            "style": np.asarray(row, self._types["style"]),
            "speed": np.array([speed], self._types["speed"]),
        }

    def spoken(self, phonemes: str) -> str:
        """What the model is asked to speak: a run of blanks is one, none at either end, no unknown symbol."""
        return "".join(symbol for symbol in " ".join(phonemes.split()) if symbol in self.vocabulary)

    def audio(self, outputs: Sequence[Any]) -> NDArray[np.float32]:
        """The samples, as a copy: onnxruntime's own array lies in its arena and keeps that memory from being freed."""
        return np.array(outputs[0], np.float32).ravel()

    def durations(self, outputs: Sequence[Any]) -> NDArray[np.int64] | None:
        """How many frames each token lasts, pads included; None from a model that does not say it."""
        return np.asarray(outputs[1]).ravel() if self._has_durations else None

    def timings(self, outputs: Sequence[Any], phonemes: str) -> tuple[Timing, ...]:
        """When each phoneme is spoken; empty from a model without durations."""
        durations = self.durations(outputs)
        if durations is None:
            return ()
        frames = np.cumsum(durations)
        samples = np.round(frames * (np.asarray(outputs[0]).size / frames[-1])).astype(np.int64)
        # The first edge is the end of the first pad, which is where the first phoneme starts.
        edges = (samples / RATE_HZ).tolist()
        return tuple(zip(self.spoken(phonemes), edges, edges[1:], strict=False))


def vocabulary_of(session: Any) -> Mapping[str, int]:
    """Symbol to token id: what the model's metadata says; for a model without it, what kokoro-onnx has."""
    config = session.get_modelmeta().custom_metadata_map.get(VOCABULARY_KEY)
    if config:
        try:
            return dict(json.loads(config)["vocab"])
        except (ValueError, KeyError, TypeError) as error:
            log.warning("The vocabulary in the model's metadata cannot be read, the usual one is used: %r", error)
    from kokoro_onnx.config import DEFAULT_VOCAB  # noqa: PLC0415 - 15 MB and 0.1 s that most models do not need

    return dict(DEFAULT_VOCAB)
