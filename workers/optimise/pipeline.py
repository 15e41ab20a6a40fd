"""The table of stages: first those that describe the model and build variants, then those that judge the variants.

A stage is a function that takes the `PreparationState`, builds variants with its `build`, and returns a `StageResult`.
"""

from workers.optimise.judging import bench, choose, validate
from workers.optimise.lossless import analyse, graph
from workers.optimise.lossy import quantize
from workers.optimise.stages import Stage

# Whoever changes a version must also change RECIPE in `workers.models.variants`: workers prepare a model again only if
# RECIPE differs from the one in its manifest.
ANALYSE = Stage(name="analyse", version="1", run=analyse)
GRAPH = Stage(name="graph", version="3", run=graph)
QUANTIZE = Stage(name="quantize", version="2", run=quantize, inputs=lambda state: state.keys("graph"))
BUILDERS = ("graph", "quantize")
VALIDATE = Stage(name="validate", version="1", run=validate, inputs=lambda state: state.keys(*BUILDERS))
BENCH = Stage(name="bench", version="1", run=bench, inputs=lambda state: state.keys(*BUILDERS, "validate"))
CHOOSE = Stage(name="choose", version="1", run=choose, inputs=lambda state: state.keys(*BUILDERS, "validate", "bench"))

LOSSLESS = (ANALYSE, GRAPH, VALIDATE, BENCH, CHOOSE)
"""The stages that a worker runs before it speaks with a model for the first time."""
ALL = (ANALYSE, GRAPH, QUANTIZE, VALIDATE, BENCH, CHOOSE)
"""All stages, including those whose variants trade a little quality for speed."""
