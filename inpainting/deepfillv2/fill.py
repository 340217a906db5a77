"""DeepFillv2 as a fill of the pipeline: uint8 windows in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from configs import InpaintSettings
from data.types import Hole, Pixels, Weight
from inpainting.protocol import Fill

if TYPE_CHECKING:
    import torch

    from inpainting.deepfillv2.network import Generator


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    """The fill with the weights named by `settings.weights`, on `settings.device`.

    Raises CheckpointError for a file that holds no generator, ValueError for a device that is not there.
    """
    from inpainting.deepfillv2 import load_generator

    device = chosen_device(settings.device)
    return DeepFill(load_generator(weights[settings.weights].path, str(device)), device)


@dataclass(frozen=True)
class DeepFill:
    """Holds a generator; keeps no state between calls, so threads may share it."""

    generator: Generator
    device: torch.device

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`: other people (`exclude`) are unknown to the network, like the hole."""
        import torch

        wanted = hole > 127
        unknown = wanted if exclude is None else wanted | (exclude > 127)
        if not wanted.any():
            return image.copy()
        with torch.inference_mode():
            pixels = torch.from_numpy(np.array(image)).to(self.device)
            x = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1  # [1, 3, H, W] in [-1, 1]
            mask = torch.from_numpy(unknown).to(self.device)[None, None].float()  # [1, 1, H, W]
            y = self.generator.complete(x, mask)[0].permute(1, 2, 0)  # [H, W, 3]
            # round: truncation would darken every value by half a level
            filled = ((y + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        return np.where(wanted[..., None], filled, image)


def chosen_device(name: str) -> torch.device:
    """The torch device of a `device` setting; `auto` takes a GPU when there is one."""
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"inpaint.device {name!r} is not auto, cpu, cuda, cuda:1 or mps.") from None
    there = {"cpu": True, "cuda": cuda and (device.index or 0) < torch.cuda.device_count(), "mps": mps}
    if not there.get(device.type, False):
        raise ValueError(f"inpaint.device is {name!r}, but torch finds no such device here; `auto` or `cpu` works.")
    return device
