"""An ONNX graph that can be edited: finds the node that computes a tensor, its readers and constants; replaces nodes.

Knows nothing of convolutions. It never changes the model that it was created from.
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


class EditableGraph:
    """A model that is being rewritten; `to_model` returns the new one."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Index the nodes and tensors of the graph."""
        self._model = model
        self._nodes: list[list[onnx.NodeProto]] = [[node] for node in model.graph.node]
        self._place = {name: at for at, node in enumerate(model.graph.node) for name in node.output if name}
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._inputs = {value.name for value in model.graph.input}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in read_by(node):
                self._readers.setdefault(name, []).append(node)
        self._outputs = {value.name for value in model.graph.output}
        self._protected: set[str] = set()

    @property
    def opset(self) -> int:
        """The version of ONNX's standard operators that the model uses; 0 if it uses none."""
        return next((one.version for one in self._model.opset_import if one.domain in _DEFAULT_DOMAINS), 0)

    def has_batch_of_one(self) -> bool:
        """Whether every input is fixed to a batch of one, as Kokoro's are."""
        inputs = [value for value in self._model.graph.input if value.name not in self._tensors]
        return all(self._batch(value) == 1 for value in inputs)

    def _batch(self, value: onnx.ValueInfoProto) -> int:
        sizes = value.type.tensor_type.shape.dim
        return sizes[0].dim_value if sizes else 0

    def nodes(self, kind: str) -> Iterator[onnx.NodeProto]:
        """The current nodes of one standard operator, except protected ones and those inside loops and branches."""
        for node in [node for place in self._nodes for node in place]:
            if (
                node.op_type == kind
                and node.domain in _DEFAULT_DOMAINS
                and not self._protected.intersection(node.output)
            ):
                yield node

    def protect(self, name: str) -> None:
        """Exclude every node that this tensor is computed from: `nodes` no longer returns them."""
        waiting = [name]
        while waiting:
            made = waiting.pop()
            if made in self._place and made not in self._protected:
                makers = [node for node in self._nodes[self._place[made]] if made in node.output]
                self._protected.update(*(node.output for node in makers))
                waiting += [read for node in makers for read in read_by(node)]

    def producer(self, name: str, kind: str) -> onnx.NodeProto | None:
        """The node that computes this tensor, if it is of this operator."""
        place = self._nodes[self._place[name]] if name in self._place else []
        return next((node for node in place if name in node.output and node.op_type == kind), None)

    def readers(self, name: str) -> Sequence[onnx.NodeProto]:
        """The nodes that read this tensor, also inside loops and branches; a node that reads it twice counts twice."""
        return self._readers.get(name, ())

    def is_read_only_by(self, name: str, count: int) -> bool:
        """Whether this tensor has exactly `count` readers and is not an output of the graph."""
        return len(self.readers(name)) == count and name not in self._outputs

    def constant(self, name: str) -> Array | None:
        """The tensor's value if it is constant, else None."""
        if name in self._tensors and name not in self._inputs:
            return numpy_helper.to_array(self._tensors[name])
        same = self.producer(name, "Identity")
        if same is not None:
            return self.constant(same.input[0])
        node = self.producer(name, "Constant")
        value = attributes(node).get("value") if node is not None else None
        return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else None

    def add_constant(self, name: str, values: Array) -> str:
        """Add a constant and return its name. Calls with the same name must pass the same values."""
        if name not in self._tensors:
            self._tensors[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def replace(self, node: onnx.NodeProto, others: Iterable[onnx.NodeProto]) -> None:
        """Replace a node by others, in this order; they must compute all outputs of the replaced node."""
        at = self._place[node.output[0]]
        put = list(others)
        self._nodes[at] = [one for old in self._nodes[at] for one in (put if old is node else [old])]
        self._forget(node)
        for new in put:
            self._place.update(dict.fromkeys(new.output, at))
            for name in read_by(new):
                self._readers.setdefault(name, []).append(new)

    def remove_producer(self, name: str) -> None:
        """Remove the node that computes this tensor, so that the tensor can become an input of the graph."""
        at = self._place.pop(name)
        for node in self._nodes[at]:
            if name in node.output:
                self._forget(node)
        self._nodes[at] = [node for node in self._nodes[at] if name not in node.output]

    def _forget(self, node: onnx.NodeProto) -> None:
        for name in read_by(node):
            self._readers[name] = [reader for reader in self._readers[name] if reader is not node]

    def to_model(self) -> onnx.ModelProto:
        """The rewritten model, without nodes and constants that became unused by the rewriting."""
        nodes = self._needed([node for place in self._nodes for node in place])
        names = {name for node in nodes for name in read_by(node)} | self._outputs
        made = {name for node in nodes for name in node.output}
        done = onnx.ModelProto()
        _copy_fields(self._model, done, without="graph")
        _copy_fields(self._model.graph, done.graph, without="node initializer value_info")
        done.graph.node.extend(nodes)
        done.graph.initializer.extend(tensor for name, tensor in self._tensors.items() if name in names)
        done.graph.value_info.extend(one for one in self._model.graph.value_info if one.name in made)
        return done

    def _needed(self, nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """The nodes whose outputs are used, and those that were already unused in the original model."""
        unread = {name for node in self._model.graph.node for name in node.output} - self._read_at_first()
        needed = set(self._outputs) | unread
        kept = []
        for node in reversed(nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(read_by(node))
        return kept[::-1]

    def _read_at_first(self) -> set[str]:
        return {name for node in self._model.graph.node for name in read_by(node)}


def read_by(node: onnx.NodeProto) -> list[str]:
    """The tensors that a node reads, including those that its inner graphs read from outside."""
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
    """The attributes of a node by name."""
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def histogram(model: onnx.ModelProto) -> Mapping[str, int]:
    """The number of nodes per operator, the most frequent first; a loop or branch counts as one node."""
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
