"""DeepFillv2 behind the pipeline's fill protocol."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from mmagic_weights import mmagic_weights
from safetensors.torch import save_file

from configs import InpaintSettings
from data.types import Weight
from inpainting import build_fill
from inpainting.deepfillv2 import CheckpointError, load_generator
from inpainting.deepfillv2.fill import build

GOLDEN = Path(__file__).parent / "golden" / "deepfillv2_pt.npz"
CPU = InpaintSettings.model_validate({"device": "cpu", "deepfillv2": {"weights": "places2"}})


@pytest.fixture(scope="module")
def weight(tmp_path_factory: pytest.TempPathFactory) -> Weight:
    path = tmp_path_factory.mktemp("weights") / "places2.safetensors"
    with np.load(GOLDEN) as file:
        save_file({k[2:]: torch.from_numpy(file[k]) for k in file.files if k.startswith("G/")}, path)
    return Weight("places2", path, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (61, 90, 3), np.uint8)


@pytest.fixture(scope="module")
def hole() -> np.ndarray:
    mask = np.zeros((61, 90), np.uint8)
    mask[20:61, 30:55] = 255
    return mask


def test_it_is_the_network_rounded(weight: Weight, photo: np.ndarray, hole: np.ndarray) -> None:
    filled = build(CPU, {"places2": weight}).fill(photo, hole)
    x = torch.from_numpy(photo).permute(2, 0, 1)[None] / 255 * 2 - 1
    with torch.inference_mode():
        _, refined = load_generator(weight.path)(x, torch.from_numpy(hole)[None, None] / 255)
    expected = (refined[0].permute(1, 2, 0).numpy().astype(np.float64) + 1) / 2 * 255
    inside = hole == 255
    assert filled.dtype == np.uint8 and filled.shape == photo.shape
    assert np.abs(filled[inside] - expected[inside]).max() <= 0.5 + 1e-2
    assert expected[inside].std() > 20  # of order one: the comparison means something


def test_mmagic_sees_blue_first_and_tiny_photos_whole(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    hole = np.zeros((40, 50), np.uint8)
    hole[10:25, 20:40] = 255
    save_file(mmagic_weights(12), tmp_path / "mmagic.safetensors")
    filled = build(CPU, {"places2": Weight("places2", tmp_path / "mmagic.safetensors", "0" * 64)}).fill(photo, hole)
    x = torch.from_numpy(photo[..., ::-1].copy()).permute(2, 0, 1)[None] / 255 * 2 - 1
    with torch.inference_mode():
        _, refined = load_generator(mmagic_weights(12))(x, torch.from_numpy(hole)[None, None] / 255)
    expected = (refined[0].permute(1, 2, 0).numpy()[..., ::-1].astype(np.float64) + 1) / 2 * 255
    assert np.abs(filled[hole == 255] - expected[hole == 255]).max() <= 0.5 + 1e-2
    assert np.array_equal(filled[hole == 0], photo[hole == 0])


def test_known_pixels_are_the_photo(weight: Weight, photo: np.ndarray, hole: np.ndarray) -> None:
    kept = photo.copy(), hole.copy()
    filled = build(CPU, {"places2": weight}).fill(photo, hole)
    assert np.array_equal(filled[hole == 0], photo[hole == 0])
    assert np.array_equal(photo, kept[0]) and np.array_equal(hole, kept[1])


def test_all_levels_survive_the_way_through_floats() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal((((levels.float() / 127.5 - 1) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8), levels)


def test_other_people_are_never_read(weight: Weight, photo: np.ndarray, hole: np.ndarray) -> None:
    fill = build(CPU, {"places2": weight})
    other = np.zeros_like(hole)
    other[5:40, 60:85] = 255
    changed = np.where(other[..., None] > 0, 255 - photo, photo)
    assert np.array_equal(fill.fill(photo, hole, other)[hole > 0], fill.fill(changed, hole, other)[hole > 0])
    assert not np.array_equal(fill.fill(photo, hole)[hole > 0], fill.fill(changed, hole)[hole > 0])
    assert np.array_equal(fill.fill(photo, hole, other)[hole == 0], photo[hole == 0])


def test_the_person_is_never_read(weight: Weight, photo: np.ndarray, hole: np.ndarray) -> None:
    fill = build(CPU, {"places2": weight})
    changed = np.where(hole[..., None] > 0, 255 - photo, photo)
    assert np.array_equal(fill.fill(photo, hole), fill.fill(changed, hole))


@pytest.mark.parametrize(("value", "is_hole"), [(0, False), (127, False), (128, True), (255, True)])
def test_threshold(weight: Weight, photo: np.ndarray, hole: np.ndarray, value: int, is_hole: bool) -> None:
    filled = build(CPU, {"places2": weight}).fill(photo, np.where(hole > 0, np.uint8(value), np.uint8(0)))
    assert np.array_equal(filled, photo) is not is_hole


def test_views_and_read_only_arrays(weight: Weight, photo: np.ndarray, hole: np.ndarray) -> None:
    fill = build(CPU, {"places2": weight})
    flipped = photo[:, ::-1]
    flipped.flags.writeable = False
    assert np.array_equal(fill.fill(flipped, hole), fill.fill(np.ascontiguousarray(flipped), hole))


def test_threads_share_one_fill(weight: Weight, photo: np.ndarray, hole: np.ndarray) -> None:
    fill = build(CPU, {"places2": weight})
    photos = [np.roll(photo, i, axis=0) for i in range(6)]
    alone = [fill.fill(p, hole) for p in photos]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda p: fill.fill(p, hole), photos))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_fusion_and_memory_are_settings(weight: Weight, photo: np.ndarray, hole: np.ndarray) -> None:
    def filled(**changes: object) -> np.ndarray:
        fill = build(CPU.with_own("deepfillv2", **changes), {"places2": weight}).fill(photo, hole)
        return fill.astype(int)

    auto = filled()
    assert np.array_equal(filled(attention_fusion="on"), auto)  # the weights are of the pt layout
    assert np.abs(filled(attention_fusion="off") - auto).max() > 1
    assert np.abs(filled(attention_memory=1) - auto).max() <= 1


def test_bad_weights_name_their_file(tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(CheckpointError, match=r"page\.pth"):
        build(CPU, {"places2": Weight("places2", tmp_path / "page.pth", "0" * 64)})


@pytest.mark.parametrize("prefill", ["patchmatch", "telea", "navier-stokes"])
def test_a_refiner_gets_the_hole_filled_by_what_its_metadata_name(
    prefill: str, weight: Weight, photo: np.ndarray, hole: np.ndarray, tmp_path: Path
) -> None:
    """With output layers of zeros a refiner changes nothing, so that its fill is the pre-fill's own."""
    with np.load(GOLDEN) as file:
        state = {k[2:]: torch.from_numpy(file[k]) for k in file.files if k.startswith("G/")}
    for key in state:
        if "conv_to_rgb" in key:
            state[key] = torch.zeros_like(state[key])
    save_file(state, tmp_path / "w.safetensors", metadata={"prefill": prefill})
    torch.save({"G": state, "metadata": {"prefill": prefill}}, tmp_path / "w.pth")
    save_file(state, tmp_path / "zeros.safetensors")
    before = build_fill(CPU.model_copy(update={"fill": prefill}), {}).fill(photo, hole)
    for name in ("w.safetensors", "w.pth"):
        refined = build(CPU, {"places2": Weight("places2", tmp_path / name, "0" * 64)}).fill(photo, hole)
        assert np.array_equal(refined[hole > 0], before[hole > 0])
        assert np.array_equal(refined[hole == 0], photo[hole == 0])
    zeros = build(CPU, {"places2": Weight("places2", tmp_path / "zeros.safetensors", "0" * 64)}).fill(photo, hole)
    assert (zeros[hole > 0] == 128).all()


def test_a_refiner_adds_its_output_to_the_prefill_and_reads_no_one(
    weight: Weight, photo: np.ndarray, hole: np.ndarray, tmp_path: Path
) -> None:
    with np.load(GOLDEN) as file:
        state = {k[2:]: torch.from_numpy(file[k]) for k in file.files if k.startswith("G/")}
    save_file(state, tmp_path / "w.safetensors", metadata={"prefill": "telea"})
    refiner = build(CPU, {"places2": Weight("places2", tmp_path / "w.safetensors", "0" * 64)})
    filled = refiner.fill(photo, hole)
    before = build_fill(CPU.model_copy(update={"fill": "telea"}), {}).fill(photo, hole)
    assert np.abs(filled[hole > 0].astype(int) - before[hole > 0]).mean() > 10
    other = np.zeros_like(hole)
    other[5:40, 60:85] = 255
    hidden = np.maximum(hole, other)[..., None] > 0
    assert np.array_equal(
        refiner.fill(photo, hole, other)[hole > 0],
        refiner.fill(np.where(hidden, 255 - photo, photo), hole, other)[hole > 0],
    )


def test_an_unknown_prefill_is_named(weight: Weight, tmp_path: Path) -> None:
    with np.load(GOLDEN) as file:
        state = {k[2:]: torch.from_numpy(file[k]) for k in file.files if k.startswith("G/")}
    save_file(state, tmp_path / "w.safetensors", metadata={"prefill": "magic"})
    with pytest.raises(CheckpointError, match=r"w\.safetensors .*'magic'"):
        build(CPU, {"places2": Weight("places2", tmp_path / "w.safetensors", "0" * 64)})
