"""DeepFillv2: free-form image inpainting with gated convolution (Yu et al., ICCV 2019, arXiv 1806.03589)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from configs.environment import prepare_environment
from inpainting.deepfillv2.errors import CheckpointError

if TYPE_CHECKING:
    from inpainting.deepfillv2.network import Generator

__all__ = ["CheckpointError", "load_generator"]


def load_generator(path_or_state_dict: str | Path | Mapping[str, object], device: str = "cpu") -> Generator:
    """A generator in eval mode with published or own weights.

    path_or_state_dict: a `.pth` or `.safetensors` file, a state dict, or `{"G": state dict}`. The `pt`,
    `tf` and `mmagic` layouts are told apart by their keys, the width by the shapes. Raises CheckpointError when the
    weights are anything else, FileNotFoundError when there is no such file.
    """
    prepare_environment()  # before torch is imported, if nobody has done so yet
    from inpainting.deepfillv2.checkpoint import load

    return load(path_or_state_dict, device)
