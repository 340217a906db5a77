"""How good the mean generator is on crops that it never learns from, and what that looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from configs.training import TrainSettings
from data.storage.files import write_atomic
from data.types import Hole, Pixels
from inpainting.training.data import Item
from inpainting.training.forward import forward
from inpainting.training.state import State
from inpainting.training.step import as_batch

Figure = Callable[[Pixels, Pixels, Hole], float]
"""Of (result, truth, hole), as `inpainting.metrics` has them."""
SAMPLES = 8
"""Rows of a sheet."""


def validate(
    state: State, items: Sequence[Item], settings: TrainSettings, figures: Mapping[str, Figure]
) -> tuple[dict[str, float], NDArray[np.uint8]]:
    """Means over the items by name, and the sheet of the first ones: hole, given, coarse, refined, truth.

    `l1`: mean absolute difference in the hole, of values in [-1, 1].
    """
    device = next(state.mean.parameters()).device
    rows: list[dict[str, float]] = []
    sheet: list[NDArray[np.uint8]] = []
    size = settings.optimiser.batch
    for start in range(0, len(items), size):
        some = items[start : start + size]
        batch = as_batch(some, device, settings.run.channels_last)
        with (
            torch.no_grad(),
            torch.autocast(device.type, torch.bfloat16, enabled=settings.run.bf16),
        ):
            coarse, refined = (_pixels(made) for made in forward(state.mean, batch.given, batch.hole))
        for item, first, second in zip(some, coarse, refined, strict=True):
            inside = item.hole[..., None] != 0
            done = np.where(inside, second, item.truth)
            apart = np.abs(done[item.hole != 0].astype(np.float64) - item.truth[item.hole != 0]).mean() / 127.5
            rows.append({"l1": float(apart)} | {name: f(done, item.truth, item.hole) for name, f in figures.items()})
            if len(sheet) < SAMPLES:
                given = item.given if settings.network.prefill != "none" else item.truth * np.uint8(0)
                cut = [np.where(inside, other, item.truth) for other in (np.uint8(255), given, first)]
                sheet.append(np.hstack([*cut, done, item.truth]))
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}, np.vstack(sheet)


def write_sheet(path: Path, sheet: NDArray[np.uint8]) -> None:
    _, png = cv2.imencode(".png", sheet[..., ::-1])
    write_atomic(path, png.tobytes())


def _pixels(made: torch.Tensor) -> NDArray[np.uint8]:
    """[B, 3, H, W] in [-1, 1] as uint8 B x H x W x 3, rounded as the fill rounds."""
    levels = ((made.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy())
