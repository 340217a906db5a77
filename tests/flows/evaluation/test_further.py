"""The distance of a detector's features, with the detector that the embedded segmenter takes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from fill_cases import case

from data.types import Pixels
from data.weights.files import MissingWeightsError
from flows.evaluation.fills import Measure, measure
from flows.evaluation.further import yolo_features


@pytest.fixture(scope="module")
def distance() -> Measure:
    try:
        return yolo_features()
    except MissingWeightsError as error:
        pytest.skip(str(error))


def blurred(pixels: Pixels, hole: Pixels, sigma: float) -> Pixels:
    soft = cv2.GaussianBlur(pixels, (0, 0), sigma)
    return np.where((hole != 0)[..., None], soft, pixels)


def test_the_truth_is_0_and_more_blur_is_farther(distance: Measure) -> None:
    one = case()
    far = [distance(blurred(one.truth, one.hole, sigma), one) for sigma in (0.5, 1, 3)]
    assert distance(one.truth, one) == 0 < far[0] < far[1] < far[2] < 4
    assert distance(one.image, one) > 0.1


def test_only_the_surroundings_of_the_hole_count(distance: Measure) -> None:
    one = case()
    wide = np.full((400, 400, 3), 90, np.uint8)
    hole = np.zeros((400, 400), np.uint8)
    hole[20:60, 20:50] = 255
    large = replace(one, truth=wide, image=wide, hole=hole)
    changed = wide.copy()
    changed[300:] = 0
    assert distance(changed, large) == 0
    changed[30:40, 30:40] = 0
    assert distance(changed, large) > 0


def test_a_made_up_thing_is_a_share_of_the_hole() -> None:
    wide = np.full((256, 256, 3), 90, np.uint8)
    wide[::8] = 110
    hole = np.zeros((256, 256), np.uint8)
    hole[60:200, 80:180] = 255
    one = replace(case(), truth=wide, image=wide, hole=hole)
    filled = wide.copy()
    filled[100:150, 100:150] = (250, 20, 20)
    assert measure(wide, one)["invented"] == 0
    assert 100 * 2500 / 14000 < measure(filled, one)["invented"] < 40
