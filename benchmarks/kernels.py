"""Compares a file's inverse transform with the formula of torch.istft, and the sound's bands with those of recordings.

    .venv/bin/python benchmarks/kernels.py KOKORO.onnx --voices VOICES.bin

The spectrum that goes into the transform becomes an output of the graph, so that the formula, in numpy, is given the
same numbers. Kokoro's authors published recordings of the same passage, made with PyTorch; only their figures are here.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import measure, speaking
from benchmarks.signal_measures import BANDS_HZ, bands_db
from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.sessions import in_memory
from workers.models import voicebank
from workers.models.inverse_stft import kernels, make_exact

NAME = "kernels"
PASSAGE = (
    "That is the germ of my great discovery. But you are wrong to say that we cannot move about in Time. For instance, "
    "if I am recalling an incident very vividly I go back to the instant of its occurrence: I become absentminded, as "
    "you say. I jump back for a moment."
)
"""From The Time Machine (H. G. Wells, 1895): what the recordings say."""
RECORDINGS: Final = {
    "am_michael": (-27.1, (-6.4, -11.6, -13.3, -12.1, -23.3)),
    "bf_emma": (-23.3, (-6.4, -6.6, -12.6, -12.2, -14.8)),
}
"""Their level, and the bands of BANDS_HZ against 50 to 600 Hz: an older version of the weights (v0.19) spoke them."""
SHORT = "Call me Ishmael."


def main() -> None:
    """Measure, keep, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("model", type=Path)
    asked.add_argument("--voices", type=Path, required=True)
    asked.add_argument("--keep", type=Path, default=speaking.KEPT)
    asked.add_argument("--results", type=Path, default=measure.RESULTS, help="folder to write into")
    given = asked.parse_args()
    figures = {
        "agreement": [agreement(given.model, given.voices, exact=exact) for exact in (False, True)],
        "bands": [*recordings(), *bands(given.model, given.voices, given.keep)],
    }
    measure.save(NAME, f"{given.model.stem}; the passage has {len(PASSAGE.split())} words", figures, given.results)
    print(table(figures))


def agreement(model: Path, voices: Path, *, exact: bool) -> dict[str, Any]:
    """How far the graph's transform is from the formula, as signal to difference."""
    graph = onnx.load(model)
    found = kernels(graph)
    if exact:
        make_exact(graph)
    real, imaginary = shown(graph)
    session = in_memory(graph.SerializeToString(), speaking.THREADS)
    known = KokoroGraph(session)
    piece = speaking.pieces(SHORT, "af_heart")[0]
    outputs = session.run(None, known.inputs(piece.phonemes, voicebank.load(voices)["af_heart"], 1.0))
    audio = known.audio(outputs)
    halves = dict(zip([one.name for one in session.get_outputs()], outputs, strict=True))
    # Exporters differ in which of the two waves carries the minus sign.
    spectra = [(halves[real] + sign * 1j * halves[imaginary])[0].astype(np.complex128) for sign in (1, -1)]
    nearest = max(snr_db(istft(spectrum)[: audio.size], audio) for spectrum in spectra)
    return {"kernels": "exact" if exact else found, "snr_db": round(nearest, 1)}


def shown(model: onnx.ModelProto) -> tuple[str, str]:
    """Make the spectrum that the inverse transform is given an output of the graph: its two halves, by name."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    halves = [
        node.input[0]
        for node in model.graph.node
        if node.op_type == "ConvTranspose" and node.input[1] in stored and is_transform(stored[node.input[1]].dims)
    ]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in halves)
    real, imaginary = halves
    return real, imaginary


def is_transform(shape: Sequence[int]) -> bool:
    """Whether these are kernels from bins to samples."""
    bins, channels, length = shape if len(shape) == 3 else (0, 0, 0)  # noqa: PLR2004 - in, out, taps
    return channels == 1 and length > 1 and bins == length // 2 + 1


def istft(spectrum: NDArray[np.complex128], hop: int = 5) -> NDArray[np.float64]:
    """By the formula of torch.istft: Hann windows, added, divided by the sum of their squares; half a window off."""
    length, frames = 2 * (spectrum.shape[0] - 1), spectrum.shape[1]
    window = np.hanning(length + 1)[:-1]
    audio, squares = np.zeros((frames - 1) * hop + length), np.zeros((frames - 1) * hop + length)
    for at in range(frames):
        place = slice(at * hop, at * hop + length)
        audio[place] += window * np.fft.irfft(spectrum[:, at], length)
        squares[place] += window**2
    return (audio / np.where(squares > 1e-9, squares, 1))[length // 2 : -(length // 2)]  # noqa: PLR2004 - no window


def snr_db(wanted: NDArray[np.floating[Any]], got: NDArray[np.floating[Any]]) -> float:
    """Signal to difference, without the ends, where fewer windows overlap."""
    both = min(wanted.size, got.size)
    inner = slice(20, both - 20)
    apart = got[inner].astype(np.float64) - wanted[inner]
    return float(10 * np.log10(np.mean(wanted[inner] ** 2) / max(float(np.mean(apart**2)), 1e-30)))


def recordings() -> list[dict[str, Any]]:
    """The figures of the published recordings."""
    return [
        {"voice": voice, "sound": "recording", "level_db": level, "bands": [*levels]}
        for voice, (level, levels) in RECORDINGS.items()
    ]


def bands(model: Path, voices: Path, keep: Path) -> list[dict[str, Any]]:
    """The same of the passage as the model speaks it, with the file's own kernels and with exact ones."""
    keeper = speaking.Keeper(keep / "spoken")
    found = []
    for way, form in speaking.FORMS.items():
        speak = speaking.ours(model, voices, form=form)
        for voice in RECORDINGS:
            said = speaking.pieces(PASSAGE, voice)
            audio = keeper.spoken(keeper.name(model.stem, "passage", way, voice), speak, said, voice, 1.0).audio
            levels = bands_db([audio])
            # As the recordings' level was taken: over every sample that is not digital silence.
            level = 10 * np.log10(float(np.mean(audio[np.abs(audio) > 0].astype(np.float64) ** 2)))
            found.append({"voice": voice, "sound": way, "level_db": level, "bands": [levels[one] for one in BANDS_HZ]})
    return found


def table(figures: dict[str, Any]) -> str:
    """As on the page."""
    agreeing = measure.rows(
        ["kernels", "signal to difference from torch.istft's formula"],
        [[one["kernels"], f"{one['snr_db']:.1f} dB"] for one in figures["agreement"]],
    )
    voices = dict.fromkeys(one["voice"] for one in figures["bands"])
    ordered = [one for voice in voices for one in figures["bands"] if one["voice"] == voice]
    names = [f"{low}-{high} Hz" for low, high in BANDS_HZ]
    levels = measure.rows(
        ["voice", "sound", "level", *names],
        [
            [one["voice"], one["sound"], decibels(one["level_db"]), *(decibels(level) for level in one["bands"])]
            for one in ordered
        ],
    )
    return f"{agreeing}\n\n{levels}"


def decibels(value: float) -> str:
    """With a minus sign that is as wide as a digit."""
    return f"{value:.1f}".replace("-", "−")


if __name__ == "__main__":
    main()
