"""Draws spectrograms of the stand-in voice and of flite, with the course of the pitch below each.

    .venv/bin/python benchmarks/spectrogram.py "A text." a.png  # the stand-in voice above, flite's below
    .venv/bin/python benchmarks/spectrogram.py "A text." a.png --voice af_heart

Time runs to the right, frequency upwards; the darker, the louder. It measures nothing.
"""

import argparse
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks.intelligibility import flite, stand_in
from workers.standin import MODEL, VOICES

HOP_S, WINDOW_S, TOP_HZ = 0.005, 0.025, 12_000
ROWS, PITCH_ROWS, GAP = 300, 120, 12
LOWEST_HZ, HIGHEST_HZ = 60, 400
RANGE_DB = 70
VOICED = 0.45

Image = NDArray[np.uint8]


def main() -> None:
    """Draw both voices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", help="the text to speak")
    parser.add_argument("png", type=Path, help="the picture to write")
    parser.add_argument("--voice", default="am_adam", help="a voice of the stand-in (default am_adam)")
    parser.add_argument("--model", type=Path, default=MODEL, help="the model file (default: the stand-in's)")
    parser.add_argument("--voices", type=Path, default=VOICES, help="its voices (default: the stand-in's)")
    given = parser.parse_args()
    pictures = []
    for speak in (stand_in(given.model, given.voices, given.voice, 1.0), flite("rms")):
        samples, rate_hz = speak(given.text)
        pictures += [spectrogram(samples, rate_hz), pitch_curve(samples, rate_hz)]
    width = max(picture.shape[1] for picture in pictures)
    wide = [np.pad(one, ((0, GAP), (0, width - one.shape[1])), constant_values=255) for one in pictures]
    given.png.write_bytes(png(np.concatenate(wide)))


def spectrogram(samples: NDArray[np.float32], rate_hz: int) -> Image:
    """The levels of all frequencies, from 0 Hz at the bottom to TOP_HZ at the top."""
    frames = framed(samples, rate_hz, WINDOW_S)
    width = frames.shape[1]
    levels = 20 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(width))) + 1e-6)
    bins = (np.arange(ROWS) / ROWS * TOP_HZ * width / rate_hz).astype(int)
    known = bins < levels.shape[1]
    shown = np.where(known, levels[:, np.minimum(bins, levels.shape[1] - 1)], -1e3)
    return grey((shown.T[::-1] - (levels.max() - RANGE_DB)) / RANGE_DB)


def pitch_curve(samples: NDArray[np.float32], rate_hz: int) -> Image:
    """The course of the pitch, on a logarithmic scale."""
    frames = framed(samples, rate_hz, 0.04)
    spectra = np.abs(np.fft.rfft(frames, 2 * frames.shape[1])) ** 2
    likeness = np.fft.irfft(spectra)
    lags = np.arange(rate_hz // HIGHEST_HZ, rate_hz // LOWEST_HZ)
    shares = likeness[:, lags] / (1 - lags / frames.shape[1]) / (likeness[:, :1] + 1e-3)
    picture = np.full((PITCH_ROWS, len(frames)), 255, np.uint8)
    for octave in (100, 200):
        picture[height(octave)] = 210
    for column, share in enumerate(shares):
        if share.max() > VOICED:
            # Take the shortest lag that is nearly the best, since twice the period matches as well.
            best = lags[np.argmax(share > 0.9 * share.max())]
            at = height(rate_hz / best)
            picture[max(0, at - 1) : at + 2, column] = 0
    return picture


def height(hz: float) -> int:
    """The row of a pitch."""
    share = np.log(hz / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ)
    return int((1 - min(1.0, max(0.0, share))) * (PITCH_ROWS - 1))


def framed(samples: NDArray[np.float32], rate_hz: int, width_s: float) -> NDArray[np.float32]:
    """Windows of this length, one every HOP_S."""
    width = round(width_s * rate_hz)
    padded = np.pad(samples, width // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, width)[:: round(HOP_S * rate_hz)]


def grey(shares: NDArray[np.floating]) -> Image:
    """Grey values from shares: 0 is white, 1 is black."""
    return (255 - 255 * shares.clip(0, 1)).astype(np.uint8)


def png(picture: Image) -> bytes:
    """The bytes of a PNG file with a grey picture."""
    rows, columns = picture.shape
    lines = b"".join(b"\0" + line.tobytes() for line in picture)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(lines)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in (*chunks, (b"IEND", b"")))


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    main()
