"""Fast convolution: rewrites a model's graph so that it computes the same speech with fewer multiplications.

`accelerate` is the entry point. It takes any ONNX model, uses standard operators only, and returns a model unchanged if
nothing in it can be accelerated. Knows nothing of voices, queues or settings.
"""

from workers.fastconv.accelerate import Accelerated, accelerate, kinds
from workers.fastconv.rewrite import ConvolutionKind, Layer
from workers.fastconv.selection import KindChoice, TileChoice, choice_by_rule

__all__ = [
    "Accelerated",
    "ConvolutionKind",
    "KindChoice",
    "Layer",
    "TileChoice",
    "accelerate",
    "choice_by_rule",
    "kinds",
]
