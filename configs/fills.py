"""Every fill: its entry, and the settings that are its alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, field_validator

from configs.methods import Frozen, Method

PixelRange = Literal["0..1", "-1..1", "0..255"]

FALLBACK = "patchmatch"
"""The fill that needs no weights: it repairs what networks make up, and fills what is too large for them."""
AUTO = ("shift-map", FALLBACK)
"""What the fill `auto` stands for, the best first, each with its best guide; the last needs no weights."""


@dataclass(frozen=True, kw_only=True)
class FillMethod(Method):
    """learned: a network paints what is seen, and may make things up. guides: fills whose picture can say what goes
    where, the best first; its own setting `structure` names one of them or is `auto`. longest: longer side, in pixels,
    above which a window is filled at reduced size, `inpaint.window` where that is set. reduced: the longer side of such
    a window when it is filled; None is `longest`. squares: it was trained on whole square pictures, and sees a photo
    whole or in squares."""

    learned: bool = False
    guides: tuple[str, ...] = ()
    longest: int = 384
    reduced: int | None = None
    squares: bool = False


class PatchMatchSettings(Frozen):
    patch_size: int = Field(default=7, ge=3, le=31)
    """Side of the compared patches in pixels (odd)."""
    guide: Literal["none", "rows", "near"] = "near"
    """Where patches come from first: near the place that is filled, from the same height, or from anywhere."""
    seed: int = 1
    """Seed of the random search."""

    @field_validator("patch_size")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("a patch has a middle pixel, so its side is odd")
        return value


class ShiftMapSettings(Frozen):
    structure: Literal["auto", "lama", "migan", "patchmatch"] = "auto"
    """The fill whose picture says what goes where; `auto` is `migan` where its weights are on this machine, else
    `patchmatch`."""


class MiganSettings(Frozen):
    weights: str = "migan"
    """Registry name or path of the network that its authors published."""


class LamaSettings(Frozen):
    weights: str = "auto"
    """Registry name or path of the network; `auto` is `big-lama` (TorchScript, any size, CPU or GPU) or else
    `lama-onnx` (512 x 512, CPU), whichever is on this machine."""


class DeepFillSettings(Frozen):
    weights: str = "auto"
    """Registry name or path of the weights; `auto` is the first on this machine of mmagic-places, places2-pt,
    places2-tf, and of the ones for faces, mmagic-celeba, celebahq-pt, celebahq-tf."""
    attention_fusion: Literal["auto", "on", "off"] = "auto"
    """Whether patches are compared together with their neighbours. `auto` as each layout's port: on for `pt`, off for
    `tf` (though the TensorFlow original had it on)."""
    attention_memory: int = Field(default=64, ge=1, le=65536)
    """Megabytes that contextual attention takes for its scores, however large the photo. The result is the same but for
    rounding; more is no faster on a CPU, much less is slower."""


class _Diffusion(Frozen):
    radius: float = Field(default=0.02, gt=0, le=0.5)
    """Neighbourhood as a share of the window's longer side."""


class TeleaSettings(_Diffusion):
    pass


class NavierStokesSettings(_Diffusion):
    pass


class ExternalSettings(Frozen):
    weights: str | None = None
    """TorchScript (.pt) or ONNX (.onnx) file that fills images; docs/fills.md names some."""
    range: PixelRange = "0..1"
    """Values of the image that the file takes."""
    output: PixelRange | Literal["same"] = "same"
    """Values of the image that it gives; `same` is `range`."""
    mask: Literal["hole", "known"] = "hole"
    """What its mask marks."""
    size: int | None = Field(default=None, ge=16, le=4096)
    """Side in pixels of the square that a TorchScript file takes, where it takes no other size; an ONNX file says it
    itself."""
    multiple: int = Field(default=8, ge=1, le=256)
    """A file that takes any size takes multiples of this."""
    trust: bool = False
    """Load a TorchScript file that is not in the registry (it is a program, and may write files)."""


def _guides(section: Any) -> tuple[str, ...]:
    """The fill that guides, and the one that does where the hole is too large for it."""
    return tuple(name for name in (section.guide, FALLBACK) if name != "auto")


def _mended(section: Any) -> tuple[str, ...]:
    """The fill that repairs a network's and stands in for it."""
    return () if section.strategy == "whole" else (FALLBACK,)


_FOR_NETWORKS = frozenset({"repair", "texture", "most_hole", "device"})

FILLS: dict[str, FillMethod] = {
    "deepfillv2": FillMethod(
        module="inpainting.deepfillv2.fill",
        label="neural network",
        neural=True,
        learned=True,
        licence="CC BY-NC 4.0 (weights places2 and celebahq)",
        settings=DeepFillSettings,
        auto=("mmagic-places", "places2-pt", "places2-tf", "mmagic-celeba", "celebahq-pt", "celebahq-tf"),
        uses=_mended,
        per_photo=frozenset({"attention_fusion"}),
    ),
    "migan": FillMethod(
        module="inpainting.migan.fill",
        label="small neural network",
        neural=True,
        learned=True,
        licence="MIT",
        settings=MiganSettings,
        uses=_mended,
        longest=1100,
        reduced=512,
        squares=True,
    ),
    "lama": FillMethod(
        module="inpainting.lama",
        label="large neural network",
        neural=True,
        learned=True,
        licence="Apache-2.0",
        settings=LamaSettings,
        auto=("big-lama", "lama-onnx"),
        uses=_mended,
        longest=512,
    ),
    "patchmatch": FillMethod(
        module="inpainting.patchmatch",
        label="copies from around, keeps texture",
        neural=False,
        settings=PatchMatchSettings,
        longest=256,
        ignores=_FOR_NETWORKS,
        per_photo=frozenset({"patch_size", "guide", "seed"}),
    ),
    "shift-map": FillMethod(
        module="inpainting.shift_map.fill",
        label="joins whole pieces of the photo",
        neural=True,
        settings=ShiftMapSettings,
        guides=("migan", FALLBACK),
        uses=_guides,
        longest=8192,
    ),
    "telea": FillMethod(
        module="inpainting.opencv",
        build="build_telea",
        label="quick, smooth",
        neural=False,
        settings=TeleaSettings,
        ignores=_FOR_NETWORKS,
        per_photo=frozenset({"radius"}),
    ),
    "navier-stokes": FillMethod(
        module="inpainting.opencv",
        build="build_navier_stokes",
        label="quick, smooth",
        neural=False,
        settings=NavierStokesSettings,
        ignores=_FOR_NETWORKS,
        per_photo=frozenset({"radius"}),
    ),
    "external": FillMethod(
        module="inpainting.external",
        label="a network from a file of yours",
        neural=True,
        learned=True,
        licence="the file's own",
        settings=ExternalSettings,
        uses=_mended,
    ),
}
"""By the name that `inpaint.fill` uses, but `auto`. Adding one: docs/fills.md."""
