"""Which device a network runs on."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import SettingsError

_CUDA_DRIVER = "libcuda.so.1"
"""The library without which no program for Linux finds a GPU of NVIDIA's."""
_AMD_GPUS = Path("/dev/kfd")
"""The device without which none finds one of AMD's."""


def device_name(wanted: str, setting: str) -> str:
    """The torch device of a `device` setting: `auto` takes a GPU where there is one.

    Raises SettingsError for a name that is none, and for a device that is not on this machine.
    """
    if wanted == "cpu" or (wanted == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch  # only now: it takes seconds, and most of a gigabyte

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise SettingsError(f"{setting} {wanted!r} is not auto, cpu, cuda, cuda:1 or mps.") from None
    there = {"cpu": True, "cuda": cuda and (device.index or 0) < torch.cuda.device_count(), "mps": mps}
    if not there.get(device.type, False):
        raise SettingsError(f"{setting} is {wanted!r}, but torch finds no such device here; `auto` or `cpu` works.")
    return str(device)


def _may_have_gpu() -> bool:
    """Whether torch may find a GPU; False is certain, and known without importing it."""
    if sys.platform != "linux" or _AMD_GPUS.exists():
        return True
    try:
        ctypes.CDLL(_CUDA_DRIVER)
    except OSError:
        return False
    return True


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch found no memory. Its CPU has no exception of its own for that, and a TorchScript program's error
    only quotes the one it met."""
    said = ("out of memory", "can't allocate memory", "not enough memory")
    return any(words in str(error) for words in said)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raises MemoryError where torch finds no memory, whatever it calls that on its devices."""
    try:
        yield
    except RuntimeError as error:
        raise (MemoryError(str(error)) if is_out_of_memory(error) else error) from None
