"""Is anyone left? What a removal leaves of the annotated people, and whom a verifying segmenter still finds.

`measure` is a pure function of one photo; its parts are ratios of sums, so that photos add up in `estimates.estimate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from data.types import Hole, People
from flows.evaluation.estimates import Estimate, Parts
from flows.evaluation.persons import SIZES, Mask, by_size, each_person, is_left
from flows.evaluation.words import Figure

MOSTLY = 0.5
"""A detection lies inside the hole, and a person is found again, with more than this share of its pixels covered."""
SCORES = (0.15, 0.25, 0.4, 0.5)
"""Least scores at which detections are counted."""

FIGURES = {
    "residual": Figure("lower", "%", "people's pixels outside the hole, crowds included / people's pixels"),
    "left": Figure("lower", "%", "persons with a fifth or more of their pixels outside the hole / persons"),
    "changed": Figure("lower", "%", "decoded pixels outside the hole that differ / pixels outside the hole"),
    "changed_blocks": Figure("lower", "%", "JPEG blocks that the hole does not touch and that differ / such blocks"),
    "in_hole": Figure("lower", "%", "detections mostly inside the hole / holes: somebody seems to be in the fill"),
    "in_hole_person": Figure("lower", "%", "the same detections / persons"),
    "elsewhere": Figure("lower", "%", "detections elsewhere / persons: somebody was missed, or the segmenter errs"),
    "again": Figure("lower", "%", "persons more than half covered by detections in the result / persons"),
    "before": Figure("-", "%", "the same in the original: what the segmenter can see at all"),
}
"""What each figure is; those of detections are told for every score of `SCORES`, as `in_hole@0.25`."""


def measure(truth: People, hole: Hole, found: People | None = None, before: People | None = None) -> Parts:
    """One photo's part of the figures, numerator and denominator.

    truth: its annotated people. hole: uint8 H x W, 255 = removed. found: whom the verifying segmenter finds in the
    result, down to the least of `SCORES` (None: no verifier). before: whom it finds in the original. All at the
    photo's full size.
    """
    inside = hole > 0
    everyone = truth.union()
    parts = {"residual": (float(np.count_nonzero(everyone & ~inside)), float(np.count_nonzero(everyone)))}
    persons = list(each_person(truth))
    lost = [is_left(mask, inside) for _, mask in persons]
    parts |= by_size("left", lost, [size for size, _ in persons])
    if found is not None:
        parts |= _verified(persons, hole, found)
    if before is not None:
        for score in SCORES:
            parts |= _covered(f"before@{score}", persons, masks_from(before, score))
    return parts


def _verified(persons: Sequence[tuple[str, Mask]], hole: Hole, found: People) -> dict[str, tuple[float, float]]:
    parts: dict[str, tuple[float, float]] = {}
    inside, holes = hole > 0, cv2.connectedComponents(hole, connectivity=8)[0] - 1
    for score in SCORES:
        detected = masks_from(found, score)
        in_hole = sum(lies_inside(mask, inside) for mask in detected)
        parts[f"in_hole@{score}"] = float(in_hole), float(holes)
        parts[f"in_hole_person@{score}"] = float(in_hole), float(len(persons))
        parts[f"elsewhere@{score}"] = float(len(detected) - in_hole), float(len(persons))
        parts |= _covered(f"again@{score}", persons, detected)
    return parts


def lies_inside(detection: Mask, inside: Mask) -> bool:
    """Whether a detection is of what was filled in (`hole`), and not of somebody elsewhere. Both bool H x W."""
    return bool(np.count_nonzero(detection & inside) > MOSTLY * np.count_nonzero(detection))


def masks_from(found: People, score: float) -> list[Mask]:
    """Masks of the persons found with at least this score."""
    return [found.mask(person) for person in found.persons if person.score >= score]


def _covered(
    name: str, persons: Sequence[tuple[str, Mask]], detected: Sequence[Mask]
) -> dict[str, tuple[float, float]]:
    """Persons mostly covered by what was detected, in all and by size."""
    union = np.any(detected, axis=0) if detected else np.False_
    covered = [np.count_nonzero(mask & union) > MOSTLY * np.count_nonzero(mask) for _, mask in persons]
    return by_size(name, covered, [size for size, _ in persons])


LEFT = ("run", "figure", "better", "per cent", "of", "small / medium / large")
DETECTED = ("run", "detections", "better", "of", *(f"≥ {score}" for score in SCORES))
_DETECTIONS = ("in_hole", "in_hole_person", "elsewhere", "again", "before")

Rows = list[tuple[str, ...]]


def rows(runs: Mapping[str, Mapping[str, Estimate]]) -> tuple[Rows, Rows]:
    """Cells below `LEFT`, what is left of the people, and below `DETECTED`, what the verifying segmenter finds by its
    least score; in per cent with 95 % intervals."""
    left: Rows = []
    detected: Rows = []
    for label, figures in runs.items():
        for name, meaning in FIGURES.items():
            if name in figures:
                sizes = [figures.get(f"{name}_{size}") for size in SIZES]
                split = " / ".join(f"{100 * e.value:.1f}" if e else "-" for e in sizes) if any(sizes) else ""
                count = f"{figures[name].count:,.0f}"
                left.append((label, name, meaning.better, _per_cent(figures[name]), count, split))
            cells = [figures[at] for at in (f"{name}@{score}" for score in SCORES) if at in figures]
            if name in _DETECTIONS and cells:
                count = f"{cells[0].count:,.0f}"
                detected.append((label, name, meaning.better, count, *map(_per_cent, cells)))
    return left, detected


def table(runs: Mapping[str, Mapping[str, Estimate]]) -> str:
    """`rows` as Markdown."""
    left, detected = rows(runs)

    def lines(head: Sequence[str], cells: Rows) -> list[str]:
        return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *cells)]

    return "\n".join([*lines(LEFT, left), *(["", *lines(DETECTED, detected)] if detected else [])]) + "\n"


def _per_cent(e: Estimate) -> str:
    digits = 1 if e.value >= 0.01 or not e.value else 2 if e.value >= 0.001 else 5
    return f"{100 * e.value:.{digits}f} ({100 * e.low:.{digits}f} to {100 * e.high:.{digits}f})"
