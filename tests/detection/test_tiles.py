"""Large photos are seen whole and in tiles, and everybody comes out once."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import SegmentSettings
from data.geometry import Box
from data.types import Instance, People, Photo
from detection.tiles import Tiled, TiledDetector, tile_side, views
from detection.yolo_network import Cues, Found

SEES = 64
"""Side at which the network of these tests sees an image."""


class SeesSomeSizes:
    """A network that sees an image at `SEES` pixels, and there only bright people of 6 pixels or more."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [self._people(photo) for photo in photos]

    def find(self, images: Sequence[Any], score: float, image_size: int) -> list[Found]:
        passes = self.segment([Photo("id", "a", pixels) for pixels in images])
        boxes = [[(x, y, x + w, y + h) for x, y, w, h in (p.bbox for p in one_pass.persons)] for one_pass in passes]
        return [Found(np.array(b, float).reshape(-1, 4), np.full(len(b), 0.5), None) for b in boxes]

    def _people(self, photo: Photo) -> People:
        self.sizes.append(photo.size)
        scale = min(1.0, SEES / max(photo.size))
        count, labels, stats, _ = cv2.connectedComponentsWithStats((photo.pixels[..., 0] > 0).astype(np.uint8))
        seen = [i for i in range(1, count) if scale * max(stats[i, 2:4]) >= 6]
        return People(photo.size, tuple(Instance.from_mask(labels == i, 0.5, "fake") for i in seen))


def crowd(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (300, 400)) -> Photo:
    pixels = np.zeros((*size, 3), np.uint8)
    for x, y, w, h in boxes:
        pixels[y : y + h, x : x + w] = 255
    return Photo("id", "a.jpg", pixels)


SMALL = [(10, 10, 8, 12), (120, 40, 10, 10), (380, 280, 9, 15), (200, 150, 12, 20)]
BIG = (240, 60, 90, 200)


def test_a_network_that_misses_small_people_sees_them_in_tiles() -> None:
    photo, network = crowd(*SMALL, BIG), SeesSomeSizes()
    (alone,), (found,) = network.segment([photo]), Tiled(network, SEES, 0.2).segment([photo])
    assert len(alone) == 1
    assert sorted(p.bbox for p in found.persons) == sorted([*SMALL, BIG])
    np.testing.assert_array_equal(found.union(), photo.pixels[..., 0] > 0)


def test_who_lies_across_tile_borders_comes_out_whole_and_once() -> None:
    every = [(x, y, 9, 9) for x in range(3, 380, 37) for y in range(3, 280, 41)]
    photo = crowd(*every)
    (found,) = Tiled(SeesSomeSizes(), SEES, 0.2).segment([photo])
    assert sorted(p.bbox for p in found.persons) == sorted(every)
    assert Tiled(SeesSomeSizes(), SEES, 0.2).segment([photo])[0] == found


def test_who_is_larger_than_a_tile_is_put_together_from_pieces() -> None:
    photo = crowd((40, 20, 90, 10), size=(300, 1200))  # 5 pixels in the whole look: not seen there
    (found,) = Tiled(SeesSomeSizes(), SEES, 0.4).segment([photo])
    assert [p.bbox for p in found.persons] == [(40.0, 20.0, 90.0, 10.0)]


def test_boxes_in_tiles() -> None:
    photo, network = crowd(*SMALL, BIG), SeesSomeSizes()
    (found,) = TiledDetector(network, SEES, 0.2).find([photo.pixels], 0.1, SEES)
    assert found.masks is None and len(found.scores) == 5
    corners = sorted((x, y, x + w, y + h) for x, y, w, h in [*SMALL, BIG])
    assert sorted(map(tuple, found.boxes.tolist())) == corners


def test_boxes_keep_the_cues_of_the_tile_that_they_are_from() -> None:
    class WithCues(SeesSomeSizes):
        def find(self, images: Sequence[Any], score: float, image_size: int) -> list[Found]:
            found = super().find(images, score, image_size)
            cues = Cues(np.zeros((1, 2, 2), np.float32), 3.5, 3.5, 8)
            return [replace(one, cues=(cues,) * len(one.scores)) for one in found]

    photo = crowd((120, 40, 10, 10))
    (found,) = TiledDetector(WithCues(), SEES, 0.2).find([photo.pixels], 0.1, SEES)
    assert found.cues is not None and len(found.cues) == 1
    (cues,) = found.cues
    assert (cues.x0 - 3.5, cues.y0 - 3.5) in {(w.left, w.top) for w in views((300, 400), SEES, 0.2)}
    assert 0 <= 120 - cues.x0 < SEES


def test_of_a_person_larger_than_a_tile_the_look_that_saw_all_of_them_gives_the_cues() -> None:
    """A tile may be surer of the part that it sees, but what it knows ends at its border."""

    class Sees:
        def find(self, images: Sequence[Any], score: float, image_size: int) -> list[Found]:
            return [self.whole() if image.shape[1] == 400 else self.tile(image) for image in images]

        def whole(self) -> Found:
            return self.found((5.0, 10.0, 60.0, 290.0), 0.4, step=32)

        def tile(self, image: Any) -> Found:
            return self.found((5.0, 10.0, 60.0, float(image.shape[0])), 0.9, step=8)

        def found(self, box: tuple[float, float, float, float], score: float, step: int) -> Found:
            cues = Cues(np.zeros((1, 2, 2), np.float32), 3.5, 3.5, step)
            return Found(np.array([box]), np.array([score]), None, cues=(cues,))

    (found,) = TiledDetector(Sees(), SEES, 0.2).find([np.zeros((300, 400, 3), np.uint8)], 0.1, SEES)
    assert found.cues is not None
    of_the_left_one = found.cues[int(np.argmin(found.boxes[:, 0]))]
    assert of_the_left_one.step == 32 and found.scores.max() == 0.9


def test_small_photos_pass_through_together() -> None:
    network = SeesSomeSizes()
    photos = [crowd((5, 5, 20, 20), size=(60, 96)), crowd(size=(64, 64))]
    assert [len(people) for people in Tiled(network, SEES, 0.2).segment(photos)] == [1, 0]
    assert network.sizes == [(60, 96), (64, 64)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((60, 96), [Box.at(0, 0, 96, 60)]),  # one and a half tiles: not worth it
        ((60, 97), [Box.at(0, 0, 97, 60), Box.at(0, 0, 64, 60), Box.at(33, 0, 64, 60)]),
        ((100, 64), [Box.at(0, 0, 64, 100), Box.at(0, 0, 64, 64), Box.at(0, 36, 64, 64)]),
    ],
)
def test_the_views_of_a_photo(size: tuple[int, int], expected: list[Box]) -> None:
    assert views(size, 64, 0.2) == expected


@given(st.integers(1, 900), st.integers(1, 900), st.integers(64, 300), st.floats(0, 0.5))
def test_tiles_cover_the_photo_and_overlap(height: int, width: int, side: int, overlap: float) -> None:
    whole, *tiles = views((height, width), side, overlap)
    assert whole == Box.at(0, 0, width, height)
    seen = np.zeros((height, width), bool)
    for t in tiles:
        assert whole.covers(t)
        seen[t.slices] = True
    assert seen.all() or not tiles
    for starts in (sorted({t.left for t in tiles}), sorted({t.top for t in tiles})):
        assert all(b - a <= side * (1 - overlap) + 1 for a, b in pairwise(starts))


@pytest.mark.parametrize(("tile", "side"), [("auto", 640), ("none", 0), (512, 512)])
def test_the_setting(tile: Any, side: int) -> None:
    assert tile_side(SegmentSettings(tile=tile), sees=640) == side
