"""Weights for DeepFillv2's `mmagic` layout by the recipe that its golden vectors were made with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from inpainting.deepfillv2.checkpoint import published
from inpainting.deepfillv2.layouts import GENERATOR
from inpainting.deepfillv2.network import Generator

SEEDS = {12: 20240619, 48: 20240620}
"""Of the golden vectors, by width."""


def mmagic_weights(c: int) -> dict[str, Tensor]:
    """A checkpoint's state dict: activations stay of order one and attention is neither a mean nor a choice."""
    random = np.random.default_rng(SEEDS[c])
    shapes = {key.removeprefix(GENERATOR): value.shape for key, value in published(Generator(c, "mmagic")).items()}
    return {GENERATOR + key: torch.from_numpy(_drawn(random, key, shapes[key])) for key in sorted(shapes)}


def _drawn(random: np.random.Generator, key: str, shape: torch.Size) -> np.ndarray:
    values = random.standard_normal(tuple(shape))
    if len(shape) == 1:
        return (values * 0.1).astype(np.float32)
    gain = 2.2
    if key.startswith("stage2.encoder_attention.enc6"):
        gain = 0.35
    elif key.startswith("stage2.contextual_attention_neck.conv1"):
        gain = 8.0
    return (values * gain / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
