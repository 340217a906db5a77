"""Crops depend on the seed and their number alone: whoever draws them, in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from configs import InpaintSettings, SettingsError
from configs.training import TrainSettings
from inpainting import build_fill
from inpainting.training.data import Item, Items, find_photos, split_photos
from inpainting.training.pairs import Prefill, build_prefill, prepare

NOTHING = Prefill(None)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos of noise; their first pixel's red tells them apart."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(6):
        (folder / "sub").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"sub/{i}.png"), rng.integers(0, 256, (60 + 10 * i, 90, 3), np.uint8))
    return folder


def settings_of(photos: Path, **sections: dict[str, Any]) -> TrainSettings:
    tree: dict[str, dict[str, Any]] = {
        "data": {"photos": [str(photos)], "size": 32, "workers": 2},
        "optimiser": {"batch": 4},
    }
    for section, values in sections.items():
        tree[section] = tree.get(section, {}) | values
    return TrainSettings.model_validate(tree)


def items_of(photos: Path, **sections: dict[str, Any]) -> Items:
    return Items(tuple(sorted(photos.rglob("*.png"))), (), settings_of(photos, **sections))


def same(some: Sequence[Item], others: Sequence[Item]) -> bool:
    return len(some) == len(others) and all(
        np.array_equal(getattr(a, part), getattr(b, part))
        for a, b in zip(some, others, strict=True)
        for part in ("truth", "hole", "given")
    )


def test_an_item(photos: Path) -> None:
    item = items_of(photos).item(3, NOTHING)
    assert item.truth.shape == (32, 32, 3) and item.hole.shape == (32, 32) and item.hole.any()
    assert item.truth.dtype == item.hole.dtype == np.uint8


def test_batches_from_any_step_on_are_the_same(photos: Path) -> None:
    items = items_of(photos)
    first = list(islice(items.batches(0, NOTHING), 5))
    later = list(islice(items_of(photos).batches(3, NOTHING), 2))
    assert same(first[3] + first[4], later[0] + later[1])
    assert not same(first[0], first[1])


def test_processes_share_a_batch(photos: Path) -> None:
    items = items_of(photos)
    (whole,) = islice(items.batches(2, NOTHING), 1)
    (even,), (odd,) = (islice(items.batches(2, NOTHING, rank, 2), 1) for rank in (0, 1))
    assert same(whole, [even[0], odd[0], even[1], odd[1]])


def test_another_seed_and_another_purpose_are_other_crops(photos: Path) -> None:
    one = [items_of(photos).item(i, NOTHING) for i in range(2)]
    assert not same(one, [items_of(photos, run={"seed": 2}).item(i, NOTHING) for i in range(2)])
    validation = Items(items_of(photos).photos, (), settings_of(photos), "validate")
    assert not same(one, [validation.item(i, NOTHING) for i in range(2)])


def test_every_pair_comes_once_an_epoch(photos: Path) -> None:
    items = items_of(photos, data={"pairs": 5, "flip": False})

    def seen(epoch: int) -> list[bytes]:
        return [items.item(epoch * 5 + i, NOTHING).truth.tobytes() for i in range(5)]

    assert len(set(seen(0))) == 5 and set(seen(0)) == set(seen(1)) and seen(0) != seen(1)


def test_flips_mirror_all_three(photos: Path) -> None:
    plain = [items_of(photos, data={"flip": False}).item(i, NOTHING) for i in range(12)]
    flipped = [items_of(photos).item(i, NOTHING) for i in range(12)]
    mirrored = [same([a.mirrored()], [b]) for a, b in zip(plain, flipped, strict=True)]
    assert all(m or same([a], [b]) for m, a, b in zip(mirrored, plain, flipped, strict=True))
    assert 0 < sum(mirrored) < 12


@pytest.mark.parametrize(("scales", "smooth"), [((1.0, 1.0), False), ((3.0, 3.0), True)])
def test_scales_are_pixels_of_the_photo_a_pixel(photos: Path, scales: tuple[float, float], smooth: bool) -> None:
    """Noise loses contrast where pixels are averaged."""
    items = items_of(photos, data={"scales": scales, "size": 32})
    contrast = np.mean([items.item(i, NOTHING).truth.std() for i in range(6)])
    assert (contrast < 45) if smooth else (contrast > 60)


def test_a_photo_smaller_than_the_crop_is_enlarged(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), np.full((9, 40, 3), 7, np.uint8))
    assert (items_of(tmp_path).item(0, NOTHING).truth == 7).all()


def test_a_damaged_photo_is_replaced_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for i in range(5):
        (tmp_path / f"bad{i}.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "good.png"), np.full((40, 40, 3), 7, np.uint8))
    items = [items_of(tmp_path).item(i, NOTHING) for i in range(8)]
    assert all((item.truth == 7).all() for item in items)
    assert "cannot be read as a photo" in caplog.text


def test_only_damaged_photos_end_the_training(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"bad\.png"):
        items_of(tmp_path).item(0, NOTHING)


def test_held_out_photos_are_not_trained_on(photos: Path) -> None:
    train, held = split_photos(settings_of(photos, validation={"holdout": 3}))
    assert [p.stem for p in held] == ["0", "3"] and [p.stem for p in train] == ["1", "2", "4", "5"]


def test_photos_to_validate_on_are_not_trained_on_by_whatever_path(photos: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((40, 40, 3), np.uint8))
    both = {"photos": [str(photos), str(tmp_path)]}
    detour = str(photos / "sub" / ".." / "sub")
    train, held = split_photos(settings_of(photos, data=both, validation={"photos": [detour]}))
    assert [p.name for p in train] == ["other.png"] and len(held) == 6
    with pytest.raises(SettingsError, match=r"validation\.photos: every photo .* nothing is left to train on"):
        split_photos(settings_of(photos, validation={"photos": [detour]}))


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_folder_without_photos_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match=rf"data\.photos: there are no photos in .*{folder}"):
        find_photos([str(tmp_path / folder)], "data.photos")


@pytest.mark.parametrize("name", ["patchmatch", "telea", "navier-stokes"])
def test_a_prefill_is_the_fill_s_own_work(photos: Path, name: str) -> None:
    items = items_of(photos, network={"prefill": name}, data={"flip": False})
    item = items.item(0, build_prefill(items, None))
    hidden = np.where(item.hole[..., None] != 0, np.uint8(0), item.truth)
    expected = build_fill(InpaintSettings.model_validate({"fill": name}), {}).fill(hidden, item.hole)
    assert np.array_equal(item.given[item.hole != 0], expected[item.hole != 0])
    assert np.array_equal(item.given[item.hole == 0], item.truth[item.hole == 0])
    assert not np.array_equal(item.given, item.truth)


def test_prefills_of_pairs_are_computed_once(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = items_of(photos, network={"prefill": "telea"}, data={"pairs": 3})
    fresh = [items.item(i, build_prefill(items, None)) for i in range(6)]
    first = [items.item(i, build_prefill(items, tmp_path)) for i in range(6)]
    assert len(list(tmp_path.rglob("*.png"))) == 3
    kept = build_prefill(items, tmp_path)
    monkeypatch.setattr(type(kept.fill), "fill", None)  # would fail if it were called
    assert same(fresh, first) and same(first, [items.item(i, kept) for i in range(6)])


@pytest.mark.parametrize("damaged", [b"", b"no picture"])
def test_a_damaged_kept_prefill_is_made_again(photos: Path, tmp_path: Path, damaged: bytes) -> None:
    items = items_of(photos, network={"prefill": "telea"}, data={"pairs": 2, "flip": False})
    prefill = build_prefill(items, tmp_path)
    first = [items.item(i, prefill) for i in range(2)]
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    for path in kept:
        path.write_bytes(damaged)
    assert same(first, [items.item(i, prefill) for i in range(2)])
    assert {path: path.read_bytes() for path in kept} == kept


def test_other_pairs_have_another_place(photos: Path, tmp_path: Path) -> None:
    variants = [
        {"network": {"prefill": "telea"}},
        {"network": {"prefill": "navier-stokes"}},
        {"network": {"prefill": "telea"}, "holes": {"box": 1.0}},
        {"network": {"prefill": "telea"}, "run": {"seed": 2}},
    ]
    folders = set()
    for variant in variants:
        items = items_of(photos, **variant, data={"pairs": 3})  # type: ignore[arg-type]
        folders.add(build_prefill(items, tmp_path).folder)
    assert len(folders) == 4
    assert build_prefill(items_of(photos, network={"prefill": "telea"}), tmp_path).folder is None  # endless pairs


@pytest.mark.slow
def test_pairs_are_prepared_by_processes_and_only_what_is_missing(photos: Path, tmp_path: Path) -> None:
    items = items_of(photos, network={"prefill": "telea"}, data={"pairs": 6})
    items.item(0, build_prefill(items, tmp_path))
    assert list(prepare(items, tmp_path, 2)) == [1, 2, 3, 4, 5, 6]
    assert list(prepare(items, tmp_path, 2)) == [6]
    next(tmp_path.rglob("*.png")).write_bytes(b"")
    assert list(prepare(items, tmp_path, 2)) == [5, 6]
    kept = {path.name: path.read_bytes() for path in tmp_path.rglob("*.png")}
    for index in range(6):
        items.item(index, build_prefill(items, tmp_path / "again"))
    assert kept == {path.name: path.read_bytes() for path in (tmp_path / "again").rglob("*.png")}
