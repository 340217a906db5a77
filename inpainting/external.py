"""Other people's networks from a local file: anything that maps (image, mask) to the filled image.

LaMa, MI-GAN and others; docs/fills.md names files and their settings. A file cannot say what values it takes and gives,
so the settings do, and a trial on a made picture finds most of what they get wrong before the first photo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings, SettingsError
from configs.devices import device_name, is_out_of_memory
from configs.fills import ExternalSettings
from data.types import Hole, PhotoError, Pixels, Weight
from data.weights.files import trusted
from inpainting.external_networks import Network, load_onnx, load_torchscript

SETTING = "inpaint.external.weights"
PROGRAMS = (".pt", ".ts", ".pth", ".torchscript")
"""Endings of TorchScript files."""
# A value v of 0..1 is v * scale + offset in the file's range.
_RANGES: dict[str, tuple[float, float]] = {"0..1": (1, 0), "-1..1": (2, -1), "0..255": (255, 0)}
_TRIAL = 128
"""Least side in pixels of the picture that a file is tried on."""
_FAR = 25
"""Mean grey levels between the trial's known pixels and what a network leaves of them from which the conventions must
be wrong: networks that paint the whole picture anew come within a few."""
_FAR_IN_HOLE = 60
"""The same in the hole, where a black or a grey one would be 70 and more."""


class OtherConventionsError(SettingsError):
    """A network that does not take or give what was said of it."""


@dataclass(frozen=True)
class ExternalFill:
    """A network and its conventions; keeps no state between calls. setting: that named its file, for messages."""

    network: Network
    settings: ExternalSettings
    setting: str = SETTING

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`: other people (`exclude`) are unknown to the network, like the hole.

        Raises MemoryError, whatever torch calls it.
        """
        unknown = (hole if exclude is None else np.maximum(hole, exclude)) != 0
        if not hole.any():
            return image.copy()
        filled = self.paint(image, unknown)
        if not np.isfinite(filled).all():
            raise PhotoError("failed", f"{self.settings.weights} gave NaN or infinite values.")
        return np.where(hole[..., None] != 0, np.clip(np.rint(filled * 255), 0, 255).astype(np.uint8), image)

    def paint(self, image: Pixels, unknown: NDArray[np.bool_]) -> NDArray[np.float32]:
        """What the network makes of the image, float32 H x W x 3 in 0..1 (a little beyond where it overshoots)."""
        height, width = unknown.shape
        to_height, to_width = self._size(height, width)
        # Mirrored outwards to the size that the file takes, hole and all: no new edge, and nothing shrinks.
        edges = ((0, to_height - height), (0, to_width - width))
        mask = np.pad(unknown, edges, mode="symmetric")[None, None]
        scale, offset = _RANGES[self.settings.range]
        x = np.pad(image, (*edges, (0, 0)), mode="symmetric").transpose(2, 0, 1)[None]
        # What stood in the hole must not be seen: 0 whatever the range, as such networks put there themselves.
        x = np.where(mask, np.float32(0), x * np.float32(scale / 255) + np.float32(offset))
        marked = mask if self.settings.mask == "hole" else ~mask
        try:
            y = self.network.run(np.ascontiguousarray(x, np.float32), marked.astype(np.float32))
        except RuntimeError as error:
            raise (MemoryError(str(error)) if is_out_of_memory(error) else error) from None
        if y.shape != x.shape:
            raise OtherConventionsError(
                f"{self.setting}: {self.settings.weights} gives an array of shape {list(y.shape)} for an image of "
                f"{list(x.shape)}; one of the same shape is needed."
            )
        scale, offset = _RANGES[self.output_range]
        return np.asarray((y[0].transpose(1, 2, 0)[:height, :width] - offset) / scale, np.float32)

    @property
    def output_range(self) -> str:
        given = self.settings.output
        return self.settings.range if given == "same" else given

    def _size(self, height: int, width: int) -> tuple[int, int]:
        if self.network.size:
            return self.network.size
        multiple = self.settings.multiple
        return -(-height // multiple) * multiple, -(-width // multiple) * multiple


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> ExternalFill:
    """The fill of `inpaint.external.weights`.

    Raises SettingsError, before any photo, for a file that cannot or must not be run, and where a trial shows that the
    conventions are others than the settings say.
    """
    own = settings.of(ExternalSettings)
    weight = weights[str(own.weights)]
    if weight.path.suffix.lower() in PROGRAMS and not (own.trust or trusted(weight)):
        raise SettingsError(
            f"{SETTING}: {weight.path} is a TorchScript file, a program that may write files, and is not in the "
            "registry; set inpaint.external.trust=true if you know where it comes from, or give an .onnx file."
        )
    fill = opened(weight.path, own, settings, SETTING)
    check_conventions(fill, weight.path.name)
    return fill


def opened(
    path: Path, own: ExternalSettings, settings: InpaintSettings, setting: str, longest: int | None = None
) -> ExternalFill:
    """The network in a file as a fill with the conventions `own`. setting: that named the file. longest: longer side in
    pixels of what it will be given; None is what `settings` say. Raises SettingsError."""
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        network = load_onnx(path, setting)
    elif suffix in PROGRAMS:
        network = load_torchscript(path, device_name(settings.device, "inpaint.device"), setting)
        if own.size:
            network = Network(network.run, (own.size, own.size), network.device)
    else:
        raise SettingsError(f"{setting}: {path.name} is neither a .pt nor an .onnx file.")
    too_long = settings.strategy == "whole" or settings.longest > min(network.size or (0,))
    if network.size and (too_long if longest is None else longest > min(network.size)):
        raise SettingsError(
            f"{setting}: {path.name} takes {network.size[1]} x {network.size[0]} pixels and no more; set "
            f"inpaint.strategy=windows and inpaint.window={min(network.size) // 8 * 8} or less."
        )
    return ExternalFill(network, own, setting)


def check_conventions(fill: ExternalFill, name: str) -> None:
    """Fill a made picture and see whether the result is one. Raises OtherConventionsError."""
    image, hole = _made_picture(*(min(fill.network.size or (_TRIAL, _TRIAL)),) * 2)
    try:
        filled = fill.paint(image, hole)
    except (OtherConventionsError, MemoryError):
        raise
    except Exception as error:  # a strange network can fail in any way
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise OtherConventionsError(
            f"{SETTING}: {name} cannot fill a picture of {hole.shape[1]} x {hole.shape[0]} pixels with "
            f"these settings ({reason}); inpaint.external.size and inpaint.external.multiple say which sizes it takes."
        ) from error
    if not np.isfinite(filled).all():
        raise OtherConventionsError(f"{SETTING}: {name} gives NaN or infinite values.")
    truth, settings = np.asarray(image / 255, np.float32), fill.settings
    scale, offset = _RANGES[settings.range]
    if _apart(filled, np.full_like(filled, -offset / scale), hole) < 2:
        turned = "known" if settings.mask == "hole" else "hole"
        raise OtherConventionsError(
            f"{SETTING}: {name} leaves the hole unfilled; inpaint.external.mask={turned} may be what it "
            "takes, or inpaint.external.range is not."
        )
    if _apart(filled, truth, ~hole) <= _FAR and _apart(filled, truth, hole) <= _FAR_IN_HOLE:
        return
    scale, offset = _RANGES[fill.output_range]
    raw = filled * scale + offset
    for other, (times, plus) in _RANGES.items():
        if _apart((raw - plus) / times, truth, ~hole) <= _FAR and other != fill.output_range:
            raise OtherConventionsError(
                f"{SETTING}: {name} gives values of {other}, not {fill.output_range}; set "
                f"inpaint.external.output={other}."
            )
    raise OtherConventionsError(
        f"{SETTING}: {name} does not continue a plain picture; inpaint.external.range, output or "
        "mask is not what it takes and gives."
    )


def _made_picture(height: int, width: int) -> tuple[Pixels, NDArray[np.bool_]]:
    """A smooth dark picture, far from black and from grey, with a hole of a quarter of its sides."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = 70 + 25 * np.sin(9 * x[..., None] + 7 * y[..., None] + np.arange(3))
    hole = np.zeros((height, width), bool)
    hole[3 * height // 8 : 5 * height // 8, 3 * width // 8 : 5 * width // 8] = True
    return np.rint(waves).astype(np.uint8), hole


def _apart(a: NDArray[np.float32], b: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Mean difference in grey levels of 0..255."""
    return float(np.abs(a - b)[where].mean() * 255)
