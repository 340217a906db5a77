"""The annotated persons of a photo, by COCO's sizes, and when one of them counts as left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from data.types import People

Mask = NDArray[np.bool_]

SIZES = {"small": 0.0, "medium": 32.0**2, "large": 96.0**2}
"""COCO's sizes of persons by their least area in pixels."""
LEFT = 0.2
"""A person is left from this share of its pixels outside the hole on."""


def each_person(truth: People) -> Iterator[tuple[str, Mask]]:
    """Name of the size and mask, bool H x W, of every annotated person that is no crowd and has a pixel."""
    for person in truth.persons:
        area = truth.area(person)
        if area and not person.crowd:
            yield next(name for name in reversed(SIZES) if area >= SIZES[name]), truth.mask(person)


def is_left(person: Mask, inside: Mask) -> bool:
    """Whether so much of a person is outside the hole that it shows. Both bool H x W."""
    return bool(np.count_nonzero(person & ~inside) >= LEFT * np.count_nonzero(person))


def by_size(name: str, hits: Sequence[bool | np.bool_], sizes: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The figure, and the same of each size as `name_small`."""
    parts = {name: (float(sum(map(bool, hits))), float(len(hits)))}
    for wanted in SIZES:
        these = [bool(hit) for hit, size in zip(hits, sizes, strict=True) if size == wanted]
        parts[f"{name}_{wanted}"] = float(sum(these)), float(len(these))
    return parts
