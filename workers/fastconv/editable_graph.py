"""An ONNX graph on the workbench: who makes a tensor, who reads it, what is constant, and nodes put in others' place.

Knows nothing of convolutions. The model that came in is left as it was.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
_DEFAULT_DOMAINS = ("", "ai.onnx")


class Workbench:
    """A model being rewritten; `finish` gives the new one."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Look through the graph once."""
        self._model = model
        self._nodes: list[list[onnx.NodeProto]] = [[node] for node in model.graph.node]
        self._place = {name: at for at, node in enumerate(model.graph.node) for name in node.output if name}
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._inputs = {value.name for value in model.graph.input}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in read_by(node):
                self._readers.setdefault(name, []).append(node)
        self._exits = {value.name for value in model.graph.output}
        self._untouchable: set[str] = set()

    @property
    def opset(self) -> int:
        """Of ONNX's own operators; 0 where there are none."""
        return next((one.version for one in self._model.opset_import if one.domain in _DEFAULT_DOMAINS), 0)

    def takes_one_at_a_time(self) -> bool:
        """Whether every input is fixed to a batch of one, as Kokoro's are."""
        inputs = [value for value in self._model.graph.input if value.name not in self._tensors]
        return all(self._batch(value) == 1 for value in inputs)

    def _batch(self, value: onnx.ValueInfoProto) -> int:
        sizes = value.type.tensor_type.shape.dim
        return sizes[0].dim_value if sizes else 0

    def nodes(self, kind: str) -> Iterator[onnx.NodeProto]:
        """All nodes of one of ONNX's own operators that may be touched, as they are now; none in loops and branches."""
        for node in [node for place in self._nodes for node in place]:
            if (
                node.op_type == kind
                and node.domain in _DEFAULT_DOMAINS
                and not self._untouchable.intersection(node.output)
            ):
                yield node

    def leave_alone(self, name: str) -> None:
        """Nothing that this tensor is made from is offered for rewriting from now on."""
        waiting = [name]
        while waiting:
            made = waiting.pop()
            if made in self._place and made not in self._untouchable:
                makers = [node for node in self._nodes[self._place[made]] if made in node.output]
                self._untouchable.update(*(node.output for node in makers))
                waiting += [read for node in makers for read in read_by(node)]

    def maker(self, name: str, kind: str) -> onnx.NodeProto | None:
        """The node that makes this tensor, if it is of this kind."""
        place = self._nodes[self._place[name]] if name in self._place else []
        return next((node for node in place if name in node.output and node.op_type == kind), None)

    def readers(self, name: str) -> Sequence[onnx.NodeProto]:
        """Who reads this tensor, loops and branches included; one that reads it twice counts twice."""
        return self._readers.get(name, ())

    def is_read_only_by(self, name: str, count: int) -> bool:
        """Whether it has so many readers and does not leave the graph."""
        return len(self.readers(name)) == count and name not in self._exits

    def constant(self, name: str) -> Array | None:
        """Its value where it is known before any run."""
        if name in self._tensors and name not in self._inputs:
            return numpy_helper.to_array(self._tensors[name])
        same = self.maker(name, "Identity")
        if same is not None:
            return self.constant(same.input[0])
        node = self.maker(name, "Constant")
        value = attributes(node).get("value") if node is not None else None
        return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else None

    def keep(self, name: str, values: Array) -> str:
        """A constant of ours; the same name must mean the same values."""
        if name not in self._tensors:
            self._tensors[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def replace(self, node: onnx.NodeProto, others: Iterable[onnx.NodeProto]) -> None:
        """Put other nodes, in order, where this one stands; what makes its outputs must be among them."""
        at = self._place[node.output[0]]
        put = list(others)
        self._nodes[at] = [one for old in self._nodes[at] for one in (put if old is node else [old])]
        self._forget(node)
        for new in put:
            self._place.update(dict.fromkeys(new.output, at))
            for name in read_by(new):
                self._readers.setdefault(name, []).append(new)

    def drop(self, name: str) -> None:
        """Take away what makes this tensor: it will come from outside."""
        at = self._place.pop(name)
        for node in self._nodes[at]:
            if name in node.output:
                self._forget(node)
        self._nodes[at] = [node for node in self._nodes[at] if name not in node.output]

    def _forget(self, node: onnx.NodeProto) -> None:
        for name in read_by(node):
            self._readers[name] = [reader for reader in self._readers[name] if reader is not node]

    def finish(self) -> onnx.ModelProto:
        """The new model, without nodes and constants that nothing needs any more."""
        nodes = self._needed([node for place in self._nodes for node in place])
        names = {name for node in nodes for name in read_by(node)} | self._exits
        made = {name for node in nodes for name in node.output}
        done = onnx.ModelProto()
        _copy_fields(self._model, done, without="graph")
        _copy_fields(self._model.graph, done.graph, without="node initializer value_info")
        done.graph.node.extend(nodes)
        done.graph.initializer.extend(tensor for name, tensor in self._tensors.items() if name in names)
        done.graph.value_info.extend(one for one in self._model.graph.value_info if one.name in made)
        return done

    def _needed(self, nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """Those whose outputs are read. What the model itself left unread stays: it is not ours to tidy."""
        unread = {name for node in self._model.graph.node for name in node.output} - self._read_at_first()
        needed = set(self._exits) | unread
        kept = []
        for node in reversed(nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(read_by(node))
        return kept[::-1]

    def _read_at_first(self) -> set[str]:
        return {name for node in self._model.graph.node for name in read_by(node)}


def read_by(node: onnx.NodeProto) -> list[str]:
    """Tensors that a node reads, those that its loop or branch takes from outside included."""
    return [name for name in node.input if name] + [
        name for graph in _inner_graphs(node) for name in _read_from_outside(graph)
    ]


def _inner_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _read_from_outside(graph: onnx.GraphProto) -> Iterator[str]:
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    own.update(name for node in graph.node for name in node.output)
    read = [name for node in graph.node for name in read_by(node)] + [value.name for value in graph.output]
    return (name for name in read if name not in own)


def attributes(node: onnx.NodeProto) -> Mapping[str, Any]:
    """What is set on a node."""
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def histogram(model: onnx.ModelProto) -> Mapping[str, int]:
    """How many nodes of each operator there are, the most frequent first; loops and branches count as one node."""
    return dict(Counter(node.op_type for node in model.graph.node).most_common())


def _copy_fields(source: Any, target: Any, *, without: str) -> None:
    left_out = without.split()
    for field, value in source.ListFields():
        if field.name in left_out:
            continue
        if isinstance(value, (str, bytes, int, float)):
            setattr(target, field.name, value)
        else:
            getattr(target, field.name).MergeFrom(value)
