"""Fast convolution: the same speech from fewer multiplications, by a rewritten graph of ONNX's own operators.

`accelerate` is the way in. Knows nothing of voices, queues or settings: any model
goes in, and one that has nothing to gain comes out as it was.
"""

from workers.fastconv.accelerate import Accelerated, accelerate, kinds
from workers.fastconv.rewrite import ConvolutionKind, Layer
from workers.fastconv.selection import Chosen, TileChoice, usual

__all__ = ["Accelerated", "Chosen", "ConvolutionKind", "Layer", "TileChoice", "accelerate", "kinds", "usual"]
