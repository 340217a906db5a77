"""MI-GAN as a fill of the pipeline: a window of any size goes through the network at 512 x 512 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings, SettingsError
from configs.devices import device_name, memory_errors
from configs.fills import MiganSettings
from data.types import Hole, Pixels, Weight
from inpainting.windows import shrink

if TYPE_CHECKING:
    import torch

    from inpainting.migan.network import Generator

SIDE = 512
"""Pixels a side at which the network sees a window."""
_BESIDE = 8
"""Pixels around a hole that play a part when its picture is resized."""


@dataclass(frozen=True)
class MiganFill:
    """Holds a generator; keeps no state between calls, so threads may share it."""

    generator: Generator
    device: torch.device

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`: other people (`exclude`) are unknown to the network, like the hole.

        Raises MemoryError, whatever torch calls it on its devices.
        """
        if not hole.any():
            return image.copy()
        unknown = hole if exclude is None else np.maximum(hole, exclude)
        return np.where(hole[..., None] != 0, self.paint(image, unknown), image)

    def paint(self, image: Pixels, unknown: Hole) -> Pixels:
        """The window with everything unknown painted by the network; the known pixels stay as they are.

        image: uint8 H x W x 3 RGB. unknown: uint8 H x W, 255 = unknown. Any size: both sides are stretched to 512.
        """
        import cv2

        height, width = unknown.shape
        small, small_unknown = shrink(image, unknown, (SIDE, SIDE))
        painted = self.network(small, small_unknown)
        how = cv2.INTER_AREA if height < SIDE else cv2.INTER_CUBIC
        back = cv2.resize(painted, (width, height), interpolation=how)
        pixels = np.clip(np.rint(back), 0, 255).astype(np.uint8)
        return np.where(unknown[..., None] != 0, pixels, image)

    def network(self, image: Pixels, unknown: Hole) -> NDArray[np.float32]:
        """What the network makes of 512 x 512 pixels: float32 512 x 512 x 3 in 0..255, the known pixels painted too.

        Only what lies around the hole need be painted; the rest may hold anything.
        """
        import torch

        if not unknown.any():
            return image.astype(np.float32)
        part = _span(unknown, 1), _span(unknown, 0)

        with memory_errors(), torch.inference_mode():
            known = torch.from_numpy(unknown == 0).to(self.device)[None, None].float()  # [1, 1, 512, 512]
            pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self.device)
            rgb = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1  # [1, 3, 512, 512]
            x = torch.cat([known - 0.5, rgb * known], dim=1).contiguous(memory_format=torch.channels_last)
            y = (self.generator(x, part)[0].permute(1, 2, 0) + 1) * 127.5
            return np.asarray(y.clamp(0, 255).cpu().numpy(), np.float32)


def _span(hole: Hole, axis: int) -> slice:
    """From the first to the last of the rows (axis 1) or columns (0) with a hole, and some beside them."""
    which = np.flatnonzero(hole.any(axis=axis))
    return slice(max(0, int(which[0]) - _BESIDE), min(SIDE, int(which[-1]) + 1 + _BESIDE))


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> MiganFill:
    """The fill on `settings.device`.

    Raises SettingsError for a file that is not MI-GAN's and for a device that is not there.
    """
    import torch

    from inpainting.migan.network import build_generator
    from inpainting.migan.onnx_tensors import read_tensors

    device = torch.device(device_name(settings.device, "inpaint.device"))
    try:
        generator = build_generator(read_tensors(weights[settings.of(MiganSettings).weights].path))
    except ValueError as error:
        raise SettingsError(f"inpaint.fill is 'migan', but {error}") from error
    return MiganFill(generator.to(device).to(memory_format=torch.channels_last), device)
