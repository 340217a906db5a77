"""An inpainter of other people's kind as TorchScript and ONNX: it fills with the mean colour of what is known."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper

RANGES = {"0..1": (1.0, 0.0), "-1..1": (2.0, -1.0), "0..255": (255.0, 0.0)}


class MeanFill(torch.nn.Module):
    """Fills with the mean colour of what is known. takes, gives: values of image and result; known: its mask marks the
    known pixels; size: the only one it takes."""

    def __init__(self, takes: str = "0..1", gives: str = "0..1", known: bool = False, size: int = 0) -> None:
        super().__init__()
        self.scale, self.offset = RANGES[takes]
        self.out_scale, self.out_offset = RANGES[gives]
        self.known, self.size = known, size

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        assert self.size == 0 or image.shape[-1] == self.size
        hole = 1 - mask if self.known else mask
        x = (image - self.offset) / self.scale
        mean = (x * (1 - hole)).sum(dim=(2, 3), keepdim=True) / (1 - hole).sum()
        return (x * (1 - hole) + mean * hole) * self.out_scale + self.out_offset


def torchscript(path: Path, network: torch.nn.Module | None = None) -> Path:
    torch.jit.script(network or MeanFill()).save(str(path))
    return path


def onnx_file(
    path: Path, side: int | str = "side", pixels: int = TensorProto.FLOAT, swapped: bool = False, times: float = 1
) -> Path:
    """The same in ONNX: image of `pixels` (uint8 with mask 255 = known, as MI-GAN's; float with mask 1 = hole). times:
    what it gives of what it takes, 255 as LaMa's."""
    byte = pixels == TensorProto.UINT8
    inputs = [
        helper.make_tensor_value_info("picture", pixels, ["n", 3, side, side]),
        helper.make_tensor_value_info("mask", pixels, ["n", 1, side, side]),
    ]
    to_float = [
        helper.make_node("Cast", ["picture"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["mask"], ["m"], to=TensorProto.FLOAT),
    ]
    known = (
        [helper.make_node("Div", ["m", "c255"], ["k"]), helper.make_node("Sub", ["one", "k"], ["h"])]
        if byte
        else [helper.make_node("Sub", ["one", "m"], ["k"]), helper.make_node("Identity", ["m"], ["h"])]
    )
    fill = [
        helper.make_node("Mul", ["x", "k"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axes"], ["total"]),
        helper.make_node("ReduceSum", ["k", "axes"], ["count"]),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("Mul", ["mean", "h"], ["inside"]),
        helper.make_node("Add", ["seen", "inside"], ["filled"]),
        helper.make_node("Mul", ["filled", "times"], ["y"]),
        helper.make_node("Cast", ["y"], ["out"], to=pixels),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("times", TensorProto.FLOAT, [], [float(times)]),
        helper.make_tensor("c255", TensorProto.FLOAT, [], [255.0]),
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
    ]
    graph = helper.make_graph(
        [*to_float, *known, *fill],
        "mean",
        inputs[::-1] if swapped else inputs,
        [helper.make_tensor_value_info("out", pixels, ["n", 3, side, side])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
