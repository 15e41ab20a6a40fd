"""The stand-in voice: a small model that speaks until the real one is fetched. Knows nothing of queues or sessions."""

from pathlib import Path

_HERE = Path(__file__).parent
MODEL = _HERE / "stand-in.onnx"
VOICES = _HERE / "stand-in-voices.bin"
