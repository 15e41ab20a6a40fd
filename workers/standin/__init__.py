"""The stand-in voice: speaks where the real model has not been fetched. Knows nothing of queues or sessions."""

from pathlib import Path

_HERE = Path(__file__).parent
MODEL = _HERE / "stand-in.onnx"
VOICES = _HERE / "stand-in-voices.bin"
