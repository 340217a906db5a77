"""The DeepFillv2 generator: a coarse network, then a refinement with contextual attention (paper, figure 3).

Shapes are written for an input of H x W and width c (48 in the published weights).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import accumulate
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainting.deepfillv2.attention import Layout, contextual_attention
from inpainting.deepfillv2.boxes import Box, Span, cut

Activation = Literal["elu", "relu", "rgb"]


class GatedConv(nn.Module):
    """act(feature) * sigmoid(gate), both from one convolution (paper, section 3.1); `rgb` is tanh without gate.

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
        self.before = 0 if layout == "tf" and stride == 2 else dilation * (kernel - 1) // 2

    def out_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) after this layer."""
        double = 2 if self.up else 1
        return size[0] * double // self.stride, size[1] * double // self.stride

    def window(self, makes: Box) -> Box:
        """What a box of the output reads of the (doubled) input; may stick out of it."""
        reach = self.dilation * (self.kernel - 1)

        def along(span: Span) -> Span:
            first = span.start * self.stride - self.before
            return Span(first, first + (span.stop - span.start - 1) * self.stride + reach + 1)

        return Box(along(makes.rows), along(makes.columns))

    def reads(self, makes: Box) -> Box:
        """What a box of the output reads of the input; may stick out of it."""
        return self.window(makes).scaled_down(2) if self.up else self.window(makes)

    def forward(self, x: Tensor, held: Box, makes: Box) -> Tensor:
        """The box `makes` of the output, from the box `held` of the input."""
        if self.up:
            x, held = F.interpolate(x, scale_factor=2.0, mode="nearest"), held.scaled_up(2)
        x = self.conv(cut(x, held, self.window(makes)))
        if self.activation == "rgb":
            return torch.tanh(x)
        feature, gate = x.chunk(2, dim=1)
        feature = F.relu(feature) if self.activation == "relu" else elu(feature)
        return feature * torch.sigmoid(gate)


def elu(x: Tensor) -> Tensor:
    """F.elu; on the CPU by exp, whose kernel is seven times faster than expm1's (apart by 6e-8)."""
    return torch.maximum(x, torch.exp(x.clamp_max(0)) - 1) if x.is_cpu else F.elu(x)


class Step(NamedTuple):
    layer: GatedConv
    reads: Box
    makes: Box


class Chain(nn.Module):
    """Layers one after the other that compute only the box of the output that is wanted."""

    def __init__(self, layers: Iterable[GatedConv]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def steps(self, size: tuple[int, int], wanted: Box) -> list[Step]:
        """What each layer reads and makes, first to last, for an input of `size` (height, width)."""
        layers = cast(list[GatedConv], list(self.layers))
        sizes = list(accumulate(layers, lambda size, layer: layer.out_size(size), initial=size))
        steps: list[Step] = []
        for layer, input_size in zip(reversed(layers), reversed(sizes[:-1]), strict=True):
            steps.append(Step(layer, layer.reads(wanted).within(*input_size), wanted))
            wanted = steps[-1].reads
        return steps[::-1]

    def forward(self, x: Tensor, wanted: Box, held: Box | None = None, size: tuple[int, int] | None = None) -> Tensor:
        """The box `wanted` of the output; `x` is the input, or its box `held` when the input has `size`."""
        size = size or (x.shape[-2], x.shape[-1])
        held = held or Box.whole(*size)
        for layer, reads, makes in self.steps(size, wanted):
            x, held = layer(cut(x, held, reads), reads, makes), makes
        return x


class Generator(nn.Module):
    """Photo and hole in, coarse and refined photo out.

    c: width, a multiple of 4. layout: `pt` (symmetric padding, halving takes the even positions, scores
    fused) or `tf` (TensorFlow's padding and halving, scores not fused). prefill: the fill whose result the hole
    holds when it comes in, and each stage's output is added to what the stage was given; `none`: zeros.
    """

    def __init__(self, c: int = 48, layout: Layout = "pt", prefill: str = "none") -> None:
        super().__init__()
        self.c, self.layout, self.prefill = c, layout, prefill
        conv = partial(GatedConv, layout=layout)

        def dilated() -> list[GatedConv]:
            return [conv(2 * c, 2 * c, dilation=d) for d in (1, 2, 4, 8, 16)]

        def decoder() -> list[GatedConv]:
            return [
                conv(2 * c, c, up=True),  # [c, H/2, W/2]
                conv(c, c),
                conv(c, c // 2, up=True),  # [c/2, H, W]
                conv(c // 2, c // 4),
                conv(c // 4, 3, activation="rgb"),  # [3, H, W]
            ]

        self.coarse = Chain(
            [
                conv(5, c // 2, kernel=5),  # [c/2, H, W] from image, ones, hole
                conv(c // 2, c, stride=2),  # [c, H/2, W/2]
                conv(c, c),
                conv(c, 2 * c, stride=2),  # [2c, H/4, W/4]
                conv(2 * c, 2 * c),
                *dilated(),
                conv(2 * c, 2 * c),
                conv(2 * c, 2 * c),
                *decoder(),
            ]
        )
        self.dilated = Chain(
            [
                conv(3, c // 2, kernel=5),
                conv(c // 2, c // 2, stride=2),
                conv(c // 2, c),
                conv(c, c, stride=2),
                conv(c, 2 * c),
                *dilated(),  # [2c, H/4, W/4]
            ]
        )
        self.attention_in = Chain(
            [
                conv(3, c // 2, kernel=5),
                conv(c // 2, c // 2, stride=2),
                conv(c // 2, c),
                conv(c, 2 * c, stride=2),
                conv(2 * c, 2 * c),
                conv(2 * c, 2 * c, activation="relu"),  # [2c, H/4, W/4]
            ]
        )
        self.attention_out = Chain([conv(2 * c, 2 * c), conv(2 * c, 2 * c)])
        self.joint = Chain([conv(4 * c, 2 * c), conv(2 * c, 2 * c), *decoder()])

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """(coarse, refined), each [B, 3, H, W] in [-1, 1], whole frames.

        image: [B, 3, H, W] in [-1, 1]; what it holds inside the hole is never read, unless it is a pre-fill.
        hole: [B, 1, H, W], 1 = fill, 0 = known. H and W are free.
        """
        size = image.shape[-2:]
        image, hole = pad_to_multiple(self.seen(image, hole)), pad_to_multiple(hole)
        whole = Box.whole(*image.shape[-2:])
        coarse = self.first_stage(image, hole, whole)
        refined = self.second_stage(coarse * hole + image * (1 - hole), hole, whole)
        return coarse[..., : size[0], : size[1]], refined[..., : size[0], : size[1]]

    def complete(self, image: Tensor, hole: Tensor) -> Tensor:
        """The image with its hole filled by the refined network, [B, 3, H, W] in [-1, 1].

        The same numbers as `forward`, but only what the hole reads is computed.
        """
        wanted = Box.around(hole)
        if wanted is None:
            return image
        out, known = image.clone(), pad_to_multiple(self.seen(image, hole))
        holes = pad_to_multiple(hole)
        unknown = Box.around(holes) or wanted  # the hole with what the padding repeats of it
        paste(known, self.first_stage(known, holes, unknown), holes, unknown)
        paste(out, self.second_stage(known, holes, wanted), hole, wanted)
        return out

    def seen(self, image: Tensor, hole: Tensor) -> Tensor:
        """The image as the first stage takes it: the hole zeroed, or as it was filled before."""
        return image * (1 - hole) if self.prefill == "none" else image

    def result(self, made: Tensor, given: Tensor) -> Tensor:
        """A stage's result from its output and the same box of the image that it was given."""
        return made if self.prefill == "none" else (given + made).clamp(-1, 1)

    def first_stage(self, image: Tensor, hole: Tensor, wanted: Box) -> Tensor:
        """The coarse fill of the box `wanted`, [B, 3, h, w]; H and W are multiples of 8."""
        made: Tensor = self.coarse(torch.cat([image, torch.ones_like(hole), hole], dim=1), wanted)
        return self.result(made, wanted.of(image))

    def second_stage(self, image: Tensor, hole: Tensor, wanted: Box) -> Tensor:
        """The refined fill of the box `wanted`, [B, 3, h, w], from the coarsely filled image."""
        quarter = (image.shape[-2] // 4, image.shape[-1] // 4)
        near = self.joint.steps(quarter, wanted)[0].reads  # of the [4c, H/4, W/4] where both branches meet
        queries = self.attention_out.steps(quarter, near)[0].reads
        features = self.attention_in(image, Box.whole(*quarter))  # [B, 2c, H/4, W/4]: all are keys
        copied = contextual_attention(features, hole, self.layout, queries)
        branches = [self.dilated(image, near), self.attention_out(copied, near, queries, quarter)]
        made: Tensor = self.joint(torch.cat(branches, dim=1), wanted, near, quarter)
        return self.result(made, wanted.of(image))


def paste(image: Tensor, part: Tensor, hole: Tensor, box: Box) -> None:
    """Write `part` into the hole's pixels of the box, in place."""
    view = box.of(image)
    view.copy_(torch.where(box.of(hole) > 0, part, view))


def pad_to_multiple(x: Tensor, of: int = 8) -> Tensor:
    """`x` [B, C, H, W] with its last row and column repeated up to the next multiple."""
    below, right = -x.shape[-2] % of, -x.shape[-1] % of
    return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x
