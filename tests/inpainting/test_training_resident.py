"""Photos on the device give the crops, holes and flips of photos that are read for every step."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from configs import SettingsError
from configs.training import TrainSettings
from inpainting.training.data import Items, Window
from inpainting.training.loop import gather
from inpainting.training.pairs import Prefill
from inpainting.training.resident import cut, hold, resident_batches
from inpainting.training.step import as_batch

CPU = torch.device("cpu")


def items_of(folder: Path, **data: object) -> Items:
    """Three photos of noise, one of them smaller than a crop, and a file that is none."""
    rng = np.random.default_rng(0)
    for name, size in (("a", (90, 70)), ("b", (60, 100)), ("c", (20, 40))):
        cv2.imwrite(str(folder / f"{name}.png"), rng.integers(0, 256, (*size, 3), np.uint8))
    (folder / "d.png").write_bytes(b"no photo")
    tree = {"data": {"photos": [str(folder)], "size": 32, "workers": 2, **data}, "optimiser": {"batch": 6}}
    return Items(tuple(sorted(folder.glob("*.png"))), (), TrainSettings.model_validate(tree))


@pytest.mark.parametrize("pairs", [0, 5])
@pytest.mark.parametrize(("rank", "world"), [(0, 1), (1, 2)])
def test_the_batches_are_those_of_the_other_loader(tmp_path: Path, pairs: int, rank: int, world: int) -> None:
    items = items_of(tmp_path, pairs=pairs)
    held = hold(items, CPU)
    assert [path.name for path in held] == ["a.png", "b.png", "c.png"]
    found = islice(resident_batches(items, held, 2, rank, world), 4)
    read = islice(items.batches(2, Prefill(None), rank, world), 4)
    for ours, theirs in zip(found, (as_batch(batch, CPU) for batch in read), strict=True):
        assert torch.equal(ours.hole, theirs.hole)
        assert ours.given is ours.truth and ours.truth.shape == (6 // world, 3, 32, 32)
        apart = (ours.truth - theirs.truth).abs() * 127.5
        assert apart.max() < 1.1 and apart.mean() < 0.1


def test_a_crop_is_the_mean_of_the_area_that_a_pixel_covers() -> None:
    grey = torch.tensor([[0, 30, 60], [0, 30, 60], [90, 90, 90]], dtype=torch.uint8)
    photo = grey[..., None].expand(3, 3, 3)
    assert cut(photo, Window(0, 0, 3), 1).flatten().tolist() == [50, 50, 50]
    # each covers one and a half of the photo's: (0 + 30 / 2) / 1.5 = 10, (30 / 2 + 60) / 1.5 = 50, (10 / 2 + 90) / 1.5
    assert cut(photo, Window(0, 0, 3), 2)[0].tolist() == [[10, 50], [63, 77]]
    assert cut(photo, Window(1, 1, 2), 2)[0].tolist() == [[30, 60], [90, 90]]


def test_a_pre_fill_needs_photos_that_are_read(tmp_path: Path) -> None:
    items_of(tmp_path)
    tree = {"data": {"photos": [str(tmp_path)], "resident": True}, "network": {"prefill": "telea"}}
    with pytest.raises(SettingsError, match=r"data\.resident"):
        gather(TrainSettings.model_validate(tree))
