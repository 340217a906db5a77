"""TorchScript and ONNX files as one function: image and mask in, image out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs import SettingsError
from data.weights.onnx import open_session, signature

Tensor = NDArray[Any]


@dataclass(frozen=True)
class Network:
    """run: (image, mask) -> image, float32 1 x 3 x H x W and 1 x 1 x H x W in the file's own conventions, mask 0 or 1.
    size: (height, width) that the file takes, None where it takes others too. device: where it runs.
    """

    run: Callable[[Tensor, Tensor], Tensor]
    size: tuple[int, int] | None
    device: str


def load_torchscript(path: Path, device: str, setting: str) -> Network:
    """The network in a TorchScript file on a torch device. setting: that named the file. Raises SettingsError for
    another file."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the format is old, and what such networks come in
            network = torch.jit.load(str(path), map_location=device).eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise SettingsError(
            f"{setting}: {path} is not a TorchScript file; one is written by torch.jit.save."
        ) from error

    def run(image: Tensor, mask: Tensor) -> Tensor:
        with torch.inference_mode():
            inputs = (torch.from_numpy(x).to(device) for x in (image, mask))
            out = network(*inputs)
            out = out[0] if isinstance(out, tuple | list) else out
            return np.asarray(out.float().cpu().numpy())

    return Network(run, None, device)


def load_onnx(path: Path, setting: str) -> Network:
    """The network in an ONNX file, on the CPU. setting: that named the file. Raises SettingsError for another file, and
    without onnxruntime."""
    session = open_session(path, setting)
    image, mask = _inputs(session, path, setting)
    kinds = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}
    for needed in (image, mask):
        if needed.type not in kinds:
            raise SettingsError(f"{setting}: {path.name} takes {needed.type} as {needed.name}, which is no image.")
    # A uint8 mask is written 0 and 255.
    scale = np.float32(255 if mask.type == "tensor(uint8)" else 1)
    height, width = image.shape[2:]

    def run(pixels: Tensor, holes: Tensor) -> Tensor:
        fed = {image.name: _as(pixels, kinds[image.type]), mask.name: _as(holes * scale, kinds[mask.type])}
        return np.asarray(session.run(None, fed)[0], np.float32)

    fixed = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    return Network(run, fixed, "cpu")


def _inputs(session: Any, path: Path, setting: str) -> tuple[Any, Any]:
    """The image's and the mask's input: by their channels where the file states them, else by order."""
    inputs = session.get_inputs()
    if len(inputs) != 2 or any(len(one.shape) != 4 for one in inputs):
        raise SettingsError(
            f"{setting}: {path.name} takes {signature(inputs)}, not an image [1, 3, H, W] and a mask [1, 1, H, W]."
        )
    first, second = inputs
    swapped = first.shape[1] == 1 or second.shape[1] == 3
    return (second, first) if swapped else (first, second)


def _as(values: Tensor, kind: type) -> Tensor:
    return np.rint(values).astype(kind) if kind is np.uint8 else values.astype(kind)
