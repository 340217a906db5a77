"""What a network made up is found and filled again, smooth fills get texture, very large holes another fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import InpaintSettings
from configs.fills import FILLS, FillMethod
from data.types import Hole, Pixels
from inpainting import build_fill, patchmatch, settings_for
from inpainting.invention import invented, invented_share
from inpainting.mending import MendedFill
from inpainting.metrics import fine_detail
from inpainting.texture import add_texture

SETTINGS = InpaintSettings(fill="migan", device="cpu")


def lawn(side: int = 200) -> tuple[Pixels, Hole]:
    """Noisy green, and a hole in its middle."""
    rng = np.random.default_rng(1)
    image = np.clip(rng.normal((60, 120, 50), 12, (side, side, 3)), 0, 255).astype(np.uint8)
    hole = np.zeros((side, side), np.uint8)
    hole[70:140, 60:150] = 255
    return image, hole


def with_bag(image: Pixels) -> Pixels:
    """The same with a red thing in the hole, which nothing around is like."""
    out = image.copy()
    out[90:120, 90:125] = (220, 30, 40)
    return out


@dataclass(frozen=True)
class Painter:
    """Fills with a given picture, as a network would."""

    picture: Pixels

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        return self.picture


@dataclass
class Asked:
    """A fill that notes the sizes of the windows that it is given."""

    shapes: list[tuple[int, ...]]

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        self.shapes.append(hole.shape)
        return image


def test_a_repair_can_be_made_on_a_smaller_picture() -> None:
    image, hole = lawn()
    asked = Asked([])
    MendedFill(Painter(with_bag(image)), asked, SETTINGS, window=64).guide(image, hole)
    MendedFill(Painter(with_bag(image)), asked, SETTINGS).guide(image, hole)
    assert max(asked.shapes[0]) == 64 and max(asked.shapes[1]) > 64


def test_what_is_like_nothing_around_is_found() -> None:
    image, hole = lawn()
    found = invented(with_bag(image), hole)
    bag = np.zeros_like(hole)
    bag[90:120, 90:125] = 255
    assert (found[bag > 0] > 0).mean() > 0.95
    assert np.count_nonzero(found) < 2.2 * np.count_nonzero(bag)
    assert not found[hole == 0].any()
    assert not invented(image, hole).any()
    assert invented_share(with_bag(image), hole) == np.count_nonzero(found) / np.count_nonzero(hole)


def test_the_same_thing_beside_the_hole_makes_it_likely() -> None:
    image, hole = lawn()
    alone = invented_share(with_bag(image), hole)
    image[20:50, 60:95] = (220, 30, 40)
    assert invented_share(with_bag(image), hole) < 0.4 * alone


def test_only_what_was_made_up_is_filled_again() -> None:
    image, hole = lawn()
    painted = with_bag(image)
    settings = SETTINGS.model_copy(update={"texture": False})
    mended = MendedFill(Painter(painted), patchmatch.build(settings, {}), settings).fill(image, hole)
    found = invented(painted, hole)
    assert np.array_equal(mended[found == 0], painted[found == 0])
    assert np.abs(mended[100:110, 100:110].astype(float) - (60, 120, 50)).mean() < 30
    assert not invented(mended, hole).any()


def test_off_is_the_bare_fill() -> None:
    image, hole = lawn()
    settings = SETTINGS.model_copy(update={"texture": False, "repair": False})
    painted = with_bag(image)
    assert np.array_equal(MendedFill(Painter(painted), Painter(image), settings).fill(image, hole), painted)


def test_a_smooth_fill_gets_the_detail_of_its_surroundings() -> None:
    image, hole = lawn()
    smooth = image.copy()
    smooth[hole > 0] = (60, 120, 50)
    smooth[hole > 0] += np.random.default_rng(2).integers(0, 3, (np.count_nonzero(hole), 3)).astype(np.uint8)
    textured = add_texture(smooth, hole)
    around = fine_detail(image, np.where(hole == 0, np.uint8(255), np.uint8(0)))
    assert fine_detail(smooth, hole) < 0.2 * around
    assert 0.5 * around < fine_detail(textured, hole) < 1.2 * around
    assert np.array_equal(textured[hole == 0], image[hole == 0])
    assert np.abs(textured.astype(float)[hole > 0].mean(axis=0) - (61, 121, 51)).max() < 3


def test_nothing_is_borrowed_from_others() -> None:
    image, hole = lawn()
    smooth = image.copy()
    smooth[hole > 0] = (60, 120, 50)
    exclude = np.where(hole == 0, np.uint8(255), np.uint8(0))
    assert np.array_equal(add_texture(smooth, hole, exclude), smooth)
    assert not invented(with_bag(image), hole, exclude).any()


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    box=st.tuples(*[st.floats(0, 1)] * 4),
    seed=st.integers(0, 5),
)
def test_any_window_and_any_hole(height: int, width: int, box: tuple[float, float, float, float], seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    hole = np.zeros((height, width), np.uint8)
    (top, bottom), (left, right) = (sorted(box[i : i + 2]) for i in (0, 2))
    hole[int(top * height) : int(bottom * height) + 1, int(left * width) : int(right * width) + 1] = 255
    found, textured = invented(image, hole), add_texture(image, hole)
    assert set(np.unique(found)) <= {0, 255}
    assert not found[hole == 0].any()
    assert textured.dtype == np.uint8
    assert np.array_equal(textured[hole == 0], image[hole == 0])


def test_whole_and_switched_off_are_the_bare_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILLS, "migan", FillMethod(module="row_fill", label="toy", neural=True, learned=True))
    bare = {"repair": False, "texture": False}
    assert isinstance(build_fill(SETTINGS, {}), MendedFill)
    assert not isinstance(build_fill(SETTINGS.model_copy(update={"strategy": "whole"}), {}), MendedFill)
    assert not isinstance(build_fill(SETTINGS.model_copy(update=bare), {}), MendedFill)
    assert not isinstance(build_fill(InpaintSettings(fill="telea"), {}), MendedFill)


@pytest.mark.parametrize(("rows", "fill"), [(45, "migan"), (46, "patchmatch"), (100, "patchmatch")])
def test_a_very_large_hole_is_no_work_for_a_network(rows: int, fill: str) -> None:
    hole = np.zeros((100, 50), np.uint8)
    hole[:rows] = 255
    able, note = settings_for(SETTINGS, hole)
    assert able.fill == fill
    assert (note is None) == (fill == "migan")
    assert settings_for(InpaintSettings(fill="telea"), hole) == (InpaintSettings(fill="telea"), None)
