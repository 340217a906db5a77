"""Fill the hole: photo + hole -> patches.

>>> fill = build_fill(settings, weights)
>>> patches = inpaint(image, hole, fill, settings)     # uint8 H x W x 3, uint8 H x W
>>> result = compose(image, hole, patches)             # image, but for the hole
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from configs import InpaintSettings
from data.types import Hole, Weight
from inpainting.compositing import compose, pack, unpack
from inpainting.filling import inpaint
from inpainting.mending import MendedFill
from inpainting.protocol import Builder, Fill

STAGE_VERSION = 7
"""Part of every key: raise it when the same photo, hole, settings and weights give other patches than before."""


@dataclass(frozen=True)
class Method:
    """One fill as `inpaint.fill` names it.

    module, name: of its builder, which is imported when it is first asked for: networks bring torch along, which light
    commands lack. neural: it runs on `inpaint.device`; the others take the CPU. weights: registry names or paths of the
    files that it needs with these settings. learned: a network paints what is seen, and may make things up.
    """

    module: str
    name: str
    neural: bool = False
    weights: Callable[[InpaintSettings], list[str]] = lambda settings: []
    learned: bool = False

    def build(self, settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
        builder: Builder = getattr(import_module(self.module), self.name)
        return builder(settings, weights)


FILLS: dict[str, Method] = {
    "deepfillv2": Method("inpainting.deepfillv2.fill", "build", True, lambda settings: [settings.weights], True),
    "migan": Method("inpainting.migan.fill", "build", True, lambda settings: ["migan"], True),
    "patchmatch": Method("inpainting.patchmatch", "build"),
    "shift-map": Method(
        "inpainting.shift_map.fill", "build", True, lambda settings: ["migan"] if settings.structure == "migan" else []
    ),
    "telea": Method("inpainting.opencv", "build_telea"),
    "navier-stokes": Method("inpainting.opencv", "build_navier_stokes"),
    # the settings see to it that there is a file
    "external": Method("inpainting.external", "build", True, lambda settings: [str(settings.external)], True),
}
"""Every fill by the name that `inpaint.fill` uses, but `auto`."""

AUTO: tuple[dict[str, str], ...] = ({"fill": "shift-map", "structure": "migan"}, {"fill": "patchmatch"})
"""The settings that the fill `auto` stands for, the best first; the last needs no weights."""


def build_fill(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    """The fill of these settings; `weights` holds what `required_weights` asks for, by name.

    In windows a network's fill comes with the repair and texture that the settings ask for; `whole` is the bare
    network, as its authors run it.
    """
    fill = FILLS[settings.fill].build(settings, weights)
    learned = FILLS[settings.fill].learned and settings.strategy == "windows"
    if not learned or not (settings.repair or settings.texture):
        return fill
    other = FILLS["patchmatch"].build(settings, {}) if settings.repair else fill
    return MendedFill(fill, other, settings)


def settings_for(settings: InpaintSettings, hole: Hole) -> tuple[InpaintSettings, str | None]:
    """The settings for this hole, uint8 H x W, and why they are others than the given ones, None where they are not:
    networks paint the middle of a very large hole badly."""
    share = np.count_nonzero(hole) / hole.size
    if settings.strategy == "whole" or share <= settings.most_hole:
        return settings, None
    said = f"the hole covers {share:.0%} of the photo, which is too much for"
    if settings.fill == "shift-map" and settings.structure != "patchmatch":
        return settings.model_copy(update={"structure": "patchmatch"}), f"{said} a network: guided by patchmatch"
    if FILLS[settings.fill].learned:
        return settings.model_copy(update={"fill": "patchmatch"}), f"{said} {settings.fill}: filled by patchmatch"
    return settings, None


def required_weights(settings: InpaintSettings) -> list[str]:
    """Registry names or paths of the weights files that the fill of these settings needs; `auto` needs none."""
    return [] if settings.fill == "auto" else FILLS[settings.fill].weights(settings)


def choices(settings: InpaintSettings) -> list[InpaintSettings]:
    """What `auto` may stand for, the best first; the settings themselves for every other fill."""
    return [settings.model_copy(update=one) for one in AUTO] if settings.fill == "auto" else [settings]


__all__ = [
    "AUTO",
    "FILLS",
    "STAGE_VERSION",
    "Builder",
    "Fill",
    "Method",
    "build_fill",
    "choices",
    "compose",
    "inpaint",
    "pack",
    "required_weights",
    "settings_for",
    "unpack",
]
