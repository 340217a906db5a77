"""Batches from photos that lie on the device as uint8: crops, flips and scaling happen there, and nothing is decoded
while the network learns.

The crops and holes are those of `Items`, drawn from the same numbers; values differ by the rounding of a resize. Holes
are drawn by threads, by the same function: one byte a pixel goes to the device for each.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from configs import SettingsError
from configs.devices import is_out_of_memory
from data.types import Hole
from inpainting.training.data import Items, Window, read_photo
from inpainting.training.step import Batch


class Spot(NamedTuple):
    """A crop that is not cut yet. photo: uint8 H x W x 3 on the device. hole: uint8 S x S."""

    photo: Tensor
    window: Window
    hole: Hole
    mirrored: bool


def hold(items: Items, device: torch.device) -> dict[Path, Tensor]:
    """Every readable photo, uint8 H x W x 3, on the device. Raises SettingsError where they do not fit."""

    def held(path: Path) -> Tensor | None:
        photo = read_photo(path)
        return None if photo is None else torch.from_numpy(photo).to(device)

    try:
        with ThreadPoolExecutor(items.settings.data.workers) as threads:
            found = dict(zip(items.photos, threads.map(held, items.photos), strict=True))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise SettingsError(
            f"data.resident: {len(items.photos):,} photos do not fit on {device}; leave it out, or name fewer."
        ) from error
    return {path: photo for path, photo in found.items() if photo is not None}


def resident_batches(
    items: Items, held: Mapping[Path, Tensor], start: int, rank: int = 0, world: int = 1
) -> Generator[Batch, None, None]:
    """The batch of step `start` (from 0), then of the next ones, for ever: this process's share of each.

    held: of `hold`.
    """
    settings = items.settings
    size = settings.data.size
    memory = torch.channels_last if settings.run.channels_last else torch.contiguous_format

    def spot(index: int) -> Spot:
        rng, photo, window = items.draw(items.number(index), held.get)
        return Spot(photo, window, items.hole(rng), items.is_mirrored(index))

    with closing(items.ahead(spot, start, rank, world)) as batches:
        for spots in batches:
            holes = torch.from_numpy(np.stack([spot.hole for spot in spots])).to(spots[0].photo.device)[:, None]
            flips = torch.tensor([spot.mirrored for spot in spots], device=holes.device)[:, None, None, None]
            crops = torch.stack([cut(spot.photo, spot.window, size) for spot in spots])
            truth = (torch.where(flips, crops.flip(3), crops) / 127.5 - 1).contiguous(memory_format=memory)
            hole = (torch.where(flips, holes.flip(3), holes) > 127).float()
            yield Batch(truth, truth, hole)


def cut(photo: Tensor, window: Window, size: int) -> Tensor:
    """A square of a photo (uint8 H x W x 3) as float32 3 x size x size of whole numbers in 0..255.

    By the area that each pixel covers where it shrinks, by cubic interpolation (a = -0.75) where it grows, as OpenCV.
    """
    top, left, side = window
    crop = photo[top : top + side, left : left + side].permute(2, 0, 1).float()
    if side > size:
        weights = _area(side, size, photo.device)
        crop = weights @ crop @ weights.T
    elif side < size:
        crop = F.interpolate(crop[None], (size, size), mode="bicubic", align_corners=False)[0]
    return crop.round().clamp(0, 255)


def _area(side: int, size: int, device: torch.device) -> Tensor:
    """size x side: the share of each of `side` pixels in each of the `size` that they become; rows sum to 1."""
    edges = torch.arange(size + 1, dtype=torch.float32, device=device) * (side / size)
    pixels = torch.arange(side, dtype=torch.float32, device=device)
    covered = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return covered.clamp_min(0) * (size / side)
