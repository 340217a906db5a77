"""DeepFillv2 as a fill of the pipeline: uint8 windows in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings
from configs.devices import device_name, memory_errors
from configs.fills import DeepFillSettings
from data.types import Hole, Pixels, Weight, as_hole
from inpainting.deepfillv2.conventions import CONVENTIONS
from inpainting.protocol import Fill

if TYPE_CHECKING:
    import torch

    from inpainting.deepfillv2.network import Generator


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    """The fill with the weights of `inpaint.deepfillv2.weights`, on `settings.device`.

    Raises CheckpointError for a file that holds no generator, SettingsError for a device that is not there.
    """
    import torch

    from inpainting.deepfillv2 import load_generator
    from inpainting.deepfillv2.attention import Options

    own, device = settings.of(DeepFillSettings), device_name(settings.device, "inpaint.device")
    generator = load_generator(weights[own.weights].path, device)
    fusion = {"auto": generator.attention.fusion, "on": True, "off": False}[own.attention_fusion]
    generator.attention = Options(fusion, own.attention_memory)
    return DeepFill(generator, torch.device(device), build_prefill(generator.prefill, settings))


def build_prefill(name: str, settings: InpaintSettings) -> Fill | None:
    """What fills the hole before a residual generator does, with its own settings; None for `none`."""
    from inpainting import build_fill

    return None if name == "none" else build_fill(settings.model_copy(update={"fill": name}), {})


@dataclass(frozen=True)
class DeepFill:
    """Holds a generator; keeps no state between calls, so threads may share it."""

    generator: Generator
    device: torch.device
    prefill: Fill | None = None

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`: other people (`exclude`) are unknown to the network, like the hole.

        Raises MemoryError, whatever torch calls it on its devices.
        """
        wanted = hole > 127
        unknown = wanted if exclude is None else wanted | (exclude > 127)
        if not wanted.any():
            return image.copy()
        with memory_errors():
            filled = self.filled(image, unknown)
        return np.where(wanted[..., None], filled, image)

    def filled(self, image: Pixels, unknown: NDArray[np.bool_]) -> Pixels:
        """The image with everything that is unknown filled."""
        import torch

        visible = image if self.prefill is None else filled_first(image, as_hole(unknown), self.prefill)
        with torch.inference_mode():
            pixels = torch.from_numpy(np.array(visible)).to(self.device)
            x = self.colours(pixels.permute(2, 0, 1)[None]).float() / 127.5 - 1  # [1, 3, H, W] in [-1, 1]
            mask = torch.from_numpy(unknown).to(self.device)[None, None].float()  # [1, 1, H, W]
            y = self.colours(self.generator.complete(x, mask))[0].permute(1, 2, 0)  # [H, W, 3]
            # round: truncation would darken every value by half a level
            filled: Pixels = ((y + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        return filled

    def colours(self, x: torch.Tensor) -> torch.Tensor:
        """`x` [1, 3, H, W] with RGB in the network's order, or that in RGB."""
        return x.flip(1) if CONVENTIONS[self.generator.layout].bgr else x


def filled_first(image: Pixels, unknown: Hole, prefill: Fill) -> Pixels:
    """The image with everything that is unknown filled by something else, every other pixel its own."""
    return np.where(unknown[..., None] != 0, prefill.fill(image, unknown), image)
