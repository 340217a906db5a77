"""Read generator weights in the published layouts, and write them so that other programs read ours."""

from __future__ import annotations

import errno
import pickle
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from inpainting.deepfillv2.conventions import Layout
from inpainting.deepfillv2.errors import CheckpointError
from inpainting.deepfillv2.layouts import CONSTANTS, FIRST, GENERATOR, keys
from inpainting.deepfillv2.network import Generator

PREFILLS = ("none", "patchmatch", "telea", "navier-stokes")
"""What a generator may want the hole filled with before it refines it: `none`, as the published ones, or a fill that
needs no weights."""


def load(path_or_state_dict: str | Path | Mapping[str, object], device: str | torch.device = "cpu") -> Generator:
    """See `inpainting.deepfillv2.load_generator`."""
    if isinstance(path_or_state_dict, Mapping):
        name, content = "the state dict", path_or_state_dict
    else:
        name, content = str(path_or_state_dict), read(Path(path_or_state_dict))
    held = ("G_ema", "G", "state_dict")  # the mean of our own trainings is the better one
    state = next((content[key] for key in held if key in content), content)
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{name} holds no state dict: expected names with tensors, or such under 'G'.")
    if any(key.startswith(GENERATOR) for key in state):
        state = {key.removeprefix(GENERATOR): value for key, value in state.items() if key.startswith(GENERATOR)}
    layout, c = recognise(state, name)
    with torch.device("meta"):
        generator = Generator(c, layout, prefill_of(content, name))
    generator.load_state_dict(checked(state, generator, name), assign=True)
    # Convolutions take the order of their weights; where there are few channels a CPU's are twice as fast in this one.
    generator.to(memory_format=torch.channels_last)
    return generator.to(device).eval().requires_grad_(False)


def prefill_of(content: Mapping[str, object], name: str) -> str:
    """What the checkpoint's generator wants the hole filled with first, one of PREFILLS: it stands in the metadata."""
    metadata = content.get("metadata")
    found = metadata.get("prefill", "none") if isinstance(metadata, Mapping) else "none"
    if found not in PREFILLS:
        raise CheckpointError(
            f"{name} refines holes that were filled by {found!r}, which this version does not know "
            f"({', '.join(PREFILLS)})."
        )
    return str(found)


def read(path: Path) -> Mapping[str, Any]:
    """What a checkpoint file holds, on the CPU; runs no code that the file may carry.

    `G` and `metadata` of a safetensors file and of a training checkpoint; other pickles as they are.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There are no weights at {path}.")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                return {"G": {key: file.get_tensor(key) for key in file.keys()}, "metadata": file.metadata() or {}}  # noqa: SIM118
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a TorchScript file, which is refused with an error
            content = torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {gist(error)}.") from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is damaged, or holds pickled code, which is never run: export its weights as safetensors."
        ) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # the disk's, not what torch's reader makes of an archive without its end
            raise
        raise CheckpointError(f"{path} is truncated, or no checkpoint: its archive has no end.") from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        # what torch raises for a truncated archive and for bytes that are no checkpoint at all
        raise CheckpointError(f"{path} is truncated, or no checkpoint: {gist(error)}.") from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a state dict.")
    return content


def recognise(state: Mapping[str, Tensor], name: str) -> tuple[Layout, int]:
    """Layout and width of a state dict."""
    for layout, first in FIRST.items():
        weight = state.get(first)
        if weight is None:
            continue
        multiple = 12 if layout == "mmagic" else 4
        if weight.ndim != 4 or weight.shape[0] % multiple or not weight.shape[0]:
            raise CheckpointError(
                f"{name} is no DeepFillv2 generator: {first} has shape {list(weight.shape)}, "
                f"expected [a multiple of {multiple}, 5, 5, 5]."
            )
        return layout, weight.shape[0]
    found = f"; it holds {listed(state)}" if state else "; it is empty"
    raise CheckpointError(f"{name} is no DeepFillv2 generator: none of {', '.join(FIRST.values())} is in it{found}.")


def checked(state: Mapping[str, Tensor], generator: Generator, name: str) -> dict[str, Tensor]:
    """The state dict under our names in float32, every key, shape and value checked."""
    ours = keys(generator.layout)
    shapes = {key: list(generator.get_parameter(own).shape) for key, own in ours.items()}
    missing = [key for key in ours if key not in state]
    extra = [key for key in state if key not in ours and key not in CONSTANTS]
    odd = [
        f"{k} {list(state[k].shape)} instead of {s}"
        for k, s in shapes.items()
        if k in state and list(state[k].shape) != s
    ]
    complaints = [
        f"{what} {listed(which)}"
        for what, which in (("lacks", missing), ("has unknown", extra), ("has the wrong shape at", odd))
        if which
    ]
    if complaints:
        raise CheckpointError(f"{name} is no DeepFillv2 generator: it {' and '.join(complaints)}.")
    if bad := [key for key in ours if not torch.isfinite(state[key]).all()]:
        raise CheckpointError(f"{name} is damaged: NaN or infinite weights in {listed(bad)}.")
    return {own: state[key].detach().to(torch.float32) for key, own in ours.items()}


def published(generator: Generator) -> dict[str, Tensor]:
    """The generator's state dict under the published names of its layout."""
    own, prefix = generator.state_dict(), GENERATOR if generator.layout == "mmagic" else ""
    return {prefix + key: own[name].contiguous() for key, name in keys(generator.layout).items()}


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    names = [str(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def gist(error: Exception) -> str:
    """The first sentence of a library's message, without its stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0].rstrip(".")
