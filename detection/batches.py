"""How many photos a network takes at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from configs.devices import memory_errors

Image = TypeVar("Image")
Result = TypeVar("Result")


def in_batches(
    detect: Callable[[Sequence[Image]], list[Result]],
    images: Sequence[Image],
    most: int,
    size: Callable[[Image], Hashable],
) -> list[Result]:
    """What `detect` makes of the images, in their order: at most `most` at a time, and one at a time where the device
    has no memory for so many.

    Only images of one size share a batch: a network pads those of several sizes to a common one, and sees them
    otherwise than alone. Raises MemoryError where there is none for one image, whatever torch calls it on its devices.
    """
    alike: dict[Hashable, list[int]] = {}
    for i, image in enumerate(images):
        alike.setdefault(size(image), []).append(i)
    found: dict[int, Result] = {}
    for group in alike.values():
        for start in range(0, len(group), most):
            some = group[start : start + most]
            found.update(zip(some, _within_memory(detect, [images[i] for i in some]), strict=True))
    return [found[i] for i in range(len(images))]


def _within_memory(detect: Callable[[Sequence[Image]], list[Result]], some: Sequence[Image]) -> list[Result]:
    try:
        with memory_errors():
            return detect(some)
    except MemoryError:
        if len(some) == 1:
            raise
    # Only here, after the error is gone: it holds the tensors that were made.
    return [one for image in some for one in _within_memory(detect, [image])]
