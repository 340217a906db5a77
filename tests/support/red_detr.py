"""An ONNX network with the signature of RF-DETR-Seg: red things are persons, found twice, and blue ones backpacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QUERIES = ((1, 0, 2.0), (27, 1, 2.0), (1, 0, 1.0))
"""Of each query: COCO's number, 0 for red or 1 for blue, and how certain it is."""


def red_detr(path: Path, side: int = 64, classes: int = 91, with_masks: bool = True) -> Path:
    """`dets` [1, 3, 4], `labels` [1, 3, classes] and `masks` [1, 3, side / 4, side / 4] from `input` [1, 3, S, S].

    Mask logits are the mean of 4 x 4 pixels of red or blue minus green, in ImageNet's deviations, minus 1.5.
    """
    which = np.array([query[1] for query in QUERIES], np.int64)
    hot = np.zeros((len(QUERIES), classes), np.float32)
    for i, (number, _, certainty) in enumerate(QUERIES):
        hot[i, min(number, classes - 1)] = certainty
    constants = {
        "colours": np.array([[1, -1, 0], [0, -1, 1]], np.float32)[..., None, None],
        "least": np.float32(1.5),
        "which": which,
        "plane": np.array([2, 3], np.int64),
        "last": np.array([2], np.int64),
        "hot": hot,
        "none": np.where(hot > 0, 0, -9).astype(np.float32),
        "boxes": np.full((1, len(QUERIES), 4), 0.5, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["input", "colours"], ["apart"]),
        helper.make_node("AveragePool", ["apart"], ["mean"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Sub", ["mean", "least"], ["both"]),
        helper.make_node("Gather", ["both", "which"], ["masks"], axis=1),
        helper.make_node("ReduceMax", ["masks"], ["peak"], axes=[2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["peak", "last"], ["column"]),
        helper.make_node("Mul", ["column", "hot"], ["raised"]),
        helper.make_node("Add", ["raised", "none"], ["labels"]),
        helper.make_node("Identity", ["boxes"], ["dets"]),
    ]
    shapes = {"dets": [4], "labels": [classes], **({"masks": [side // 4, side // 4]} if with_masks else {})}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, len(QUERIES), *shape])
        for name, shape in shapes.items()
    ]
    given = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, side, side])]
    graph = helper.make_graph(
        nodes, "red", given, outputs, [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
