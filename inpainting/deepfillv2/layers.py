"""Gated convolutions that compute only boxes of their maps, and chains of them.

A map is held in pieces, one for each part of the photo that is wanted: what lies between two people far apart is
never computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.geometry import Box, Span, merged
from inpainting.deepfillv2.boxes import cut, view
from inpainting.deepfillv2.conventions import CONVENTIONS, Layout

Activation = Literal["elu", "relu", "rgb", "gated-rgb"]
Size = tuple[int, int]
"""(height, width)."""

TILE = 256
"""Side of the tiles of fine maps: 48 channels of them stay in the processor's cache, and memory once got is used
again, where larger maps are given back to the system and cleared by it every time (a third of the time)."""


class Piece(NamedTuple):
    """A box of a map and what it holds, [B, C, h, w]."""

    box: Box
    x: Tensor


def holding(pieces: Sequence[Piece], box: Box) -> Piece:
    """The piece that a box lies in."""
    return next(piece for piece in pieces if piece.box.covers(box))


class Part(Protocol):
    """One or more layers of a chain."""

    def out_size(self, size: Size) -> Size:
        """Of the map made from one of `size`."""
        ...

    def reads(self, makes: Box, size: Size) -> Box:
        """What a box of the output reads of an input of `size`."""
        ...

    def __call__(self, x: Tensor, held: Box, makes: Box, size: Size) -> Tensor:
        """The box `makes` of the output; `x` holds the box `held` of the input, which has `size`."""
        ...


class GatedConv(nn.Module):
    """act(feature) * sigmoid(gate), both from one convolution (paper, section 3.1); `rgb` is tanh without gate,
    `gated-rgb` tanh of feature * sigmoid(gate).

    `up` doubles the map first (nearest). TensorFlow's SAME padding at stride 2 puts its one zero behind.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        up: bool = False,
        activation: Activation = "elu",
        layout: Layout = "pt",
    ) -> None:
        super().__init__()
        self.activation, self.up = activation, up
        self.conv = nn.Conv2d(
            inputs, outputs if activation == "rgb" else 2 * outputs, kernel, stride, dilation=dilation
        )
        self.kernel, self.stride, self.dilation = kernel, stride, dilation
        self.before = 0 if CONVENTIONS[layout].late_padding and stride == 2 else dilation * (kernel - 1) // 2
        self.reflect = CONVENTIONS[layout].reflect

    def out_size(self, size: Size) -> Size:
        double = 2 if self.up else 1
        return size[0] * double // self.stride, size[1] * double // self.stride

    def window(self, makes: Box) -> Box:
        """What a box of the output reads of the (doubled) input; may stick out of it."""
        reach = self.dilation * (self.kernel - 1)

        def along(span: Span) -> Span:
            first = span.start * self.stride - self.before
            return Span(first, first + (span.length - 1) * self.stride + reach + 1)

        return Box.of_spans(along(makes.rows), along(makes.columns))

    def reads(self, makes: Box, size: Size) -> Box:
        window = self.window(makes)
        return (window.scaled_down(2) if self.up else window).within(size)

    def forward(self, x: Tensor, held: Box, makes: Box, size: Size) -> Tensor:
        reads = self.reads(makes, size)
        x, held = cut(x, held, reads), reads
        if self.up:
            x, held = F.interpolate(x, scale_factor=2.0, mode="nearest"), held.scaled_up(2)
        # What is mirrored in lies within the window itself: `reads` holds it.
        x = cut(x, held, self.window(makes), self.reflect)
        if self.activation == "rgb":
            return torch.tanh(self.conv(x))
        if x.is_cpu and not torch.is_grad_enabled():
            feature, gate = self.apart(x)
        else:
            feature, gate = self.conv(x).chunk(2, dim=1)
        return gated(feature, gate, self.activation)

    def apart(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Feature and gate from a convolution each: maps in one piece, on which what follows is twice as fast."""
        (first, second), conv = self.conv.weight.chunk(2), self.conv
        biases = (None, None) if conv.bias is None else conv.bias.chunk(2)
        feature, gate = (
            F.conv2d(x, weight, bias, conv.stride, 0, conv.dilation)
            for weight, bias in zip((first, second), biases, strict=True)
        )
        return feature, gate


def gated(feature: Tensor, gate: Tensor, activation: Activation) -> Tensor:
    """act(feature) * sigmoid(gate), [B, C, h, w]; in place without gradients."""
    if activation == "gated-rgb":
        return torch.tanh(feature * torch.sigmoid(gate))
    if torch.is_grad_enabled():
        return (F.relu(feature) if activation == "relu" else F.elu(feature)) * torch.sigmoid(gate)
    if activation == "relu":
        feature.relu_()
    elif feature.is_cpu:  # ELU by exp, whose kernel is seven times faster than expm1's (apart by 6e-8)
        torch.maximum(feature, feature.clamp_max(0).exp_().sub_(1), out=feature)
    else:
        F.elu_(feature)
    return feature.mul_(gate.sigmoid_())


class Step(NamedTuple):
    part: Part
    size: Size  # of the part's input
    makes: list[Box]


def steps(parts: Sequence[Part], size: Size, wanted: Sequence[Box]) -> tuple[list[Step], list[Box]]:
    """What each part makes, first to last, for an input of `size`; and what the first one reads."""
    sizes = list(accumulate(parts, lambda size, part: part.out_size(size), initial=size))
    out: list[Step] = []
    boxes = list(wanted)
    for part, input_size in zip(reversed(parts), reversed(sizes[:-1]), strict=True):
        out.append(Step(part, input_size, boxes))
        boxes = merged([part.reads(box, input_size) for box in boxes])
    return out[::-1], boxes


class Tiled:
    """Layers on fine maps, run one after the other for a tile of the last one's map at a time."""

    def __init__(self, layers: Sequence[Part]) -> None:
        self.layers = tuple(layers)

    def out_size(self, size: Size) -> Size:
        for layer in self.layers:
            size = layer.out_size(size)
        return size

    def reads(self, makes: Box, size: Size) -> Box:
        return steps(self.layers, size, [makes])[1][0]

    def __call__(self, x: Tensor, held: Box, makes: Box, size: Size) -> Tensor:
        if torch.is_grad_enabled():  # every layer's map is kept then, and what tiles share would be kept twice
            return self.tile(x, held, makes, size)
        side = max(1, TILE * self.out_size(size)[0] // max(size[0], self.out_size(size)[0]))
        tiles = makes.tiles(side)
        if len(tiles) == 1:
            return self.tile(x, held, makes, size)
        first = self.tile(x, held, tiles[0], size)
        out = x.new_empty(*first.shape[:2], *makes.shape)
        for tile in tiles:
            view(out, tile.relative_to(makes)).copy_(first if tile is tiles[0] else self.tile(x, held, tile, size))
        return out

    def tile(self, x: Tensor, held: Box, makes: Box, size: Size) -> Tensor:
        for part, input_size, (box,) in steps(self.layers, size, [makes])[0]:
            x, held = part(x, held, box, input_size), box
        return x


class Chain(nn.Module):
    """Layers one after the other that compute only the boxes of the output that are wanted.

    fine: how many layers, at the beginning and at the end, work on finer maps than the others.
    """

    def __init__(self, layers: Sequence[GatedConv], fine: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.fine = fine

    @property
    def parts(self) -> list[Part]:
        layers, (first, last) = cast("list[GatedConv]", list(self.layers)), self.fine
        middle = len(layers) - last
        groups = [Tiled(group) for group in (layers[:first], layers[middle:])]
        return [*groups[:1][: first > 0], *layers[first:middle], *groups[1:][: last > 0]]

    def reads(self, wanted: Sequence[Box], size: Size) -> list[Box]:
        """The boxes that these boxes of the output read of an input of `size`."""
        return steps(self.parts, size, wanted)[1]

    def forward(self, pieces: Sequence[Piece], wanted: Sequence[Box], size: Size) -> list[Piece]:
        """The boxes `wanted` of the output, from pieces of an input of `size` that hold all they read."""
        for part, input_size, makes in steps(self.parts, size, wanted)[0]:
            made = []
            for box in makes:
                held, x = holding(pieces, part.reads(box, input_size))
                made.append(Piece(box, part(x, held, box, input_size)))
            pieces = made
        return list(pieces)
