"""`remove_people` for notebooks and data loaders: one image in memory, no store, no Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import inpainting
from configs import GIVEN_MASKS, Settings, SettingsError
from configs.load import load_settings
from data.keep import parse_keep
from data.types import Hole, People, Photo, Pixels, Weight
from flows import networks
from flows.context import find_weights, resolve
from masks import choose, refine


@dataclass(frozen=True)
class Result:
    """image: uint8 H x W x 3 RGB without people. hole: uint8 H x W, 255 where it differs. people: who was there."""

    image: Pixels
    hole: Hole
    people: People


def remove_people(
    image: Pixels | Image.Image | str | Path, preset: str = "default", overrides: Sequence[str] = ()
) -> Result:
    """Take the people out of one image.

    image: uint8 H x W x 3 RGB array, PIL image, or path (seen upright). preset: name or YAML file. overrides:
    settings as SECTION.FIELD=VALUE. Raises SettingsError, WeightsError, PhotoError: one sentence each.

    >>> result = remove_people("photo.jpg", preset="embedded")
    >>> Image.fromarray(result.image).save("without-people.png")
    """
    settings, weights = _prepared(preset, tuple(overrides))
    pixels = _pixels(image)
    photo = Photo(id="image", name=str(image) if isinstance(image, str | Path) else "image", pixels=pixels)
    people = networks.segmenter(settings.segment, weights).segment([photo])[0]
    choice = choose(people, parse_keep(settings.refine.keep) if settings.refine.keep else (), settings.refine)
    hole = refine(people, settings.refine, pixels, choice)
    kept = choice.kept.astype(np.uint8) * np.uint8(255) if choice.anyone else None
    patches = inpainting.inpaint(pixels, hole, networks.fill(settings.inpaint, weights), settings.inpaint, kept)
    return Result(inpainting.compose(pixels, hole, patches), hole, people)


@lru_cache(maxsize=8)
def _prepared(preset: str, overrides: tuple[str, ...]) -> tuple[Settings, dict[str, Weight]]:
    settings = load_settings(preset, overrides)
    if settings.segment.segmenter in GIVEN_MASKS:
        raise SettingsError(
            f"preset {preset!r} takes its masks from files (segmenter {settings.segment.segmenter}), one image has "
            "none; use preset 'default' or 'embedded'."
        )
    settings = resolve(settings.model_copy(update={"verify": settings.verify.model_copy(update={"segmenter": "none"})}))
    return settings, find_weights(settings)


def _pixels(image: Pixels | Image.Image | str | Path) -> Pixels:
    if isinstance(image, str | Path):
        with Image.open(image) as opened:
            image = ImageOps.exif_transpose(opened)
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise SettingsError(f"an image array is uint8 H x W x 3 (RGB), this one is {image.dtype} {image.shape}.")
    return image
