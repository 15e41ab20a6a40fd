"""Builds the stand-in voice: a formant synthesiser as an ONNX graph of Kokoro's shape, and its voices file.

    python -m workers.standin.build        # writes both files beside this one

Everything stored in the model is an integer or a short decimal, and its noise comes from a hash, so that no platform's
rounding or random generator shows in the file. Knows nothing of sessions.
"""

import json
from pathlib import Path

import numpy as np
import onnx

from workers.standin import MODEL, NAME, VOICES
from workers.standin.graph import Graph, Side, Tensor
from workers.standin.sounds import symbols
from workers.standin.speech import speech
from workers.standin.timing import plan
from workers.standin.voices import STYLE_WIDTH, styles


def model() -> onnx.ModelProto:
    """The stand-in voice."""
    graph = Graph()
    tokens, style, speed = (Tensor(graph, name) for name in ("tokens", "style", "speed"))
    planned = plan(graph, tokens.shaped(-1), speed)
    graph.op("Identity", speech(graph, planned, style), output="audio")
    graph.op("Identity", planned.duration, output="duration")
    inputs: Side = {"tokens": ("int64", [1, "n"]), "style": ("float", [1, STYLE_WIDTH]), "speed": ("float", [1])}
    outputs: Side = {"audio": ("float", ["samples"]), "duration": ("int64", ["n"])}
    built = graph.model("stand_in_voice", inputs, outputs)
    vocabulary = {symbol: one.token for symbol, one in symbols().items()}
    config = json.dumps({"vocab": vocabulary}, ensure_ascii=False, separators=(",", ":"))
    onnx.helper.set_model_props(built, {"name": NAME, "kokoro_config": config})
    return built


def build(path: Path) -> Path:
    """Write the model."""
    path.write_bytes(model().SerializeToString(deterministic=True))
    return path


def build_voices(path: Path) -> Path:
    """Write the voices file, in the published format."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **styles())
    return path


if __name__ == "__main__":
    build(MODEL)
    build_voices(VOICES)
