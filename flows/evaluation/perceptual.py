"""LPIPS (Zhang et al. 2018) from a TorchScript file: the project ships no such network and fetches none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.types import Pixels

Distance = Callable[[Pixels, Pixels], float]
"""Of two images, uint8 H x W x 3."""


def load_lpips(path: Path) -> Distance:
    """The network of a file that maps two images, float32 1 x 3 x H x W in -1..1, to one number, on the CPU.

    Raises InputError for a file that is none, or whose number is not 0 for equal images and more for others. Such a
    file is a program: take it from nobody you do not trust.
    """
    if not path.is_file():
        raise InputError(f"--lpips {path}: the file is not there.")
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the format is old, and what such networks come in
            network = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError):
        raise InputError(f"--lpips {path}: no TorchScript file; docs/evaluation.md says how to write one.") from None

    def tensor(image: Pixels) -> torch.Tensor:
        return torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)

    def distance(a: Pixels, b: Pixels) -> float:
        with torch.inference_mode():
            return float(network(tensor(a), tensor(b)))

    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 64, 3), np.uint8)
    try:
        same, other = distance(noise[0], noise[0]), distance(noise[0], noise[1])
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"--lpips {path}: it does not map two images to a number ({reason}).") from None
    if not abs(same) < 1e-4 < other:
        raise InputError(f"--lpips {path}: equal images are {same:.3g} apart, others {other:.3g}: it is no distance.")
    return distance
