"""`remove_people` for notebooks and data loaders: one image in memory, no store, no Prefect."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from configs import Settings, SettingsError
from configs.load import USUAL, load_settings
from data.collection.keep_list import as_keep, parse_keep
from data.errors import InputError
from data.images import SUFFIXES, Decoded, decode, encode, read_photo_bytes
from data.images.samples import to_pixels
from data.storage.files import write_atomic
from data.types import Hole, Keep, People, PhotoError, Pixels, State, Weight
from flows.stages.context import find_weights, resolve
from flows.stages.doubts import photo_state, reasons
from flows.stages.photo_steps import DEGRADED, NOTE
from flows.stages.whole_photo import remove_from

_log = logging.getLogger("person_removal")


@dataclass(frozen=True)
class Result:
    """image: uint8 H x W x 3 RGB without people. hole: uint8 H x W, 255 where it differs. people: who was there.

    photo: the file that it was made of, when it was given by its path; all of the above are upright.
    lower: what had to be set lower for want of memory, such as `inpaint.window=256`; None when nothing had.
    state: what a run would say of the photo: `removed`, `passthrough` (nobody was there), or `review`: somebody may be
    left, or it is mostly made up, or something is wrong with those who should stay. doubts: why, in words.
    """

    image: Pixels
    hole: Hole
    people: People
    photo: Decoded | None = field(default=None, repr=False)
    lower: str | None = None
    doubts: tuple[str, ...] = ()
    state: State = "removed"

    def save(self, path: str | Path, *, scrub: bool = False) -> tuple[str, ...]:
        """Write the result; returns how it departs from the original, beyond the hole.

        A photo given by its path is written in its own format, with its metadata and, as a JPEG, with every block
        that the hole does not touch; `path` has to end as that format's files do. scrub: of the metadata only
        colours, orientation, resolution and exposure. An array is written as Pillow does by the name. Raises
        SettingsError, PhotoError, OSError.
        """
        path = Path(path)
        if self.photo is None:
            Image.fromarray(self.image).save(path)
            return ()
        suffixes = SUFFIXES[self.photo.format]
        if path.suffix.lower() not in suffixes:
            raise SettingsError(f"{path}: the result keeps the photo's format; end its name in {suffixes[0]}.")
        encoded = encode(self.photo, self.image, self.hole, scrub=scrub)
        write_atomic(path, encoded.raw)
        return encoded.notes


def remove_people(
    image: Pixels | Image.Image | str | Path,
    preset: str | Path = USUAL,
    overrides: Sequence[str] = (),
    keep: str | int | Sequence[int | Sequence[float]] | None = None,
) -> Result:
    """Take the people out of one image.

    image: uint8 H x W x 3 RGB array, or PIL image or path (both seen upright). preset: name or YAML file. overrides:
    settings as SECTION.FIELD=VALUE. keep: who stays: `largest`, numbers as in `Result.people` (0, "0,2", [0, 2]), and
    boxes (x, y, width, height in pixels of the image seen upright); by default what `refine.keep` says. The result has
    the pixels that a run gives, its verification and extra passes included; `verify.segmenter=none` among the overrides
    goes without these, in half the time. Raises SettingsError, WeightsError, PhotoError, InputError: one sentence each.

    >>> result = remove_people("photo.jpg", preset="embedded")
    >>> result.save("without-people.jpg")
    >>> remove_people("photo.jpg", preset="embedded", keep="largest").save("one-person.jpg")
    """
    if not isinstance(preset, str | Path):
        raise SettingsError(f"a preset is a name or a YAML file, not {type(preset).__name__}.")
    if isinstance(overrides, str) or not isinstance(overrides, Sequence):
        raise SettingsError('overrides are a list of settings: overrides=["refine.dilate=0.1"].')
    settings, weights = _prepared(str(preset), tuple(overrides))
    return remove_with(image, settings, weights, keep)


def remove_with(
    image: Pixels | Image.Image | str | Path,
    settings: Settings,
    weights: Mapping[str, Weight],
    keep: str | int | Sequence[int | Sequence[float]] | None = None,
) -> Result:
    """As `remove_people`, with settings that are resolved and their weights. Raises PhotoError, InputError."""
    who = _keep(settings.refine.keep if keep is None else keep)
    name = str(image) if isinstance(image, str | Path) else "image"
    file = None
    if isinstance(image, str | Path):
        try:
            raw = read_photo_bytes(Path(image), name)
        except (OSError, ValueError) as error:  # also a name that no file can have
            raise InputError(f"{name[:200]!r}: the file cannot be read ({error}).") from None
        file = decode(raw, name, settings.input.megapixels)
        image = file.pixels
    made = remove_from(_pixels(image), name, who, settings, weights)
    hole, filled = made.marked.hole, made.facts["inpaint"]
    if NOTE in filled:
        _log.warning(filled[NOTE])
    state = photo_state(hole, made.facts)
    doubts = tuple(reasons(made.facts)) if state == "review" else ()
    return Result(made.image, hole, made.people, file, filled.get(DEGRADED), doubts, state)


def _keep(asked: str | int | Sequence[int | Sequence[float]] | None) -> Keep:
    """Who stays, from the words of the command line, or from numbers and boxes of any kind of array."""
    if asked is None or isinstance(asked, str):
        return parse_keep(asked) if asked else ()
    items = asked if isinstance(asked, Sequence | np.ndarray) else [asked]
    return as_keep([np.asarray(item).tolist() for item in items], "keep")


@lru_cache(maxsize=8)
def _prepared(preset: str, overrides: tuple[str, ...]) -> tuple[Settings, dict[str, Weight]]:
    settings = load_settings(preset, overrides)
    if settings.segment.given:
        raise SettingsError(
            f"The segmenter {settings.segment.segmenter} takes masks from files, one image has none; choose one that "
            'finds people itself: overrides=["segment.segmenter=embedded"].'
        )
    settings = resolve(settings)
    return settings, find_weights(settings)


def _pixels(image: object) -> Pixels:
    if isinstance(image, Image.Image):
        return _pixels_of(image)
    if not isinstance(image, np.ndarray):
        raise SettingsError(f"an image is a path, a PIL image or an array, not {type(image).__name__}.")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise SettingsError(f"an image array is uint8 H x W x 3 (RGB), this one is {image.dtype} {image.shape}.")
    return image


def _pixels_of(image: Image.Image) -> Pixels:
    """A PIL image, upright. PIL's own conversion to RGB cuts values above 255 off instead of scaling them."""
    if image.mode in ("I", "F"):
        raise SettingsError(
            f"a PIL image of mode {image.mode} does not say which of its values is white; give the path of its file, "
            "or convert it to 8 bits."
        )
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            return to_pixels(np.asarray(image), "L;16")
        return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise PhotoError("corrupt", f"the image cannot be decoded ({error}).") from None
