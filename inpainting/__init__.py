"""Fill the hole: photo + hole -> patches.

>>> fill = build_fill(settings, weights)
>>> patches = inpaint(image, hole, fill, settings)     # uint8 H x W x 3, uint8 H x W
>>> result = compose(image, hole, patches)             # image, but for the hole
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from configs import InpaintSettings
from data.types import Weight
from inpainting.compositing import compose, pack, unpack
from inpainting.filling import inpaint
from inpainting.protocol import Builder, Fill

STAGE_VERSION = 5
"""Part of every key: raise it when the same photo, hole, settings and weights give other patches than before."""


def builder(module: str, name: str) -> Callable[[], Builder]:
    """A builder that is imported when it is first asked for: networks bring torch along, which light commands lack."""

    def load() -> Builder:
        builder: Builder = getattr(import_module(module), name)
        return builder

    return load


FILLS: dict[str, Callable[[], Builder]] = {
    "deepfillv2": builder("inpainting.deepfillv2.fill", "build"),
    "patchmatch": builder("inpainting.patchmatch", "build"),
    "telea": builder("inpainting.opencv", "build_telea"),
    "navier-stokes": builder("inpainting.opencv", "build_navier_stokes"),
    "external": builder("inpainting.external", "build"),
}
"""Builder of each fill by the name that `inpaint.fill` uses; its file is imported when it is asked for."""


def build_fill(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    """The fill of these settings; `weights` holds what `required_weights` asks for, by name."""
    return FILLS[settings.fill]()(settings, weights)


def required_weights(settings: InpaintSettings) -> list[str]:
    """Registry names or paths of the weights files that the fill of these settings needs."""
    if settings.fill == "external":
        return [str(settings.external)]  # the settings see to it that there is one
    return [settings.weights] if settings.fill == "deepfillv2" else []


__all__ = [
    "FILLS",
    "STAGE_VERSION",
    "Builder",
    "Fill",
    "build_fill",
    "builder",
    "compose",
    "inpaint",
    "pack",
    "required_weights",
    "unpack",
]
