"""The DeepFillv2 generator: a coarse network, then a refinement with contextual attention (paper, figure 3).

Shapes are written for an input of H x W and width c (48 in the published weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainting.deepfillv2.attention import Layout, Options, contextual_attention
from inpainting.deepfillv2.boxes import Box, hole_boxes
from inpainting.deepfillv2.layers import Chain, GatedConv, Piece


class Generator(nn.Module):
    """Photo and hole in, coarse and refined photo out.

    c: width, a multiple of 4. layout: `pt` (symmetric padding, halving takes the even positions, scores fused unless
    `attention` says otherwise) or `tf` (TensorFlow's padding and halving, scores not fused). prefill: the fill whose
    result the hole holds when it comes in, and each stage's output is added to what the stage was given; `none`: zeros.
    """

    def __init__(self, c: int = 48, layout: Layout = "pt", prefill: str = "none") -> None:
        super().__init__()
        self.c, self.layout, self.prefill = c, layout, prefill
        self.attention = Options(fusion=layout == "pt")
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
            ],
            fine=(4, 5),
        )
        self.dilated = Chain(
            [
                conv(3, c // 2, kernel=5),
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
                conv(3, c // 2, kernel=5),
                conv(c // 2, c // 2, stride=2),
                conv(c // 2, c),
                conv(c, 2 * c, stride=2),
                conv(2 * c, 2 * c),
                conv(2 * c, 2 * c, activation="relu"),  # [2c, H/4, W/4]
            ],
            fine=(4, 0),
        )
        self.attention_out = Chain([conv(2 * c, 2 * c), conv(2 * c, 2 * c)])
        self.joint = Chain([conv(4 * c, 2 * c), conv(2 * c, 2 * c), *decoder()], fine=(0, 5))

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """(coarse, refined), each [B, 3, H, W] in [-1, 1], whole frames.

        image: [B, 3, H, W] in [-1, 1]; what it holds inside the hole is never read, unless it is a pre-fill.
        hole: [B, 1, H, W], 1 = fill, 0 = known. H and W are free.
        """
        height, width = image.shape[-2:]
        image, hole = pad_to_multiple(self.seen(image, hole)), pad_to_multiple(hole)
        whole = [Box.whole(*image.shape[-2:])]
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
        out, known, holes = image.clone(), pad_to_multiple(self.seen(image, hole)), pad_to_multiple(hole)
        # what the padding repeats of the hole is unknown as well
        paste(known, self.first_stage(known, holes, hole_boxes(holes)), holes)
        paste(out, self.second_stage(known, holes, wanted), hole)
        return out

    def seen(self, image: Tensor, hole: Tensor) -> Tensor:
        """The image as the first stage takes it: the hole zeroed, or as it was filled before."""
        return image * (1 - hole) if self.prefill == "none" else image

    def result(self, made: Sequence[Piece], given: Tensor) -> list[Piece]:
        """A stage's result from its output and the image that it was given."""
        if self.prefill == "none":
            return list(made)
        return [Piece(box, (box.of(given) + x).clamp(-1, 1)) for box, x in made]

    def first_stage(self, image: Tensor, hole: Tensor, wanted: Sequence[Box]) -> list[Piece]:
        """The coarse fill of the boxes `wanted`, 3 channels; H and W are multiples of 8."""
        size = (image.shape[-2], image.shape[-1])
        whole = Piece(Box.whole(*size), torch.cat([image, torch.ones_like(hole), hole], dim=1))
        return self.result(self.coarse([whole], wanted, size), image)

    def second_stage(self, image: Tensor, hole: Tensor, wanted: Sequence[Box]) -> list[Piece]:
        """The refined fill of the boxes `wanted`, 3 channels, from the coarsely filled image."""
        size = (image.shape[-2], image.shape[-1])
        quarter = (size[0] // 4, size[1] // 4)
        whole = [Piece(Box.whole(*size), image)]
        near = self.joint.reads(wanted, quarter)  # of the [4c, H/4, W/4] where both branches meet
        queries = self.attention_out.reads(near, quarter)
        ((_, features),) = self.attention_in(whole, [Box.whole(*quarter)], size)  # [B, 2c, H/4, W/4]: all are keys
        copied = contextual_attention(features, hole, self.layout, queries, self.attention)
        copied = self.attention_out([*map(Piece, queries, copied)], near, quarter)
        branches = zip(self.dilated(whole, near, size), copied, strict=True)
        both = [Piece(a.box, torch.cat([a.x, b.x], dim=1)) for a, b in branches]
        return self.result(self.joint(both, wanted, quarter), image)


def paste(image: Tensor, pieces: Sequence[Piece], hole: Tensor) -> None:
    """Write the pieces into the hole's pixels, in place."""
    for box, made in pieces:
        view = box.of(image)
        view.copy_(torch.where(box.of(hole) > 0, made, view))


def pad_to_multiple(x: Tensor, of: int = 8) -> Tensor:
    """`x` [B, C, H, W] with its last row and column repeated up to the next multiple."""
    below, right = -x.shape[-2] % of, -x.shape[-1] % of
    return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x
