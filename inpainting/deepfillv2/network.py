"""The DeepFillv2 generator: a coarse network, then a refinement with contextual attention (paper, figure 3).

Shapes are written for an input of H x W and width c (48 in the published weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.geometry import Box
from inpainting.deepfillv2.attention import Options, contextual_attention
from inpainting.deepfillv2.boxes import hole_boxes, view
from inpainting.deepfillv2.conventions import CONVENTIONS, Layout
from inpainting.deepfillv2.layers import Activation, Chain, GatedConv, Piece


class Generator(nn.Module):
    """Photo and hole in, coarse and refined photo out.

    c: width, a multiple of 4 (of 12 for `mmagic`). layout: see `conventions`; `attention` may choose another fusion.
    prefill: the fill whose result the hole holds when it comes in, and each stage's output is added to what the stage
    was given; `none`: zeros.
    """

    def __init__(self, c: int = 48, layout: Layout = "pt", prefill: str = "none") -> None:
        super().__init__()
        self.c, self.layout, self.prefill = c, layout, prefill
        own = CONVENTIONS[layout]
        self.attention = Options(own.fusion)
        self.least, self.marked = own.least, own.marked
        conv = partial(GatedConv, layout=layout)
        second, joint = 5 if own.marked else 3, own.joint * c // 3
        rgb: Activation = "gated-rgb" if own.gated_rgb else "rgb"

        def dilated() -> list[GatedConv]:
            return [conv(2 * c, 2 * c, dilation=d) for d in (1, 2, 4, 8, 16)]

        def decoder(c: int) -> list[GatedConv]:
            return [
                conv(2 * c, c, up=True),  # [c, H/2, W/2]
                conv(c, c),
                conv(c, c // 2, up=True),  # [c/2, H, W]
                conv(c // 2, c // 4),
                conv(c // 4, 3, activation=rgb),  # [3, H, W]
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
                *decoder(c),
            ],
            fine=(4, 5),
        )
        self.dilated = Chain(
            [
                conv(second, c // 2, kernel=5),
                conv(c // 2, c // 2, stride=2),
                conv(c // 2, c),
                conv(c, c, stride=2),
                conv(c, 2 * c),
                *dilated(),  # [2c, H/4, W/4]
            ],
            fine=(4, 0),
        )
        self.attention_in = Chain(
            [
                conv(second, c // 2, kernel=5),
                conv(c // 2, c // 2, stride=2),
                conv(c // 2, c),
                conv(c, 2 * c, stride=2),
                conv(2 * c, 2 * c),
                conv(2 * c, 2 * c, activation="relu" if own.rectified else "elu"),  # [2c, H/4, W/4]
            ],
            fine=(4, 0),
        )
        self.attention_out = Chain([conv(2 * c, 2 * c), conv(2 * c, 2 * c)])
        self.joint = Chain([conv(4 * c, 2 * joint), conv(2 * joint, 2 * joint), *decoder(joint)], fine=(0, 5))

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """(coarse, refined), each [B, 3, H, W] in [-1, 1], whole frames.

        image: [B, 3, H, W] in [-1, 1]; what it holds inside the hole is never read, unless it is a pre-fill.
        hole: [B, 1, H, W], 1 = fill, 0 = known. H and W are free.
        """
        height, width = image.shape[-2:]
        image, hole = self.padded(self.visible(image, hole)), self.padded(hole)
        whole = [Box.whole(image.shape[-2:])]
        coarse = self.first_stage(image, hole, whole)[0].x
        refined = self.second_stage(coarse * hole + image * (1 - hole), hole, whole)[0].x
        return coarse[..., :height, :width], refined[..., :height, :width]

    def complete(self, image: Tensor, hole: Tensor) -> Tensor:
        """The image with its hole filled by the refined network, [B, 3, H, W] in [-1, 1].

        The same numbers as `forward`, but only what the hole reads is computed.
        """
        wanted = hole_boxes(hole)
        if not wanted:
            return image
        out, known, holes = image.clone(), self.padded(self.visible(image, hole)), self.padded(hole)
        # what the padding repeats of the hole is unknown as well
        paste(known, self.first_stage(known, holes, hole_boxes(holes)), holes)
        paste(out, self.second_stage(known, holes, wanted), hole)
        return out

    def visible(self, image: Tensor, hole: Tensor) -> Tensor:
        """The image as the first stage takes it: the hole zeroed, or as it was filled before."""
        return image * (1 - hole) if self.prefill == "none" else image

    def padded(self, x: Tensor) -> Tensor:
        """`x` [B, C, H, W] with its last row and column repeated up to the next size that the network takes."""
        below, right = (max(-(-side // 8) * 8, self.least) - side for side in x.shape[-2:])
        return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x

    def result(self, made: Sequence[Piece], given: Tensor) -> list[Piece]:
        """A stage's result from its output and the image that it was given."""
        if self.prefill == "none":
            return list(made)
        return [Piece(box, (view(given, box) + x).clamp(-1, 1)) for box, x in made]

    def first_stage(self, image: Tensor, hole: Tensor, wanted: Sequence[Box]) -> list[Piece]:
        """The coarse fill of the boxes `wanted`, 3 channels; H and W are multiples of 8."""
        size = (image.shape[-2], image.shape[-1])
        whole = Piece(Box.whole(size), marked(image, hole))
        return self.result(self.coarse([whole], wanted, size), image)

    def second_stage(self, image: Tensor, hole: Tensor, wanted: Sequence[Box]) -> list[Piece]:
        """The refined fill of the boxes `wanted`, 3 channels, from the coarsely filled image."""
        size = (image.shape[-2], image.shape[-1])
        quarter = (size[0] // 4, size[1] // 4)
        whole = [Piece(Box.whole(size), marked(image, hole) if self.marked else image)]
        near = self.joint.reads(wanted, quarter)  # of the [4c, H/4, W/4] where both branches meet
        queries = self.attention_out.reads(near, quarter)
        ((_, features),) = self.attention_in(whole, [Box.whole(quarter)], size)  # [B, 2c, H/4, W/4]: all are keys
        copied = contextual_attention(features, hole, self.layout, queries, self.attention)
        copied = self.attention_out([*map(Piece, queries, copied)], near, quarter)
        branches = zip(self.dilated(whole, near, size), copied, strict=True)
        both = [Piece(a.box, torch.cat([a.x, b.x], dim=1)) for a, b in branches]
        return self.result(self.joint(both, wanted, quarter), image)


def paste(image: Tensor, pieces: Sequence[Piece], hole: Tensor) -> None:
    """Write the pieces into the hole's pixels, in place."""
    for box, made in pieces:
        there = view(image, box)
        there.copy_(torch.where(view(hole, box) > 0, made, there))


def marked(image: Tensor, hole: Tensor) -> Tensor:
    """Image, ones and hole as one map, [B, 5, H, W]."""
    return torch.cat([image, torch.ones_like(hole), hole], dim=1)
