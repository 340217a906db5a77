"""Known pixels stay as they are, byte for byte; patches keep the rest, losslessly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.types import Patch
from inpainting import compose, pack, unpack
from inpainting.compositing import blend, cut_patches, match_colours, paste, rim_weights
from inpainting.windows import hole_groups


@st.composite
def photos(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Image, fill, hole, feather."""
    shape = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    image, fill = rng.integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    hole = np.where(rng.random(shape) < draw(st.sampled_from([0, 0.1, 0.5, 0.9, 1])), 255, 0).astype(np.uint8)
    return image, fill, hole, draw(st.integers(0, 6))


def test_the_rim_rises_over_feather_pixels() -> None:
    hole = np.array([[0, 255, 255, 255, 255, 255]], np.uint8)
    assert rim_weights(hole, 0).tolist() == [[0, 1, 1, 1, 1, 1]]
    assert rim_weights(hole, 3).tolist() == [[0, 0.25, 0.5, 0.75, 1, 1]]  # the photo's border is no rim


@pytest.mark.parametrize("tile", [512, 3])
@given(case=photos())
def test_only_the_rim_is_mixed_and_that_equals_mixing_everything(
    tile: int, case: tuple[np.ndarray, np.ndarray, np.ndarray, int]
) -> None:
    image, fill, hole, feather = case
    mixed = np.rint(image + (fill.astype(np.float32) - image) * rim_weights(hole, feather)[..., None])
    plain = np.where(hole[..., None] != 0, np.clip(mixed, 0, 255).astype(np.uint8), image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inpainting.compositing._TILE", tile)
        np.testing.assert_array_equal(blend(image, fill, hole, feather), plain)


def test_a_hole_without_known_pixels_has_no_rim() -> None:
    assert rim_weights(np.full((3, 3), 255, np.uint8), 2).tolist() == np.ones((3, 3)).tolist()


@given(photos())
@settings(max_examples=150, deadline=None)
def test_known_pixels_are_the_originals_always(case: tuple[np.ndarray, np.ndarray, np.ndarray, int]) -> None:
    image, fill, hole, feather = case
    mixed = blend(image, fill, hole, feather)
    patches = cut_patches(mixed, hole, [group.box for group in hole_groups(hole)[1]])
    out = compose(image, hole, unpack(pack(patches)))
    assert np.array_equal(out[hole == 0], image[hole == 0])
    assert np.array_equal(out, mixed)
    for patch in patches:  # nothing but the fill is kept
        h, w = patch.pixels.shape[:2]
        assert not patch.pixels[hole[patch.y : patch.y + h, patch.x : patch.x + w] == 0].any()


@given(photos())
@settings(max_examples=50, deadline=None)
def test_beyond_the_rim_nothing_of_the_original_is_left(
    case: tuple[np.ndarray, np.ndarray, np.ndarray, int],
) -> None:
    image, fill, hole, feather = case
    deep = rim_weights(hole, feather) == 1
    assert np.array_equal(blend(image, fill, hole, feather)[deep], fill[deep])


def shifted(by: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grainy photo, the same with its hole's content `by` levels brighter, and the hole."""
    image = np.random.default_rng(0).integers(80, 120, (90, 90, 3), np.uint8)
    hole = np.zeros((90, 90), np.uint8)
    hole[30:60, 20:70] = 255
    return image, np.where(hole[..., None] > 0, image + np.uint8(by), image), hole


@pytest.mark.parametrize(("share", "left"), [(0, 30), (0.5, 15), (1, 0)])
def test_harmony_takes_its_share_of_a_wrong_colour_out_and_leaves_the_texture(share: float, left: int) -> None:
    image, filled, hole = shifted(30)
    matched = match_colours(image, filled, hole, hole == 0, share)
    off = (matched.astype(int) - image)[hole > 0]
    assert abs(off.mean() - left) < 1.5 and off.std() < 2.5
    assert image[hole > 0].std() > 10


def test_harmony_leaves_a_right_colour_and_looks_at_known_pixels_only() -> None:
    image, filled, hole = shifted(0)
    person = np.zeros((90, 90), bool)
    person[:30] = True
    image[person] = (255, 0, 255)  # next to the hole, and not to be matched
    matched = match_colours(image, filled, hole, (hole == 0) & ~person, 1)
    assert abs((matched.astype(int) - filled)[hole > 0].mean()) < 1.5
    nothing = np.zeros((90, 90), bool)
    assert match_colours(image, filled, hole, nothing, 1) is filled


@pytest.mark.parametrize("kind", [np.bool_, np.uint8])
def test_pixels_are_pasted_in_place_onto_a_part(kind: type) -> None:
    onto = np.zeros((3, 4, 3), np.uint8)
    paste(np.full((2, 2, 3), 7, np.uint8), np.array([[1, 0], [1, 1]], kind), onto[1:, 2:])
    assert onto[..., 0].tolist() == [[0, 0, 0, 0], [0, 0, 7, 0], [0, 0, 7, 7]]


def test_pixels_of_another_shape_are_not_pasted() -> None:
    with pytest.raises(ValueError, match="cannot be pasted"):
        paste(np.zeros((2, 2, 3), np.uint8), np.ones((2, 2), np.uint8), np.zeros((3, 2, 3), np.uint8))


def test_patches_whose_boxes_overlap() -> None:
    hole = np.full((5, 5), 255, np.uint8)
    hole[1:4, 1:4] = 0
    hole[2, 2] = 255  # a speck inside a ring
    image, fill = np.full((5, 5, 3), 9, np.uint8), np.full((5, 5, 3), 200, np.uint8)
    patches = cut_patches(blend(image, fill, hole, 0), hole, [group.box for group in hole_groups(hole)[1]])
    assert [(p.x, p.y, p.pixels.shape) for p in patches] == [(0, 0, (5, 5, 3)), (2, 2, (1, 1, 3))]
    assert (compose(image, hole, patches)[..., 0] == np.where(hole, 200, 9)).all()


def test_compose_leaves_its_input_alone() -> None:
    image, hole = np.zeros((2, 2, 3), np.uint8), np.full((2, 2), 255, np.uint8)
    compose(image, hole, [Patch(0, 0, np.ones((2, 2, 3), np.uint8))])
    assert not image.any()


@pytest.mark.parametrize(
    ("patches", "sentence"),
    [
        ([Patch(1, 1, np.ones((2, 2, 3), np.uint8))], "leaves the photo"),
        ([Patch(-1, 0, np.ones((2, 2, 3), np.uint8))], "leaves the photo"),
        ([], "4 pixels of the hole are in no patch"),
    ],
)
def test_patches_of_another_photo(patches: list[Patch], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        compose(np.zeros((2, 2, 3), np.uint8), np.full((2, 2), 255, np.uint8), patches)


def some_patches(seed: int = 0) -> list[Patch]:
    rng = np.random.default_rng(seed)
    shapes = [(1, 1), (7, 3), (40, 60), (1, 200)]
    return [Patch(5 * i, i, rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for i, s in enumerate(shapes)]


def test_pack_and_back() -> None:
    patches = some_patches() * 4
    back = unpack(pack(patches))
    assert [(p.x, p.y) for p in back] == [(p.x, p.y) for p in patches]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(patches, back, strict=True))


def test_no_patches() -> None:
    assert unpack(pack([])) == []


def test_the_same_patches_give_the_same_bytes() -> None:
    assert len({pack(some_patches()) for _ in range(5)}) == 1
    assert pack(some_patches(0)) != pack(some_patches(1))


def test_pack_is_compact_where_the_hole_is_not() -> None:
    pixels = np.zeros((500, 500, 3), np.uint8)
    pixels[100:110, 100:110] = np.random.default_rng(0).integers(0, 256, (10, 10, 3))
    assert len(pack([Patch(0, 0, pixels)])) < 6000


@pytest.mark.parametrize("keep", [0, 4, 30, 0.5, -1])
def test_truncated_bytes(keep: float) -> None:
    data = pack(some_patches())
    cut = int(len(data) * keep) if 0 < keep < 1 else int(keep)
    with pytest.raises(ValueError, match="damaged"):
        unpack(data[:cut])


@pytest.mark.parametrize("data", [b"no such thing", b"\x89PNG" * 50])
def test_bytes_of_something_else(data: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(data)
