"""Key names of the published layouts, in the order of our network's layers."""

from __future__ import annotations

from inpainting.deepfillv2.conventions import Layout

FUSE_WEIGHT = "stage2.contextual_attention.fuse_weight"
"""A constant (eye 3) that some `pt` checkpoints carry."""
CONSTANTS = {FUSE_WEIGHT, "stage2.contextual_attention_neck.contextual_attention.fuse_kernel"}
"""Keys of no weights; the second is `mmagic`'s."""
GENERATOR = "generator."
"""What the keys of an `mmagic` checkpoint begin with; it holds the discriminator as well."""

FIRST: dict[Layout, str] = {
    "pt": "stage1.conv1.conv.weight",
    "tf": "conv1.conv.weight",
    "mmagic": "stage1.encoder.enc1.conv.conv.weight",
}
"""The key that tells a layout; its first axis is the network's width."""


def _pt(prefix: str, *bottleneck: int) -> list[str]:
    return [
        f"{prefix}conv1",
        f"{prefix}down_block1.conv1_downsample",
        f"{prefix}down_block1.conv2",
        f"{prefix}down_block2.conv1_downsample",
        f"{prefix}down_block2.conv2",
        *(f"{prefix}conv_bn{i}" for i in bottleneck),
    ]


def _pt_decoder(prefix: str) -> list[str]:
    return [
        f"{prefix}up_block1.conv1_upsample.conv",
        f"{prefix}up_block1.conv2",
        f"{prefix}up_block2.conv1_upsample.conv",
        f"{prefix}up_block2.conv2",
        f"{prefix}conv_to_rgb",
    ]


def _tf(prefix: str, first: int, last: int) -> list[str]:
    kinds = {2: "_downsample", 4: "_downsample", **dict.fromkeys(range(7, 11), "_atrous")}
    kinds |= {13: "_upsample.conv", 15: "_upsample.conv"}
    return [f"{prefix}{i}{kinds.get(i, '')}" for i in range(first, last + 1)]


def _mmagic(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{i}.conv" for i in range(1, count + 1)]


def _mmagic_dilated(stage: str) -> list[str]:
    return [f"{stage}.dilation_neck.dilation_convs.{i}.conv" for i in range(4)]


LAYERS: dict[Layout, dict[str, list[str]]] = {
    "pt": {
        "coarse": _pt("stage1.", *range(1, 8)) + _pt_decoder("stage1."),
        "dilated": _pt("stage2.conv_", *range(1, 6)),
        "attention_in": _pt("stage2.ca_", 1),
        "attention_out": ["stage2.ca_conv_bn4", "stage2.ca_conv_bn5"],
        "joint": ["stage2.conv_bn6", "stage2.conv_bn7", *_pt_decoder("stage2.")],
    },
    "tf": {
        "coarse": _tf("conv", 1, 17),
        "dilated": _tf("xconv", 1, 10),
        "attention_in": _tf("pmconv", 1, 6),
        "attention_out": ["pmconv9", "pmconv10"],
        "joint": _tf("allconv", 11, 17),
    },
    "mmagic": {
        "coarse": _mmagic("stage1.encoder.enc", 6) + _mmagic_dilated("stage1") + _mmagic("stage1.decoder.dec", 7),
        "dilated": _mmagic("stage2.encoder_conv.enc", 6) + _mmagic_dilated("stage2"),
        "attention_in": _mmagic("stage2.encoder_attention.enc", 6),
        "attention_out": _mmagic("stage2.contextual_attention_neck.conv", 2),
        "joint": _mmagic("stage2.decoder.dec", 7),
    },
}


def keys(layout: Layout) -> dict[str, str]:
    """Published key -> our key, for every weight and bias."""
    return {
        f"{name}.conv.{part}": f"{chain}.layers.{i}.conv.{part}"
        for chain, names in LAYERS[layout].items()
        for i, name in enumerate(names)
        for part in ("weight", "bias")
    }
