"""DeepFillv2 as the paper tells it: whole frames, every query with every key at once. Slow and hungry, and obvious.

The measure of the fast one (`inpainting.deepfillv2`): `benchmarks/bench_fill.py` and the tests compare with it. It
shares the weights and nothing else with it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainting.deepfillv2.layers import Chain, GatedConv
from inpainting.deepfillv2.network import Generator


def plain_generator(net: Generator, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """(coarse, refined) of one photo [1, 3, H, W] in [-1, 1] and its hole [1, 1, H, W]; H and W multiples of 8."""
    image = image * (1 - hole)
    beside = [torch.ones_like(hole), hole]
    coarse = plain_chain(net.coarse, torch.cat([image, *beside], dim=1), net.layout)
    image = coarse * hole + image * (1 - hole)
    if net.layout == "mmagic":
        image = torch.cat([image, *beside], dim=1)
    features = plain_chain(net.attention_in, image, net.layout)
    copied = plain_attention(features[0], hole[0], net.layout, net.attention.fusion)[None]
    branches = [plain_chain(net.dilated, image, net.layout), plain_chain(net.attention_out, copied, net.layout)]
    return coarse, plain_chain(net.joint, torch.cat(branches, dim=1), net.layout)


def plain_chain(chain: Chain, x: Tensor, layout: str) -> Tensor:
    for layer in chain.layers:
        assert isinstance(layer, GatedConv)
        x = plain_layer(layer, x, layout)
    return x


def plain_layer(layer: GatedConv, x: Tensor, layout: str) -> Tensor:
    if layer.up:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
    reach = layer.dilation * (layer.kernel - 1) // 2
    before = 0 if layout == "tf" and layer.stride == 2 else reach
    x = F.pad(x, (before, reach, before, reach), mode="reflect" if layout == "mmagic" else "constant")
    x = F.conv2d(x, layer.conv.weight, layer.conv.bias, layer.stride, dilation=layer.dilation)
    if layer.activation == "rgb":
        return torch.tanh(x)
    feature, gate = x.chunk(2, dim=1)
    if layer.activation == "gated-rgb":
        return torch.tanh(feature * torch.sigmoid(gate))
    return (F.relu(feature) if layer.activation == "relu" else F.elu(feature)) * torch.sigmoid(gate)


def plain_attention(features: Tensor, hole: Tensor, layout: str, fusion: bool) -> Tensor:
    """One photo, [C, H/4, W/4] and [1, H, W]: every query with every key."""
    halved, small = plain_thinned(features, 2, layout), plain_thinned(hole, 8, layout)
    (rows, columns), count = halved.shape[-2:], halved[0].numel()
    patches = F.unfold(halved[None], 3, padding=1)[0].T  # [N, 9C]
    unknown = F.unfold(small[None], 3, padding=1)[0].sum(0) > 0  # [N]
    score = (patches / patches.norm(dim=1, keepdim=True).clamp_min(1e-4)) @ patches.T  # [key, query]

    def diagonal(pairs: Tensor) -> Tensor:
        around = F.pad(pairs, (1, 1, 1, 1))
        return around[:-2, :-2] + pairs + around[2:, 2:]

    def transposed(pairs: Tensor, rows: int, columns: int) -> Tensor:
        return pairs.reshape(rows, columns, rows, columns).permute(1, 0, 3, 2).reshape(count, count)

    if fusion:
        score = diagonal(score)
        score = transposed(diagonal(transposed(score, rows, columns)), columns, rows)
    score[unknown] = -torch.inf if layout == "mmagic" else 0
    weight = torch.softmax(10 * score, dim=0)
    weight = torch.where(unknown[:, None], 0, weight).reshape(1, count, rows, columns)
    values = F.unfold(features[None], 4, stride=2, padding=1)[0].T.reshape(count, -1, 4, 4)
    over = 4.0 * torch.ones(1)
    if layout == "mmagic":
        over = F.conv_transpose2d(torch.ones(1, 1, rows, columns), torch.ones(1, 1, 4, 4), stride=2, padding=1)[0]
    return F.conv_transpose2d(weight, values, stride=2, padding=1)[0] / over.to(weight)


def plain_thinned(x: Tensor, factor: int, layout: str) -> Tensor:
    """`x` [..., H, W] at 1/factor of its size by the nearest position; `tf` spreads them from corner to corner."""
    for axis in (-2, -1):
        size = x.shape[axis]
        if layout == "tf":
            at = (torch.linspace(0, size - 1, size // factor, dtype=torch.float64) + 0.5).floor().long()
        else:
            at = torch.arange(0, size, factor)[: size // factor]
        x = x.index_select(axis, at.to(x.device))
    return x
