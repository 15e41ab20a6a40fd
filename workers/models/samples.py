"""Names the samples that a model makes: where the name is the same, so are they, bit for bit.

A sound is not enough for that: `original` and `fast` sound alike and differ by less than one bit of sixteen.
"""

import hashlib

from workers.models import build_target
from workers.models.digests import sha256_of
from workers.models.resolving import Model


def name_of(model: Model) -> str:
    """12 hex digits, of the sound, of the graph and of the processor that it runs on."""
    graph = sha256_of(model.graph) if model.optimised else ""
    parts = (model.digest, model.variant, graph, build_target.key())
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
