"""Photo + hole -> patches, with every fill that needs no weights."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from configs import InpaintSettings, SettingsError
from data.types import PhotoError
from inpainting import FILLS, build_fill, compose, inpaint, pack
from inpainting.filling import MOST_HOLE
from inpainting.patchmatch import known_beside

WEIGHTLESS = [name for name, method in FILLS.items() if not (method.takes_file or method.files)]


def photo(height: int = 120, width: int = 160, seed: int = 0) -> np.ndarray:
    """Stripes and grain, values 40 to 200."""
    rng = np.random.default_rng(seed)
    stripes = 120 + 50 * np.sin(np.arange(width) / 5)[None, :, None] + rng.integers(-20, 20, (height, width, 3))
    return np.clip(stripes + np.array([10, 0, -10]), 40, 200).astype(np.uint8)


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return np.where((yy - y) ** 2 + (xx - x) ** 2 <= radius**2, 255, 0).astype(np.uint8)


def removed(image: np.ndarray, hole: np.ndarray, **chosen: object) -> np.ndarray:
    own = {name: chosen.pop(name) for name in ("seed", "guide") if name in chosen}
    settings = InpaintSettings.model_validate({"fill": "patchmatch", "patchmatch": own, **chosen})
    return compose(image, hole, inpaint(image, hole, build_fill(settings, {}), settings))


def test_registry() -> None:
    assert {"patchmatch", "shift-map", "telea", "navier-stokes"} <= set(WEIGHTLESS)
    assert InpaintSettings(fill="deepfillv2").with_weights("celebahq").required_weights() == ["celebahq"]
    for name in WEIGHTLESS:
        assert InpaintSettings(fill=name).required_weights() == []


def test_patchmatch_without_its_library_is_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchmatch.patchmatch_available", False)
    with pytest.raises(SettingsError, match="without its native library"):
        build_fill(InpaintSettings(fill="patchmatch"), {})


def test_importing_the_room_brings_no_network_library() -> None:
    code = "import sys, inpainting; print([m for m in ('torch', 'cv2', 'patchmatch', 'prefect') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("fill", WEIGHTLESS)
@pytest.mark.parametrize("strategy", ["windows", "whole"])
@pytest.mark.parametrize("window", [64, 512])
def test_people_leave_nothing_behind(fill: str, strategy: str, window: int) -> None:
    hole = disc((120, 160), 60, 50, 25) | disc((120, 160), 50, 120, 12)
    a, b = photo(), photo()
    a[hole != 0] = (255, 0, 255)
    b[hole != 0] = np.random.default_rng(1).integers(0, 256, (np.count_nonzero(hole), 3))
    one, two = (removed(x, hole, fill=fill, strategy=strategy, window=window, feather=0) for x in (a, b))
    assert np.array_equal(one, two)  # whatever stood there
    assert np.array_equal(one[hole == 0], a[hole == 0])
    inside = one[hole != 0].astype(int)
    assert (np.abs(np.median(inside, axis=0) - np.median(photo()[hole != 0], axis=0)) < 25).all()


def test_the_feather_shows_the_original_at_the_rim_only() -> None:
    hole = disc((120, 160), 60, 80, 30)
    image = photo()
    image[disc((120, 160), 60, 80, 26) != 0] = (255, 0, 255)
    a, b = removed(image, hole, feather=0), removed(image, hole, feather=3)
    deep = disc((120, 160), 60, 80, 26) != 0
    assert np.array_equal(a[deep], b[deep])
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("fill", WEIGHTLESS)
@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ((2, 1), (0, 0, 1, 1)),
        ((1, 9), (4, 0, 5, 1)),
        ((8, 8), (3, 3, 4, 4)),
        ((8, 8), (0, 0, 8, 7)),
        ((60, 60), (59, 59, 60, 60)),
        ((60, 60), (0, 0, 20, 60)),
        ((60, 60), (0, 0, 60, 50)),
        ((3, 900), (200, 0, 320, 3)),
        ((900, 5), (0, 400, 5, 460)),
    ],
)
def test_borders_and_tiny_photos(fill: str, shape: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    image = photo(*shape)
    hole = np.zeros(shape, np.uint8)
    hole[box[1] : box[3], box[0] : box[2]] = 255
    image[hole != 0] = 255
    out = removed(image, hole, fill=fill, feather=0, window=64)
    assert np.array_equal(out[hole == 0], image[hole == 0])
    known = image[hole == 0]
    # Detail may overshoot a little; black or white blotches are no fill.
    assert out[hole != 0].min() >= int(known.min()) - 40
    assert out[hole != 0].max() <= int(known.max()) + 40


@pytest.mark.parametrize("shape", [(1, 1), (40, 30)])
def test_nothing_left_to_fill_from(shape: tuple[int, int]) -> None:
    with pytest.raises(PhotoError, match="the hole covers 100% of the photo, nothing is left") as caught:
        removed(photo(*shape), np.full(shape, 255, np.uint8))
    assert caught.value.state == "refused"


def test_an_empty_hole_has_no_patches() -> None:
    settings = InpaintSettings(fill="patchmatch")
    assert inpaint(photo(), np.zeros((120, 160), np.uint8), build_fill(settings, {}), settings) == []


@pytest.mark.parametrize(
    ("image", "hole", "sentence"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), "image must be uint8 H x W x 3"),
        (np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), "image must be uint8 H x W x 3, found float64"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8), r"hole must be uint8 \(4, 4\)"),
        (np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.uint8), "0 and 255 only, found 1"),
    ],
)
def test_arrays_of_another_kind(image: np.ndarray, hole: np.ndarray, sentence: str) -> None:
    settings = InpaintSettings(fill="patchmatch")
    with pytest.raises(ValueError, match=sentence):
        inpaint(image, hole, build_fill(settings, {}), settings)


@pytest.mark.parametrize("fill", WEIGHTLESS)
@pytest.mark.parametrize("window", [64, 512])
def test_a_gray_photo_stays_gray(fill: str, window: int) -> None:
    image = photo()[..., :1].repeat(3, axis=2)
    out = removed(image, disc((120, 160), 60, 80, 30), fill=fill, window=window)
    assert (out == out[..., :1]).all()


def test_other_people_are_no_sources() -> None:
    # Two people in one window that are filled apart: neither may be built from the other.
    image, hole = photo(400, 400), np.zeros((400, 400), np.uint8)
    hole[100:200, 40:80] = hole[230:330, 150:190] = 255
    image[hole != 0] = (0, 255, 0)
    out = removed(image, hole, margin=0.6, feather=0)
    assert not ((out[..., 1].astype(int) - out[..., 0]) > 100).any()


def _digest(fill: str) -> str:
    settings = InpaintSettings.model_validate({"fill": fill, "window": 96})
    hole = disc((120, 160), 60, 50, 25) | disc((120, 160), 50, 120, 12)
    return hashlib.sha256(pack(inpaint(photo(), hole, build_fill(settings, {}), settings))).hexdigest()


@pytest.mark.parametrize("fill", WEIGHTLESS)
def test_the_same_bytes_on_every_call_and_in_every_process(fill: str) -> None:
    here = _digest(fill)
    _digest("patchmatch")  # whatever ran in between
    assert _digest(fill) == here
    script = f"import runpy; print(runpy.run_path({str(Path(__file__).resolve())!r})['_digest']({fill!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here


def test_the_seed_of_patchmatch_is_a_setting() -> None:
    hole = disc((120, 160), 60, 80, 30)
    assert not np.array_equal(removed(photo(), hole, seed=0), removed(photo(), hole, seed=1))


def test_threads_do_not_disturb_each_other() -> None:
    from concurrent.futures import ThreadPoolExecutor

    hole = disc((120, 160), 60, 80, 30)
    alone = [removed(photo(seed=n), hole, seed=n) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: removed(photo(seed=n), hole, seed=n), range(4)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@given(st.data())
@hypothesis_settings(max_examples=40, deadline=None)
def test_any_photo_and_any_hole(data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    rng = np.random.default_rng(data.draw(st.integers(0, 9999)))
    image = rng.integers(40, 200, (height, width, 3), dtype=np.uint8)
    hole = np.where(rng.random((height, width)) < data.draw(st.sampled_from([0.02, 0.3, 0.8])), 255, 0).astype(np.uint8)
    hole[rng.integers(height) :, rng.integers(width) :] = 255
    if (hole != 0).mean() > MOST_HOLE:
        return
    fill = data.draw(st.sampled_from(WEIGHTLESS))
    image[hole != 0] = (255, 0, 255)
    out = removed(image, hole, fill=fill, feather=0, window=64, margin=data.draw(st.sampled_from([0.05, 1.0])))
    assert np.array_equal(out[hole == 0], image[hole == 0])
    assert not ((out == (255, 0, 255)).all(axis=2) & (hole != 0)).any()


@pytest.mark.parametrize(
    ("guide", "hole", "told"),
    [
        ("none", disc((96, 96), 48, 48, 14), []),
        ("rows", disc((96, 96), 48, 48, 14), [(1 / 192, 0)]),
        ("near", disc((96, 96), 48, 48, 14), [(1 / 192, 0.3 / 192)]),
        ("rows", disc((96, 96), 48, 48, 30) | disc((96, 96), 48, 20, 30), []),  # next to nothing beside it
    ],
)
def test_guides_tell_the_library_where_every_pixel_is(
    guide: str, hole: np.ndarray, told: list[tuple[float, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import patchmatch

    heard = []
    original = patchmatch.inpaint_regularity

    def spy(image: np.ndarray, hole: np.ndarray, places: np.ndarray, **chosen: object) -> np.ndarray:
        down, right = places[1, 0] - places[0, 0], places[0, 1] - places[0, 0]
        assert places.max() <= 0.5 and down[1] == right[0] == 0  # farther apart, and the circle closes
        heard.append((float(down[0]), float(right[1])))
        return np.asarray(original(image, hole, places, **chosen))

    monkeypatch.setattr("patchmatch.inpaint_regularity", spy)
    removed(photo(96, 96), hole, guide=guide, strategy="whole")
    assert np.allclose(heard, told, atol=1e-6) and len(heard) == len(told)


@pytest.mark.parametrize(
    ("hole", "unknown", "share"),
    [
        (["####", "...."], ["####", "...."], 0.0),
        (["##..", "...."], ["##..", "####"], 0.5),  # other rows do not count
        (["#...", "...."], ["##..", "...."], 0.5),  # other people do
        (["###.", "#..."], ["###.", "#..."], 0.375),  # (3 x 1 + 1 x 3) / 4 pixels of the hole, of 4 in a row
    ],
)
def test_known_beside(hole: list[str], unknown: list[str], share: float) -> None:
    def mask(rows: list[str]) -> np.ndarray:
        return np.array([[255 if c == "#" else 0 for c in row] for row in rows], np.uint8)

    assert known_beside(mask(hole), mask(unknown)) == share


@pytest.mark.parametrize("fill", WEIGHTLESS)
@pytest.mark.parametrize(("strip", "refused"), [(2, True), (6, False)])
def test_a_strip_that_shrinking_leaves_nothing_of(fill: str, strip: int, refused: bool) -> None:
    image, hole = np.full((150, 400, 3), 128, np.uint8), np.full((150, 400), 255, np.uint8)
    hole[:, :strip] = 0
    image[:, strip:] = (255, 0, 255)
    if refused:
        with pytest.raises(PhotoError, match="surroundings at 96 x 36 pixels, nothing is left") as caught:
            removed(image, hole, fill=fill, window=96)
        assert caught.value.state == "refused"
    else:
        out = removed(image, hole, fill=fill, window=96, feather=0)
        assert np.abs(out.astype(int) - 128).max() <= 60


def test_a_window_grows_beyond_people_who_stay() -> None:
    image, hole = np.full((200, 400, 3), 128, np.uint8), np.zeros((200, 400), np.uint8)
    hole[90:110, 40:60] = 255
    stays = np.where(hole == 0, np.uint8(255), np.uint8(0))
    stays[:, 200:] = 0
    image[:, :200] = (0, 255, 0)
    settings = InpaintSettings(fill="patchmatch")
    out = compose(image, hole, inpaint(image, hole, build_fill(settings, {}), settings, stays))
    assert np.abs(out[hole > 0].astype(int) - 128).max() <= 2


@pytest.mark.parametrize("fill", WEIGHTLESS)
def test_enlarging_draws_nothing_dark_along_people_who_stay(fill: str) -> None:
    image, hole = np.full((512, 1024, 3), 128, np.uint8), np.zeros((512, 1024), np.uint8)
    hole[100:400, 300:600] = 255
    stays = np.zeros_like(hole)
    stays[100:400, 600:700] = 255
    image[hole > 0], image[stays > 0] = (255, 0, 255), (0, 255, 0)
    settings = InpaintSettings.model_validate({"fill": fill, "window": 256, "feather": 0})
    out = compose(image, hole, inpaint(image, hole, build_fill(settings, {}), settings, stays))
    assert np.abs(out[hole > 0].astype(int) - 128).max() <= 1


def test_nothing_is_blended_where_the_hole_has_no_ring() -> None:
    """Somebody magenta leaves with a ring of 4 pixels, which somebody who stays cuts off on the right."""
    image, hole, stays = photo(), np.zeros((120, 160), np.uint8), np.zeros((120, 160), np.uint8)
    hole[36:84, 46:80] = stays[30:90, 80:110] = 255
    image[40:80, 50:80] = (255, 0, 255)
    settings = InpaintSettings(fill="patchmatch", feather=3, harmony=0)
    fill = build_fill(settings, {})
    plain = inpaint(image, hole, fill, settings.model_copy(update={"feather": 0}), stays)
    a, b = compose(image, hole, plain), compose(image, hole, inpaint(image, hole, fill, settings, stays))
    assert np.array_equal(a[40:80, 50:80], b[40:80, 50:80])
    assert not np.array_equal(a[36:84, 46:50], b[36:84, 46:50])
