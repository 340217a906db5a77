"""Everything a training has learnt so far, and its checkpoints: the published layout with what resuming needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from configs.training import TrainSettings
from data.storage.files import atomic_file, write_atomic
from inpainting.deepfillv2 import checkpoint
from inpainting.deepfillv2.discriminator import Discriminator
from inpainting.deepfillv2.errors import CheckpointError
from inpainting.deepfillv2.network import Generator
from inpainting.training.forward import initialise


@dataclass
class State:
    """step: steps done. mean: the running mean of the generator's weights. made_with: the settings of the checkpoint
    that it comes from, nested values; none where that does not say."""

    generator: Generator
    discriminator: Discriminator
    mean: Generator
    generator_optimiser: torch.optim.Adam
    discriminator_optimiser: torch.optim.Adam
    step: int = 0
    made_with: Mapping[str, object] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device


def fresh(settings: TrainSettings, device: torch.device) -> State:
    """The first state: random networks, the same for a seed, or the generator of `network.start`. Raises
    CheckpointError."""
    network, seed = settings.network, settings.run.seed
    if network.start:
        generator = checkpoint.load(network.start).train().requires_grad_(True)
        _check(generator, settings, network.start)
    else:
        generator = Generator(network.width, network.layout, network.prefill)
        initialise(generator, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        discriminator = Discriminator(network.discriminator, network.layout)
    return _state(generator, discriminator, copy.deepcopy(generator), settings, device)


def _state(
    generator: Generator, discriminator: Discriminator, mean: Generator, settings: TrainSettings, device: torch.device
) -> State:
    memory = torch.channels_last if settings.run.channels_last else torch.contiguous_format
    for network in (generator, discriminator, mean):
        network.to(device, memory_format=memory)  # type: ignore[call-overload]
    rates = settings.optimiser
    return State(
        generator,
        discriminator,
        mean.eval().requires_grad_(False),
        torch.optim.Adam(generator.parameters(), rates.rate, rates.betas),
        torch.optim.Adam(discriminator.parameters(), rates.discriminator_rate, rates.betas),
    )


def resume(path: Path, settings: TrainSettings, device: torch.device) -> State:
    """The state that a checkpoint of this command holds. Raises CheckpointError."""
    content = checkpoint.read(path)
    if not {"G", "D", "G_ema", "G_optim", "D_optim", "n_iter"} <= content.keys():
        raise CheckpointError(
            f"{path} is no checkpoint to go on from; `--set network.start={path}` starts anew from its generator."
        )
    generator, mean = (
        checkpoint.load({"G": content[key], "metadata": content.get("metadata")}) for key in ("G", "G_ema")
    )
    _check(generator, settings, str(path))
    discriminator = Discriminator(settings.network.discriminator, settings.network.layout)
    try:
        discriminator.load_state_dict(content["D"])
    except RuntimeError:
        raise CheckpointError(f"{path} has another discriminator than network.discriminator makes.") from None
    state = _state(generator.train().requires_grad_(True), discriminator, mean, settings, device)
    state.generator_optimiser.load_state_dict(content["G_optim"])
    state.discriminator_optimiser.load_state_dict(content["D_optim"])
    rates = settings.optimiser  # those of the checkpoint came with the optimisers' states
    for optimiser, rate in (
        (state.generator_optimiser, rates.rate),
        (state.discriminator_optimiser, rates.discriminator_rate),
    ):
        for group in optimiser.param_groups:
            group.update(lr=rate, betas=rates.betas)
    state.step, state.made_with = int(content["n_iter"]), _settings_of(content)
    return state


def _check(generator: Generator, settings: TrainSettings, name: str) -> None:
    wanted = settings.network
    if (generator.c, generator.layout) != (wanted.width, wanted.layout):
        raise CheckpointError(
            f"{name} has network.width {generator.c} and network.layout {generator.layout}, not {wanted.width} and "
            f"{wanted.layout}."
        )
    if generator.prefill != wanted.prefill:
        raise CheckpointError(f"{name} has network.prefill {generator.prefill}, not {wanted.prefill}.")


def _settings_of(content: Mapping[str, object]) -> dict[str, object]:
    metadata = content.get("metadata")
    said = metadata.get("settings") if isinstance(metadata, Mapping) else None
    found = json.loads(said) if isinstance(said, str) else {}
    return found if isinstance(found, dict) else {}


def metadata(state: State, settings: TrainSettings, photos: int) -> dict[str, str]:
    """What a reader of the weights has to know, or wants to; texts, as safetensors keeps them."""
    return {
        "prefill": settings.network.prefill,
        "network": "deepfillv2",
        "layout": settings.network.layout,
        "width": str(settings.network.width),
        "steps": str(state.step),
        "photos": str(photos),
        "settings": json.dumps(settings.model_dump(mode="json"), sort_keys=True),
    }


def save_checkpoint(state: State, path: Path, about: Mapping[str, str]) -> None:
    """Everything, in one file that is whole or not there."""
    content = {
        "G": checkpoint.published(state.generator),
        "D": state.discriminator.state_dict(),
        "G_ema": checkpoint.published(state.mean),
        "G_optim": state.generator_optimiser.state_dict(),
        "D_optim": state.discriminator_optimiser.state_dict(),
        "n_iter": state.step,
        "metadata": dict(about),
    }
    with atomic_file(path, durable=True) as file:
        torch.save(content, file)


def export(state: State, path: Path, about: Mapping[str, str]) -> None:
    """The mean generator alone, as safetensors: what `inpaint.deepfillv2.weights` takes."""
    tensors: dict[str, Tensor] = {key: value.cpu() for key, value in checkpoint.published(state.mean).items()}
    write_atomic(path, save(tensors, dict(about)), durable=True)
