"""Builds the two files of the stand-in voice: an ONNX graph with Kokoro's inputs and outputs, and its voices file.

    python -m workers.standin.build             # records and measures flite again: minutes
    python -m workers.standin.build --assemble  # rebuilds the graph from the measurements in the current one: a second

The first command needs `flite` 2.2 with its voice rms. flite speaks the sentences of sentences.txt, which also holds
misaki's phonemes for them. Everything else stored in the model is an integer or a short decimal, and its noise comes
from a hash, so that the file does not depend on a platform's random generator. Knows nothing of sessions.
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from chorus.standing_in import NAME
from chorus.vocabulary import VOCABULARY
from workers.standin import MODEL, VOICES
from workers.standin.analysis import analyse
from workers.standin.arithmetic import Graph, Tensor, TensorTypes
from workers.standin.intonation import intonation
from workers.standin.recording import record
from workers.standin.speakers import STYLE_WIDTH, speaker, styles
from workers.standin.synthesis import speech
from workers.standin.timing import schedule
from workers.standin.units import Example, Lengths, Units, average, examples

SENTENCES = Path(__file__).parent / "sentences.txt"


def sentences() -> list[tuple[str, str]]:
    """The sentences for flite to speak, each with its phonemes."""
    lines = SENTENCES.read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    return [(text, phonemes) for text, phonemes in pairs]


def measured(given: Iterable[tuple[str, str]]) -> Units:
    """Let flite speak these sentences, on all cores, and average the recordings."""
    with multiprocessing.Pool() as pool:
        return average(chain.from_iterable(pool.imap(_examples, given, chunksize=8)))


def _examples(sentence: tuple[str, str]) -> list[Example]:
    recording = record(*sentence)
    return list(examples(recording, analyse(recording.samples)))


def stored(path: Path = MODEL) -> Units:
    """The measurements that are stored in this model."""
    tables = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    lengths = {name.partition(".")[2]: table for name, table in tables.items() if name.startswith("lengths.")}
    units = {name.partition(".")[2]: table for name, table in tables.items() if name.startswith("units.")}
    return Units(lengths=Lengths(**lengths), **units)


def model(units: Units) -> onnx.ModelProto:
    """The graph of the stand-in voice with these units."""
    graph = Graph()
    tokens, style, speed = (Tensor(graph, name) for name in ("tokens", "style", "speed"))
    who = speaker(style)
    planned = schedule(graph, tokens.shaped(-1), speed * who.pace, units.lengths)
    graph.op("Identity", speech(graph, planned, intonation(graph, planned), who, units), output="audio")
    graph.op("Identity", planned.duration, output="duration")
    inputs: TensorTypes = {"tokens": ("int64", [1, "n"]), "style": ("float", [1, STYLE_WIDTH]), "speed": ("float", [1])}
    outputs: TensorTypes = {"audio": ("float", ["samples"]), "duration": ("int64", ["n"])}
    built = graph.model("stand_in_voice", inputs, outputs)
    config = json.dumps({"vocab": VOCABULARY}, ensure_ascii=False, separators=(",", ":"))
    onnx.helper.set_model_props(built, {"name": NAME, "kokoro_config": config})
    return built


def build(units: Units, path: Path) -> Path:
    """Write the model file."""
    path.write_bytes(model(units).SerializeToString(deterministic=True))
    return path


def build_voices(path: Path) -> Path:
    """Write the voices file, in the published format."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **styles())
    return path


def main() -> None:
    """Write both files beside this module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assemble", action="store_true", help="use the measurements stored in the current model")
    units = stored() if parser.parse_args().assemble else measured(sentences())
    build(units, MODEL)
    build_voices(VOICES)


if __name__ == "__main__":
    main()
