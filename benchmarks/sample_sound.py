"""Makes what a newcomer can hear and see of Kokoro: docs/sample.opus and docs/plots/inverse.png.

    .venv/bin/python benchmarks/sample_sound.py [--home ~/.chorus]

The sound is the first chapter of docs/sample.md as `chorus render` speaks it, its report the proof. The picture shows
one sentence twice: above as the model file speaks it, below with the inverse transform put right.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout

from benchmarks import speaking
from benchmarks.spectrogram import GAP, png, spectrogram
from chorus.wire import RATE_HZ
from workers.models.published import VOICES, WEIGHTS_OF_8_BITS

DOCS = speaking.TEXTS.parents[2] / "docs"
SOUND, PICTURE = DOCS / "sample.opus", DOCS / "plots" / "inverse.png"
SENTENCE, VOICE = "She saw six silver ships and a bright, thin sail.", "af_heart"


def main() -> None:
    """Speak, draw, and say what was made."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--home", type=Path, default=Path.home() / ".chorus", help="CHORUS_HOME with Kokoro's files")
    home = asked.parse_args().home.absolute()
    speak_sample(home)
    files = [home / "models" / name for name in (f"{WEIGHTS_OF_8_BITS.name}.onnx", VOICES.file)]
    PICTURE.write_bytes(drawn(*files))
    print(f"{PICTURE.relative_to(DOCS.parent)}: {PICTURE.stat().st_size / 1000:.0f} kB")


def speak_sample(home: Path) -> None:
    """Render the first chapter as a user does; the stand-in voice is refused."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / SOUND.name
        words = ["render", str(DOCS / "sample.md"), "--chapters", "1", "-o", str(made), "--fresh"]
        command = [str(DOCS.parent / "bin" / "chorus"), *words]
        subprocess.run(command, env={**os.environ, "CHORUS_HOME": str(home)}, check=True)  # noqa: S603 - our own command
        report = json.loads(made.with_name(f"{made.name}.report.json").read_text("utf-8"))
        if not report["model"].startswith("kokoro"):
            raise SystemExit(f"{home} has no Kokoro: run `./bin/chorus models pull` first, with CHORUS_HOME set to it.")
        shutil.move(made, SOUND)
    print(f"{SOUND.relative_to(DOCS.parent)}: {report['model']}, {report['variant']}")


def drawn(model: Path, voices: Path) -> bytes:
    """The picture: the file's own inverse transform above, torch.istft's below."""
    said = speaking.pieces(SENTENCE, VOICE)
    sounds = [
        speaking.ours(model, voices, form=speaking.FORMS[way])(said, VOICE, 1.0).audio
        for way in (speaking.AS_EXPORTED, speaking.EXACT)
    ]
    pictures = [spectrogram(sound, RATE_HZ) for sound in sounds]
    width = min(one.shape[1] for one in pictures)
    gap = np.full((GAP, width), 255, np.uint8)
    return png(np.concatenate([pictures[0][:, :width], gap, pictures[1][:, :width]]))


if __name__ == "__main__":
    main()
