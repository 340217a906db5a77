"""What the published layouts do differently: the same network, built three times with other habits."""

from __future__ import annotations

from typing import Literal, NamedTuple

Layout = Literal["pt", "tf", "mmagic"]


class Conventions(NamedTuple):
    """reflect: borders are mirrored instead of zero. late_padding: TensorFlow's SAME, whose one zero of a halving lies
    behind. aligned: maps are halved from corner to corner instead of at even positions. fusion: attention also counts
    what lies diagonally beside a pair (the common port leaves it out of `tf`, though the TensorFlow original has it).
    masked: keys that do not count have logit minus infinity instead of 0, and overlaps are counted instead of taken as
    4. marked: the second stage also takes ones and the hole. joint: channels of the last layers, in thirds of the
    width. rectified: the layer before attention is ReLU instead of ELU. gated_rgb: the last layer has a gate. bgr: the
    order of colours. least: shortest side in pixels that the network takes; smaller photos are continued.
    """

    reflect: bool = False
    late_padding: bool = False
    aligned: bool = False
    fusion: bool = True
    masked: bool = False
    marked: bool = False
    joint: int = 3
    rectified: bool = True
    gated_rgb: bool = False
    bgr: bool = False
    least: int = 8


CONVENTIONS: dict[Layout, Conventions] = {
    "pt": Conventions(),
    "tf": Conventions(late_padding=True, aligned=True, fusion=False),
    # MMEditing and MMagic. A side of 64 pixels is 16 in the middle of the network, where 16 are mirrored, one too many.
    "mmagic": Conventions(
        reflect=True, masked=True, marked=True, joint=4, rectified=False, gated_rgb=True, bgr=True, least=72
    ),
}
"""`pt` and `tf`: the common PyTorch port (nipponjo/deepfillv2-pytorch). `mmagic`: OpenMMLab's own."""
