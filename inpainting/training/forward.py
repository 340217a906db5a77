"""The generator for training: whole frames, every step differentiable and batched, the same numbers as inference.

Inference computes boxes and tiles so that memory stays bounded; a crop of 256 x 256 has 1,024 keys, which fit at once.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainting.deepfillv2.attention import SOFTMAX_SCALE, thinned
from inpainting.deepfillv2.conventions import Layout
from inpainting.deepfillv2.layers import Chain, GatedConv, gated
from inpainting.deepfillv2.network import Generator


def forward(generator: Generator, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """(coarse, refined), each [B, 3, H, W] in [-1, 1], as `Generator.forward` computes them.

    image: [B, 3, H, W] in [-1, 1]. hole: [B, 1, H, W], 1 = fill. H and W are multiples of 8.
    """
    visible = generator.visible(image, hole)
    made = chain(generator.coarse, torch.cat([visible, torch.ones_like(hole), hole], dim=1))
    coarse = made if generator.prefill == "none" else (visible + made).clamp(-1, 1)
    given = coarse * hole + image * (1 - hole)
    features = chain(generator.attention_in, given)  # [B, 2c, H/4, W/4]
    with torch.autocast(features.device.type, enabled=False):  # differences of scores are too fine for 8 bits
        copied = attention(features.float(), hole, generator.layout, generator.attention.fusion)
    branches = [chain(generator.dilated, given), chain(generator.attention_out, copied)]
    made = chain(generator.joint, torch.cat(branches, dim=1))
    return coarse, made if generator.prefill == "none" else (given + made).clamp(-1, 1)


def chain(layers: Chain, x: Tensor) -> Tensor:
    """All layers on the whole frame."""
    for layer in layers.layers:
        x = whole(cast(GatedConv, layer), x)
    return x.float()


def whole(layer: GatedConv, x: Tensor) -> Tensor:
    """One layer on the whole frame."""
    if layer.up:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
    reach = layer.dilation * (layer.kernel - 1)
    if 2 * layer.before == reach:
        x = F.conv2d(x, layer.conv.weight, layer.conv.bias, layer.stride, layer.before, layer.dilation)
    else:
        x = layer.conv(F.pad(x, (layer.before, reach // 2, layer.before, reach // 2)))
    if layer.activation == "rgb":
        return torch.tanh(x)
    feature, gate = x.chunk(2, dim=1)
    return gated(feature, gate, layer.activation)


def attention(features: Tensor, hole: Tensor, layout: Layout, fusion: bool) -> Tensor:
    """Contextual attention of every query with every key at once: [B, C, h, w] as `features`."""
    halved = thinned(features, 2, layout)
    (rows, columns), size = halved.shape[-2:], features.shape[-2:]
    patches = F.unfold(halved, 3, padding=1)  # [B, 9C, N]
    keys = patches / patches.norm(dim=1, keepdim=True).clamp_min(1e-4)
    scores = keys.transpose(1, 2) @ patches  # [B, key, query]
    if fusion:
        scores = transposed(diagonal(transposed(diagonal(scores), rows, columns)), columns, rows)
    known = F.max_pool2d(thinned(hole, 8, layout), 3, 1, 1).flatten(2).transpose(1, 2) == 0  # [B, key, 1]
    weights = torch.softmax(scores * known * SOFTMAX_SCALE, dim=1) * known
    values = F.unfold(features, 4, stride=2, padding=1)  # [B, 16C, N]
    return F.fold(values @ weights, size, 4, stride=2, padding=1) / 4


def diagonal(scores: Tensor) -> Tensor:
    """Each score with those of the next pair and the one before, both indices moved."""
    around = F.pad(scores, (1, 1, 1, 1))
    return around[:, :-2, :-2] + scores + around[:, 2:, 2:]


def transposed(scores: Tensor, rows: int, columns: int) -> Tensor:
    """Both indices from row-major to column-major order."""
    grid = scores.view(-1, rows, columns, rows, columns)
    return grid.permute(0, 2, 1, 4, 3).reshape(scores.shape)


def initialise(generator: Generator, seed: int) -> None:
    """Random first weights, the same for a seed whatever was drawn before.

    Normal with deviation 2.4 / sqrt(values that an output sums): gates halve what goes through them, and with this much
    activations keep their size through all layers (measured: 2 leaves a tenth of it after seventeen, 2.8 multiplies it
    by thirty; the usual deviation leaves 1e-6, and nothing is learnt for long). Outputs start near zero where they are
    added to a pre-fill.
    """
    random = torch.Generator().manual_seed(seed)
    for module in generator.modules():
        if isinstance(module, GatedConv):
            weight = module.conv.weight
            gain = 2.4 if module.activation != "rgb" else 0.5 if generator.prefill == "none" else 0.005
            with torch.no_grad():
                weight.normal_(0, gain / weight[0].numel() ** 0.5, generator=random)
                if module.conv.bias is not None:
                    module.conv.bias.zero_()
