"""How well found people and their hole cover the annotated people of a photo.

The figures (`FIGURES` says what each is) are ratios of sums, so that photos add up; `measure` gives one photo's parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import RefineSettings
from data.types import Hole, People, Pixels
from flows.evaluation.estimates import Estimate, Parts, estimate
from flows.evaluation.persons import Mask, by_size, each_person, is_left
from flows.evaluation.sheet import marked
from flows.evaluation.words import Figure
from masks import refine

COVERED = 0.5
"""A person is covered from this share of its pixels inside the masks on."""
BAND = 2
"""Pixels on each side of a person's outline in which a rim shows: outlines drawn by hand are about that exact."""

FIGURES = {
    "mean_iou": Figure("higher", "0 to 1", "intersection over union of a photo's people, found and annotated; mean"),
    "precision": Figure("higher", "0 to 1", "share of the found pixels that are people; mean over photos"),
    "recall": Figure("higher", "0 to 1", "share of people's pixels that were found; mean over photos"),
    "covered": Figure("higher", "0 to 1", "persons at least half covered by what was found / persons"),
    "inside": Figure("higher", "0 to 1", "people's pixels inside the hole, crowds included / people's pixels"),
    "area": Figure("lower", "times", "hole area / people's area: what is given up"),
    "left": Figure("lower", "0 to 1", "persons with a fifth or more of their pixels outside the hole / persons"),
    "rim": Figure(
        "lower", "0 to 1", f"of covered persons: share of the {BAND} px around their outline outside the hole"
    ),
    "ghost": Figure("lower", "0 to 1", "pixels beside the hole that look like the person in it, not the background"),
    "changed": Figure("lower", "0 to 1", "pixels outside the holes that a run changed / pixels outside the holes"),
    "seconds": Figure("lower", "s", "seconds a photo for finding people"),
}


@dataclass(frozen=True)
class Case:
    """One photo with what is known and what was found. truth, found: at the photo's full size."""

    name: str
    pixels: Pixels
    truth: People
    found: People
    seconds: float | None = None


def measure(case: Case, hole: Hole) -> dict[str, tuple[float, float]]:
    """The photo's part of every figure but `changed`. hole: uint8 H x W, 255 = removed."""
    inside = hole > 0
    truth, found = case.truth.union(), case.found.union()
    both, people = np.count_nonzero(truth & found), np.count_nonzero(truth)
    parts: dict[str, tuple[float, float]] = {}
    if people:
        parts["mean_iou"] = both / np.count_nonzero(truth | found), 1.0
        parts["recall"] = both / people, 1.0
    if found.any():
        parts["precision"] = both / np.count_nonzero(found), 1.0
    parts["inside"] = float(np.count_nonzero(truth & inside)), float(people)
    parts["area"] = float(np.count_nonzero(inside)), float(people)
    parts |= _persons(case.truth, found, inside)
    parts["ghost"] = ghost(case.pixels, truth, inside)
    if case.seconds is not None:
        parts["seconds"] = case.seconds, 1.0
    return parts


def _persons(truth: People, found: Mask, inside: Mask) -> dict[str, tuple[float, float]]:
    """What persons, not crowds, add: covered, left (each also by size) and rim."""
    persons = list(each_person(truth))
    sizes = [size for size, _ in persons]
    covered = [np.count_nonzero(mask & found) >= COVERED * np.count_nonzero(mask) for _, mask in persons]
    left = [is_left(mask, inside) for _, mask in persons]
    bands = [_band(mask) for (_, mask), is_covered in zip(persons, covered, strict=True) if is_covered]
    rim = sum(np.count_nonzero(band & ~inside) for band in bands), sum(map(np.count_nonzero, bands))
    return {
        **by_size("covered", covered, sizes),
        **by_size("left", left, sizes),
        "rim": (float(rim[0]), float(rim[1])),
    }


def _band(mask: Mask) -> Mask:
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND + 1, 2 * BAND + 1))
    grown, core = cv2.dilate(mask.view(np.uint8), element), cv2.erode(mask.view(np.uint8), element)
    return np.asarray(grown != core)


def ghost(pixels: Pixels, truth: Mask, inside: Mask) -> tuple[float, float]:
    """How much of what lies just outside the hole still looks like the people in it: pixels that do, and all judged.

    A pixel within 2 px of the hole is a ghost when its colour is much nearer to that of the people around it than to
    that of the background around it (means over squares of a seventh of the people's size, at least 15 px), where those
    two differ by 30 grey levels or more. The background is what lies 8 px or more off both people and hole. This sees
    what annotated outlines cannot say: how far people reach beyond them. A few per cent are background that happens to
    look like people, so compare figures, and look at how they fall as the hole grows.
    """
    people = truth & inside
    if not people.any():
        return 0.0, 0.0
    image = pixels.astype(np.float32)
    side = max(15, round(math.sqrt(np.count_nonzero(people)) / 7)) | 1
    known = cv2.dilate((truth | inside).view(np.uint8), np.ones((17, 17), np.uint8)) == 0
    person, enough_person = _local_mean(image, people, side)
    background, enough_background = _local_mean(image, known, 2 * side + 1)
    ring = (cv2.dilate(inside.view(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~inside & ~truth
    contrast = np.linalg.norm(person - background, axis=2)
    judged = ring & enough_person & enough_background & (contrast >= 30)
    to_person = np.linalg.norm(image - person, axis=2)
    to_background = np.linalg.norm(image - background, axis=2)
    return float(np.count_nonzero(judged & (to_person < 0.5 * to_background))), float(np.count_nonzero(judged))


def _local_mean(image: NDArray[np.float32], mask: Mask, side: int) -> tuple[NDArray[np.float32], Mask]:
    """Mean colour of the mask's pixels in the square around each pixel, and where there are enough of them."""
    weight = mask.astype(np.float32)
    total = cv2.boxFilter(image * weight[..., None], -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    share = cv2.boxFilter(weight, -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / np.maximum(share, 1e-6)[..., None]), np.asarray(share > 0.03)


@dataclass(frozen=True)
class Figures:
    """Of all photos: figures, the same for every value of a refine setting, and the photos with the most people's
    pixels outside the hole, worst first, as (name, picture)."""

    figures: dict[str, Estimate]
    curves: dict[float, dict[str, Estimate]]
    worst: list[tuple[str, Pixels]]
    photos: int


def judge(
    cases: Iterable[tuple[Case, Hole, Parts]],
    variants: Mapping[float, RefineSettings] | None = None,
    worst: int = 0,
    seed: int = 0,
) -> Figures:
    """The figures of cases with their holes and what else is known of them; one photo in memory at a time.

    variants: refine settings by the value that a curve is drawn over. worst: how many photos to keep.
    """
    parts: list[Parts] = []
    curves: dict[float, list[Parts]] = {value: [] for value in variants or {}}
    kept: list[tuple[float, int, str, Pixels]] = []
    for number, (case, hole, more) in enumerate(cases):
        parts.append({**measure(case, hole), **more})
        for value, settings in (variants or {}).items():
            curves[value].append(measure(case, refine(case.found, settings, case.pixels)))
        inside, people = parts[-1]["inside"]
        if worst and people > inside:
            kept.append((inside - people, number, case.name, marked(case.pixels, case.truth.union(), hole)))
            kept = sorted(kept)[:worst]
    return Figures(
        estimate(parts, seed),
        {value: estimate(curve, seed) for value, curve in curves.items()},
        [(name, picture) for _, _, name, picture in kept],
        len(parts),
    )
