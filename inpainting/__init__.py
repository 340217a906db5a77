"""Fill the hole: photo + hole -> patches.

>>> fill = build_fill(settings, weights)
>>> patches = inpaint(image, hole, fill, settings)     # uint8 H x W x 3, uint8 H x W
>>> result = compose(image, hole, patches)             # image, but for the hole
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import numpy as np

from configs import InpaintSettings
from configs.fills import AUTO, FALLBACK, FILLS, PatchMatchSettings
from data.types import Hole, Weight
from inpainting.compositing import compose, pack, unpack
from inpainting.filling import inpaint
from inpainting.mending import MendedFill
from inpainting.protocol import Builder, Fill

STAGE_VERSION = 14
"""Part of every key: raise it when the same photo, hole, settings and weights give other patches than before."""


def build_fill(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    """The fill of these settings; `weights` holds what `settings.required_weights()` asks for, by name.

    In windows a network's fill comes with the repair and texture that the settings ask for; `whole` is the bare
    network, as its authors run it.
    """
    fill = _built(settings.fill, settings, weights)
    learned = FILLS[settings.fill].learned and settings.strategy == "windows"
    if not learned or not (settings.repair or settings.texture):
        return fill
    other = _built(FALLBACK, settings, {}) if settings.repair else fill
    return MendedFill(fill, other, settings)


def _built(name: str, settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    method = FILLS[name]
    builder: Builder = getattr(import_module(method.module), method.build)
    return builder(settings, weights)


def settings_for(settings: InpaintSettings, hole: Hole) -> tuple[InpaintSettings, str | None]:
    """The settings for this hole, uint8 H x W, and why they are others than the given ones, None where they are not:
    networks paint the middle of a very large hole badly."""
    share = np.count_nonzero(hole) / hole.size
    if settings.strategy == "whole" or share <= settings.most_hole:
        return settings, None
    said = f"the hole covers {share:.0%} of the photo, which is too much for"
    if settings.guide not in (None, FALLBACK):
        return settings.guided_by(FALLBACK), f"{said} a network: guided by {FALLBACK}"
    if FILLS[settings.fill].learned:
        return settings.model_copy(update={"fill": FALLBACK}), f"{said} {settings.fill}: filled by {FALLBACK}"
    return settings, None


def choices(settings: InpaintSettings) -> list[InpaintSettings]:
    """What `auto` may stand for, the best first; the settings themselves for every other fill."""
    if settings.fill != "auto":
        return [settings]
    each = [settings.model_copy(update={"fill": name}) for name in AUTO]
    return [one.guided_by(FILLS[one.fill].guides[0]) if one.guide else one for one in each]


def others(settings: InpaintSettings) -> list[InpaintSettings]:
    """Fills that give another picture than these settings do and need no weights, in the order in which they are tried:
    the random search starts elsewhere."""
    seed = settings.of(PatchMatchSettings).seed + 1
    again = settings.model_copy(update={"strategy": "windows"}).with_own(FALLBACK, seed=seed)
    named = (again.model_copy(update={"fill": name}) for name in AUTO)
    return [other.guided_by(FALLBACK) if other.guide else other for other in named]


__all__ = [
    "AUTO",
    "FALLBACK",
    "FILLS",
    "STAGE_VERSION",
    "Builder",
    "Fill",
    "build_fill",
    "choices",
    "compose",
    "inpaint",
    "others",
    "pack",
    "settings_for",
    "unpack",
]
