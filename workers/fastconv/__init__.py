"""Fast convolution: the same speech from fewer multiplications, by a rewritten graph of ONNX's own operators.

`accelerate` is the way in. Knows nothing of voices, queues or settings: any model
goes in, and one that has nothing to gain comes out as it was.
"""

from workers.fastconv.accelerate import Accelerated, accelerate, kinds
from workers.fastconv.rewrite import Kind, Layer
from workers.fastconv.selection import Choice, Chosen, usual

__all__ = ["Accelerated", "Choice", "Chosen", "Kind", "Layer", "accelerate", "kinds", "usual"]
