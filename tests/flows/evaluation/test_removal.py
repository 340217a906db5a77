"""What is left of people, on literal pictures: P and Q are annotated people, C a crowd."""

from __future__ import annotations

import numpy as np
import pytest
from literal_masks import mask

from data.types import Instance, People, as_hole
from flows.evaluation.persons import SIZES
from flows.evaluation.removal import FIGURES, SCORES, measure

TRUTH = "PPPP.... PPPP.... PPPP.... PPPP.... ......QQ ......QQ CC...... CC......"
NOTHING = "........ " * 8


def people(text: str, scores: dict[str, float] | None = None) -> People:
    persons = [
        Instance.from_mask(mask(text, c), (scores or {}).get(c, 1.0), "yolo", c == "C")
        for c in sorted(set(text) - set(". "))
    ]
    return People(mask(text).shape, tuple(persons))


def hole(text: str) -> np.ndarray:
    return as_hole(mask(text))


@pytest.mark.parametrize(
    ("removed", "residual", "left"),
    [
        (NOTHING, 24, 2),
        ("####.... ####.... ####.... ####.... ......## ......## ##...... ##......", 0, 0),
        ("####.... ####.... ####.... ####.... ......## ......## ........ ........", 4, 0),  # a crowd is no person
        ("####.... ####.... ####.... ####.... ......## ......#. ##...... ##......", 1, 1),  # a quarter of Q
        ("####.... ####.... ####.... #....... ......## ......## ##...... ##......", 3, 0),  # 3 of 16 of P: below 0.2
    ],
)
def test_what_is_left_of_the_annotated_people(removed: str, residual: int, left: int) -> None:
    parts = measure(people(TRUTH), hole(removed))
    assert parts["residual"] == (residual, 24)
    assert parts["left"] == parts["left_small"] == (left, 2)
    assert parts["left_large"] == (0, 0)
    assert not [name for name in parts if "@" in name]  # nobody looked


def test_a_person_is_left_from_exactly_a_fifth_on() -> None:
    assert measure(people("PPPPP"), hole("####."))["left"] == (1, 1)
    assert measure(people("PPPPPP"), hole("#####."))["left"] == (0, 1)


def test_sizes_are_those_of_coco() -> None:
    sizes = (31, 32, 95, 96)
    masks = [np.zeros((200, 200), bool) for _ in sizes]
    for side, one in zip(sizes, masks, strict=True):
        one[:side, :side] = True
    truth = People((200, 200), tuple(Instance.from_mask(one, 1, "annotations") for one in masks))
    parts = measure(truth, np.zeros((200, 200), np.uint8))
    assert [parts[f"left_{size}"] for size in ("small", "medium", "large")] == [(1, 1), (2, 2), (1, 1)]


def test_detections_in_the_hole_and_elsewhere_are_told_apart_at_every_score() -> None:
    removed = hole("####.... ####.... ####.... ####.... ........ ........ ##...... ##......")  # Q was missed
    # A in the fill, B half in it and so not mostly, Q itself, D a shadow of a doubt
    found = people(
        "AA..BB.. AA..BB.. ...BB... ........ ......QQ ......QQ ........ DD......",
        {"A": 0.45, "B": 0.3, "Q": 0.9, "D": 0.2},
    )
    parts = measure(people(TRUTH), removed, found)
    counts = {score: [parts[f"{name}@{score}"][0] for name in ("in_hole", "elsewhere", "again")] for score in SCORES}
    assert counts == {0.15: [2, 2, 1], 0.25: [1, 2, 1], 0.4: [1, 1, 1], 0.5: [0, 1, 1]}
    assert parts["in_hole@0.25"][1] == 2  # two holes
    assert parts["in_hole_person@0.25"][1] == parts["elsewhere@0.25"][1] == parts["again@0.25"][1] == 2  # two persons


def test_what_the_segmenter_sees_in_the_original() -> None:
    half = people("PPPP.... PPPP.... PPPP.... ........ ......QQ ........ ........ ........", {"Q": 0.2})
    parts = measure(people(TRUTH), hole(NOTHING), People((8, 8)), half)
    assert parts["before@0.15"] == parts["before@0.5"] == (1, 2)  # P is mostly covered; Q just half
    assert parts["again@0.15"] == (0, 2) and parts["in_hole@0.15"] == (0, 0)


def test_every_figure_says_what_it_is() -> None:
    parts = measure(people(TRUTH), hole(TRUTH), people(TRUTH), people(TRUTH))
    said = {name.rpartition("_")[0] if name.rpartition("_")[2] in SIZES else name for name in parts}
    assert {name.split("@")[0] for name in said} <= set(FIGURES)
