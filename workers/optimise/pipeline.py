"""The table of stages. What makes a variant stands between `graph` and `validate`; what it makes is judged by the rest.

A new stage is a function that takes the `Work`, builds variants with `work.build`, and says what it did.
"""

from workers.optimise.judging import bench, choose, validate
from workers.optimise.lossless import analyse, graph
from workers.optimise.lossy import quantize
from workers.optimise.stages import Stage

# With a version changes RECIPE in `manifest`, or no worker would look whether there is something to do.
ANALYSE = Stage(name="analyse", version="1", work=analyse)
GRAPH = Stage(name="graph", version="3", work=graph)
QUANTIZE = Stage(name="quantize", version="2", work=quantize, inputs=lambda work: work.keys("graph"))
BUILDERS = ("graph", "quantize")
VALIDATE = Stage(name="validate", version="1", work=validate, inputs=lambda work: work.keys(*BUILDERS))
BENCH = Stage(name="bench", version="1", work=bench, inputs=lambda work: work.keys(*BUILDERS, "validate"))
CHOOSE = Stage(name="choose", version="1", work=choose, inputs=lambda work: work.keys(*BUILDERS, "validate", "bench"))

LOSSLESS = (ANALYSE, GRAPH, VALIDATE, BENCH, CHOOSE)
"""What a model goes through before it first speaks here."""
ALL = (ANALYSE, GRAPH, QUANTIZE, VALIDATE, BENCH, CHOOSE)
"""Everything: the lossless ones and those that trade a little quality for speed."""
