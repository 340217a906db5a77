"""Batches of photos for a GPU: who shares one, and what happens where the memory is out."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import pytest
import torch

from configs.devices import memory_errors
from detection.batches import in_batches


def test_only_images_of_one_size_share_a_batch_and_their_order_stays() -> None:
    seen = []

    def detect(some: Sequence[str]) -> list[str]:
        seen.append(list(some))
        return [one.upper() for one in some]

    assert in_batches(detect, ["a", "bb", "c", "dd", "e"], 2, len) == ["A", "BB", "C", "DD", "E"]
    assert seen == [["a", "c"], ["e"], ["bb", "dd"]]


def test_a_batch_too_large_for_the_device_goes_one_by_one() -> None:
    tried = []

    def detect(some: Sequence[int]) -> list[int]:
        tried.append(list(some))
        if len(some) > 1 or 7 in some:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return [-one for one in some]

    assert in_batches(detect, [1, 2, 3], 2, lambda _: 0) == [-1, -2, -3]
    assert tried == [[1, 2], [1], [2], [3]]
    with pytest.raises(MemoryError, match="CUDA out of memory"):
        in_batches(detect, [1, 7], 2, lambda _: 0)


def test_other_errors_stay_what_they_are_and_no_tensor_outlives_an_error() -> None:
    with pytest.raises(RuntimeError, match="shape"), memory_errors():
        raise RuntimeError("shape of the tensors")
    held: list[weakref.ref[torch.Tensor]] = []

    def work() -> None:
        tensor = torch.zeros(1)
        held.append(weakref.ref(tensor))
        raise torch.OutOfMemoryError("CUDA out of memory.")

    try:
        with memory_errors():
            work()
    except MemoryError:
        pass
    assert held[0]() is None
