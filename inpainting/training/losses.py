"""What the two networks are judged by (paper, section 3.3; Lim and Ye, Geometric GAN, 2017)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from configs.training import LossSettings


def l1(made: Tensor, truth: Tensor, hole: Tensor, settings: LossSettings) -> Tensor:
    """Mean absolute difference, the mean over photos of each one's own.

    made, truth: [B, 3, H, W] in [-1, 1]. hole: [B, 1, H, W], 1 = filled. With `settings.grain` above 1 the hole's
    means over squares are compared; the known part of a square is the truth's on both sides.
    """
    if settings.where == "hole":
        made = made * hole + truth * (1 - hole)
        weight = hole
    else:
        weight = torch.ones_like(hole)
    difference = made - truth
    if settings.grain > 1:
        side = settings.grain
        difference = F.avg_pool2d(difference, side, ceil_mode=True, count_include_pad=False)
        weight = F.avg_pool2d(weight, side, ceil_mode=True, count_include_pad=False)
        # the mean of a square is diluted by what is known of it: as a sum it counts by its part of the hole
        return (difference.abs().mean(1).sum((1, 2)) / weight.sum((1, 2, 3)).clamp_min(1e-6)).mean()
    return ((difference.abs().mean(1, keepdim=True) * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))).mean()


def hinge_discriminator(real: Tensor, filled: Tensor) -> Tensor:
    """Real patches are to score above 1, filled ones below -1."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + filled).mean())


def hinge_generator(filled: Tensor) -> Tensor:
    """Filled patches are to score high."""
    return -filled.mean()
