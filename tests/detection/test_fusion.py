"""The regression that makes one probability of what `embedded` knows of a place."""

from collections import defaultdict

import numpy as np
import pytest

from data.geometry import Box
from detection.crops import SIDE
from detection.fusion import Fusion, at_crop, features, fitted, places
from detection.yolo_network import Cues

BOX = (20.0, 40.0, 40.0, 80.0)
SQUARE = Box.at(0, 30, 60, 60)


def maps(pose: float = 0.5, selfie: float = 0.5) -> dict[str, object]:
    full = np.ones((SIDE, SIDE), np.float32)
    return dict(features(full * pose, full * selfie, BOX, 0.5, SQUARE))


def test_the_coefficients_that_come_with_the_program_fit_the_features() -> None:
    for fusion, known in ((fitted().large, maps()), (fitted().small, places(BOX, 0.5, SQUARE))):
        assert set(fusion.features) == set(known)
        assert fusion.cues.shape == (70,)  # two for each of the head's three levels, 64 features
        assert all(np.isfinite(v) for v in [fusion.bias, *fusion.features.values(), *fusion.cues])


def test_more_of_a_person_in_the_networks_is_more_of_a_person() -> None:
    cues = Cues(np.zeros((70, 4, 4), np.float32), 0, 0, 32)

    def odds(pose: float, selfie: float) -> float:
        large = fitted().large
        at_middle = large.logits(maps(pose, selfie), large.weighed(cues), SQUARE)[SIDE // 2, SIDE // 2]  # type: ignore[arg-type]
        return float(at_middle)

    assert odds(0.1, 0.1) < odds(0.9, 0.1) < odds(0.9, 0.9) and odds(0.1, 0.1) < odds(0.1, 0.9)


def test_the_detector_alone_finds_small_people_where_it_looks_like_one() -> None:
    maps = np.zeros((70, 4, 4), np.float32)
    maps[:6] = -5
    nobody = Cues(maps, 0, 0, 32)
    somebody = Cues(maps + 7 * (np.arange(70) % 2 < 1)[:, None, None] * (np.arange(70) < 6)[:, None, None], 0, 0, 32)
    small = fitted().small

    def odds(cues: Cues) -> float:
        return float(small.logits(places(BOX, 0.5, SQUARE), small.weighed(cues), SQUARE)[SIDE // 2, SIDE // 2])

    assert odds(nobody) < odds(somebody)


def test_places_are_relative_to_the_box() -> None:
    of = maps()
    middle, edge = SIDE // 2, round((BOX[2] - SQUARE.left) / SQUARE.width * SIDE)
    x2, outside = np.asarray(of["x2"]), np.asarray(of["outside the box"])
    assert x2[middle, middle] < 0.001 and x2[middle, edge] == pytest.approx(1, abs=0.05)
    assert outside[middle, edge + 2] == 1 and outside[middle, edge - 2] == 0


def test_a_sum_of_maps_numbers_and_cues() -> None:
    cues = Cues(np.stack([np.full((2, 2), 3, np.float32), np.full((2, 2), 5, np.float32)]), 0, 0, 50)
    fusion = Fusion(1.0, defaultdict(float, score=7.0, aspect=2.0), np.array([10, 0.1], np.float32))
    weighed = fusion.weighed(cues)
    assert fusion.logits(maps(), weighed, SQUARE) == pytest.approx(1 + 0 + 2 * np.log(2) + 30 + 0.5)  # type: ignore[arg-type]


def test_a_detectors_map_lies_where_the_photo_shows_it() -> None:
    # Cells of 8 pixels whose middles are at 3.5, 11.5, ...; the value of a cell is the x of its middle.
    x = np.arange(20, dtype=np.float32) * 8 + 3.5
    cues = Cues(np.broadcast_to(x, (1, 20, 20)).copy(), 3.5, 3.5, 8)
    seen = at_crop(cues.maps[0], cues, SQUARE)
    pixels = (np.arange(SIDE) + 0.5) / SIDE * SQUARE.width + SQUARE.left - 0.5
    inside = pixels >= 3.5  # before the first middle the border goes on
    np.testing.assert_allclose(seen[5][inside], pixels[inside], atol=0.2)
