"""The shift map: candidate shifts, the graph cut, seams, light, and full size."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from inpainting.shift_map.blending import composite_and_correction
from inpainting.shift_map.fill import Options, ShiftMapFill, contrast, label_costs, shift_map
from inpainting.shift_map.labels import Labelling, box_of, moved
from inpainting.shift_map.level import Level
from inpainting.shift_map.seams import aligned, cut_again
from inpainting.shift_map.shifts import candidate_shifts, worth_trying


def grain(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Blotches of about three pixels, every place unlike every other."""
    rng = np.random.default_rng(seed)
    blotches = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 1.5)
    return np.clip(128 + blotches * 180, 0, 255).astype(np.uint8)


def rectangle(shape: tuple[int, int], top: int, left: int, bottom: int, right: int) -> np.ndarray:
    out = np.zeros(shape, bool)
    out[top:bottom, left:right] = True
    return out


def test_the_shifts_of_a_pattern_are_its_periods() -> None:
    tile = grain(30, 40)
    image = np.tile(tile, (4, 4, 1))
    hole = rectangle(image.shape[:2], 45, 60, 75, 90)
    shifts = candidate_shifts(image, hole, ~hole, 20, 5)
    assert len(shifts) and (0, 0) not in {tuple(s) for s in shifts.tolist()}
    on_the_grid = [dy % 30 == 0 and dx % 40 == 0 for dy, dx in shifts.tolist()]
    assert np.mean(on_the_grid) > 0.8


@pytest.mark.parametrize("known", [np.zeros((20, 20), bool), rectangle((20, 20), 0, 0, 5, 20)])
def test_no_whole_patch_is_known(known: np.ndarray) -> None:
    assert candidate_shifts(grain(20, 20), ~known, known, 10, 5).shape == (0, 2)


def test_few_labels_are_tried_that_together_suit_every_pixel() -> None:
    costs = np.array(
        [
            [9, 9, 9, 9, 9, 9],  # the guide's own pixels
            [1, 1, 1, 9, 9, 9],
            [2, 2, 2, 9, 9, np.inf],  # no better anywhere than the one before
            [9, 9, 9, 3, 9, np.inf],
            [np.inf, 9, 9, 4, 4, np.inf],
            [10, 10, 10, 10, 10, 10],
        ],
        np.float32,
    )
    assert worth_trying(costs, 1).tolist() == [0]
    assert worth_trying(costs, 3).tolist() == [0, 1, 4]
    assert worth_trying(costs, 99).tolist() == [0, 1, 3, 4]


def energy(graph: Labelling, labels: np.ndarray, costs: np.ndarray) -> float:
    """Of a labelling, by its definition, pixel by pixel."""
    views = [moved(graph.feat, graph.box, *map(int, shift)) for shift in graph.shifts]
    total = sum(float(costs[labels[y, x], y, x]) for y, x in zip(*np.nonzero(graph.hole), strict=True))
    height, width = labels.shape
    for y, x, down, right in itertools.product(range(height), range(width), (0, 1), (0, 1)):
        v, u = y + down, x + right
        if down + right != 1 or v >= height or u >= width or not (graph.hole[y, x] or graph.hole[v, u]):
            continue
        one, two = views[labels[y, x]], views[labels[v, u]]
        total += float(np.linalg.norm(one[:, y, x] - two[:, y, x]) + np.linalg.norm(one[:, v, u] - two[:, v, u]))
    return total


@given(st.integers(0, 10**6))
@hypothesis_settings(max_examples=15, deadline=None)
def test_an_expansion_is_the_best_there_is(seed: int) -> None:
    """Against all 2 ** 9 choices of the pixels that take the label."""
    rng = np.random.default_rng(seed)
    feat = rng.random((2, 9, 9), np.float32)
    hole = rectangle((9, 9), 3, 3, 6, 6)
    shifts = np.array([(0, 0), (-3, 0), (3, 1), (0, -3)], np.int32)
    labels = np.where(hole, rng.integers(0, 3, (9, 9)), 0)
    graph = Labelling(feat, hole, ~hole, shifts, labels)
    costs = (rng.random((4, 5, 5)) * rng.choice([0.3, 3.0])).astype(np.float32)
    costs[3][rng.random((5, 5)) < 0.2] = np.inf
    before = graph.labels.copy()
    best = np.inf
    for chosen in itertools.product((False, True), repeat=9):
        taking = np.zeros((5, 5), bool)
        taking[1:4, 1:4] = np.reshape(chosen, (3, 3))
        best = min(best, energy(graph, np.where(taking, 3, before), costs))
    present = np.take_along_axis(costs, before[None], axis=0)[0]
    graph.expand(3, costs[3] - present)
    assert energy(graph, graph.labels, costs) == pytest.approx(best, abs=0.01)
    fresh = Labelling(feat, hole, ~hole, shifts, cv2.copyMakeBorder(graph.labels.astype(np.int32), 2, 2, 2, 2, 0))
    for kept, made in zip(graph.edges, fresh.edges, strict=True):  # what it keeps from step to step is still true
        assert np.allclose(kept.now, made.now, atol=1e-5)


def test_pieces_are_aligned_to_the_pixel() -> None:
    image = np.tile(grain(30, 40), (4, 4, 1))
    hole = rectangle(image.shape[:2], 45, 60, 75, 90)
    box = box_of(hole)
    found = aligned(image, hole, ~hole, hole[box].astype(np.intp), box, np.array([(0, 0), (31, -2)], np.int32), 3)
    assert found.tolist() == [[0, 0], [30, 0]]


@pytest.mark.parametrize("by", [0, 3])
def test_where_a_label_is_only_spares_the_search(by: int) -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)
    hole = np.zeros((40, 60), bool)
    hole[5:25, 5:35] = True
    labels = np.zeros((40, 60), np.int16)
    labels[5:25, 5:20], labels[8:12, 20:35], labels[12:25, 20:35] = 1, 2, 4
    box, shifts = (slice(0, 40), slice(2, 60)), np.array([(0, 0), (12, 25), (10, 20), (0, 25), (13, 24)], np.int32)
    near = {n: (slice(max(0, 5 - by), 25 + by), slice(3 - by, 40)) for n in (1, 2, 4)}
    whole = aligned(image, hole, ~hole, labels[box], box, shifts, 2)
    np.testing.assert_array_equal(aligned(image, hole, ~hole, labels[box], box, shifts, 2, near), whole)
    assert (whole[[1, 2, 4]] != shifts[[1, 2, 4]]).any() and (whole[3] == shifts[3]).all()


def test_a_pixel_without_a_source_takes_another_piece() -> None:
    image = np.tile(grain(30, 40), (4, 4, 1))
    hole = rectangle(image.shape[:2], 45, 60, 75, 90)
    known = ~hole & ~rectangle(image.shape[:2], 75, 0, 120, 160)  # nothing below
    shifts = np.array([(0, 0), (30, 0), (-30, 0)], np.int32)
    labels = hole.astype(np.intp)
    labels[45:75, 60:65] = 2
    out = cut_again(image, hole, known, labels, shifts, 2)
    assert (out[hole] == 2).mean() > 0.9 and not (out[hole] == 1).any() and (out[~hole] == 0).all()


def test_a_step_in_light_is_evened_out_and_texture_kept() -> None:
    image = np.tile(grain(30, 40) // 2 + 60, (4, 4, 1))
    truth = image.copy()
    image[:, 100:] += 20  # the source lies in the light
    hole = rectangle(image.shape[:2], 40, 40, 70, 70)
    labels, shifts = hole.astype(np.intp), np.array([(0, 0), (0, 80)], np.int32)
    pieces, correction, box = composite_and_correction(image, hole, ~hole, labels, shifts)
    before = np.abs(pieces * 255 - truth[box])[hole[box]].mean()
    after = np.abs((pieces + correction) * 255 - truth[box])[hole[box]].mean()
    assert before == pytest.approx(20, abs=0.5) and after < 6
    assert not correction[~hole[box]].any()


def test_the_photo_at_full_size_is_as_sharp_as_its_surroundings() -> None:
    image = np.tile(grain(75, 100), (6, 6, 1))
    hole = rectangle(image.shape[:2], 150, 200, 300, 330)
    guide = cv2.resize(image, (150, 112), interpolation=cv2.INTER_AREA)
    shown = np.where(hole[..., None], np.uint8(0), image)
    out = shift_map(shown, hole, ~hole, guide, Options(middle_long=300))
    assert np.array_equal(out[~hole], image[~hole])
    sharp = [np.abs(cv2.Laplacian(x, cv2.CV_32F)[hole]).mean() for x in (out, image)]
    assert sharp[0] > 0.9 * sharp[1]
    assert np.abs(out[hole].astype(int) - image[hole]).mean() < 8


class Asked:
    """A guide that says what it was given."""

    def fill(self, image: np.ndarray, hole: np.ndarray, exclude: np.ndarray | None = None) -> np.ndarray:
        self.image, self.hole, self.exclude = image, hole, exclude
        return np.where(hole[..., None] > 0, np.uint8(90), image)


def test_neither_guide_nor_pieces_see_those_who_leave_or_stay() -> None:
    image, hole, stays = grain(120, 200), np.zeros((120, 200), np.uint8), np.zeros((120, 200), np.uint8)
    image[..., 1] //= 2
    hole[30:90, 60:100] = stays[20:100, 100:140] = 255
    image[hole > 0], image[stays > 0] = (255, 0, 255), (0, 255, 0)
    guide = Asked()
    out = ShiftMapFill(guide, 100).fill(image, hole, stays)
    assert guide.image.shape == (60, 100, 3) and guide.exclude is not None
    assert not guide.image[(guide.hole | guide.exclude) > 0].any()
    assert out[hole > 0][:, 1].max() < 160 and not (out[hole > 0] == (255, 0, 255)).all(axis=1).any()


def test_a_small_hole_has_a_guide_of_its_own_that_sees_its_window_alone() -> None:
    image, hole = grain(200, 480), np.zeros((200, 480), np.uint8)
    hole[90:110, 30:50] = hole[60:130, 350:420] = 255
    network, second = Asked(), Asked()
    filled = ShiftMapFill(network, 768, second=second).fill(image, hole)
    assert network.image.shape[:2] == hole.shape
    assert not network.hole[:, :200].any() and network.hole[60:130, 350:420].all()
    assert network.exclude is not None and network.exclude[90:110, 30:50].all()
    assert second.image.shape[:2] == (84, 82)
    assert np.count_nonzero(second.hole) == 400 and second.exclude is None
    assert (filled[hole == 0] == image[hole == 0]).all() and not (filled[hole != 0] == 0).all(axis=-1).any()


def test_letters_of_the_same_colours_do_not_belong_on_a_plain_wall() -> None:
    image = np.full((40, 60, 3), 128, np.uint8)
    image[:, 40:, :] = (np.indices((40, 20)).sum(0) % 2 * 80 + 88)[..., None]  # as grey as the wall, in the mean
    hole = rectangle((40, 60), 10, 15, 20, 25)
    level = Level(image, hole, ~hole)
    shifts = np.array([(0, 0), (0, -12), (0, 27)], np.int32)
    costs = label_costs(level, shifts, Options(near=0, data=0))
    assert contrast(image)[20, 10] == 0 and contrast(image)[20, 50] == pytest.approx(40 / 255, rel=0.01)
    assert costs[1, 5, 5] == 0 and costs[2, 5, 5] == pytest.approx(4 * (40 / 255 - 0.015), rel=0.02)


def test_where_no_piece_fits_the_guide_stays() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    hole = np.full((40, 40), 255, np.uint8)
    hole[:3] = 0  # not one whole patch is known
    out = ShiftMapFill(Asked(), 100).fill(image, hole)
    assert np.abs(out[hole > 0].astype(int) - 90).max() <= 1


@pytest.mark.parametrize(("paints", "other", "expected"), [(128, 110, 120), (140, 110, 110), (142, 142, 142)])
def test_the_second_guide_is_followed_where_pieces_fit_it_alone(paints: int, other: int, expected: int) -> None:
    image, hole = np.full((120, 160, 3), 120, np.uint8), rectangle((120, 160), 30, 50, 90, 110)
    image[:, :40] = 110
    guide, second = (np.where(hole[..., None], np.uint8(grey), image) for grey in (paints, other))
    out = shift_map(image, hole, ~hole, guide, Options(), lambda: second)  # at the first, a piece costs 0.11, 0.27, 0.3
    assert out[55:65, 75:85].mean() == pytest.approx(expected, abs=4)


def test_box_and_what_lies_beyond_the_window() -> None:
    hole = rectangle((6, 8), 0, 5, 2, 8)
    box = box_of(hole)
    assert box == (slice(0, 3), slice(4, 9))
    numbers = np.arange(48).reshape(6, 8)
    assert moved(numbers, box, 0, 0).tolist() == numbers[0:3, 4:8].tolist()
    assert moved(numbers, box, -1, 3).tolist() == [[0, 0, 0, 0], [7, 0, 0, 0], [15, 0, 0, 0]]
    assert not moved(numbers, box, 90, -90).any()


def test_people_far_apart_share_a_guide_and_are_cut_apart() -> None:
    image, hole = grain(100, 600), np.zeros((100, 600), np.uint8)
    hole[40:60, 40:60] = hole[40:60, 540:560] = 255
    image[hole > 0] = (255, 0, 255)
    image[:, 250:350] = (0, 255, 0)  # what neither has around it
    guide = Asked()
    out = ShiftMapFill(guide, 300).fill(image, hole)
    assert guide.hole.shape == (50, 300) and np.count_nonzero(guide.hole[:, 150:]) == np.count_nonzero(guide.hole) / 2
    alone = ShiftMapFill(Asked(), 300).fill(image, np.where(np.arange(600) < 300, hole, np.uint8(0)))
    assert np.abs(out[40:60, 40:60].astype(int) - alone[40:60, 40:60]).mean() < 1
    assert not (out[hole > 0] == (0, 255, 0)).all(axis=1).any()
