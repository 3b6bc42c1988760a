"""Writes model.onnx, which turns a map of the inside of neurites (255) and their membranes (0) into affinities: two neighbours belong together as far
as both lie inside. Usage: export.py OUT.onnx; needs the package onnx."""
import sys

from onnx import TensorProto, checker, helper, save

node = helper.make_node
nodes = [node("Cast", ["em"], ["map"], to=TensorProto.FLOAT)]
for axis, name in (2, "z"), (3, "y"), (4, "x"):
    at = lambda i: helper.make_node("Constant", [], [f"{name}{i}"], value=helper.make_tensor(f"{name}{i}", TensorProto.INT64, [1], [i]))
    nodes += [at(0), at(1), at(-1), at(axis)]
    nodes += [
        node("Slice", ["map", f"{name}0", f"{name}1", f"{name}{axis}"], [f"first {name}"]),
        node("Slice", ["map", f"{name}0", f"{name}-1", f"{name}{axis}"], [f"lower {name}"]),
        node("Concat", [f"first {name}", f"lower {name}"], [f"neighbour {name}"], axis=axis),
        node("Min", ["map", f"neighbour {name}"], [f"both {name}"]),
    ]
nodes += [
    node("Concat", [f"both {name}" for name in "zyx"], ["all"], axis=1),
    node("Cast", ["all"], ["affinity"], to=TensorProto.UINT8),
]
em = helper.make_tensor_value_info("em", TensorProto.UINT8, [1, 1, "z", "y", "x"])
affinity = helper.make_tensor_value_info("affinity", TensorProto.UINT8, [1, 3, "z", "y", "x"])
model = helper.make_model(helper.make_graph(nodes, "boundary-map", [em], [affinity]), opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
checker.check_model(model, full_check=True)
save(model, sys.argv[1])
