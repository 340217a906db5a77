"""One step: the discriminator learns to tell filled photos, the generator to be taken for a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from configs.training import TrainSettings
from inpainting.training.data import Item
from inpainting.training.forward import forward
from inpainting.training.losses import hinge_discriminator, hinge_generator, l1
from inpainting.training.processes import average_gradients, mean_of
from inpainting.training.state import State


class Batch(NamedTuple):
    """truth, given: [B, 3, H, W] in [-1, 1]. hole: [B, 1, H, W], 1 = fill."""

    truth: Tensor
    given: Tensor
    hole: Tensor


def as_batch(items: Sequence[Item], device: torch.device, channels_last: bool = False) -> Batch:
    """Crops as tensors."""
    memory = torch.channels_last if channels_last else torch.contiguous_format

    def photos(arrays: list[np.ndarray]) -> Tensor:
        stacked = torch.from_numpy(np.stack(arrays)).to(device).permute(0, 3, 1, 2)
        return (stacked.float() / 127.5 - 1).contiguous(memory_format=memory)

    holes = torch.from_numpy(np.stack([item.hole for item in items])).to(device)[:, None]
    return Batch(photos([i.truth for i in items]), photos([i.given for i in items]), (holes > 127).float())


def take_step(state: State, batch: Batch, settings: TrainSettings) -> dict[str, float]:
    """Learn from a batch; the losses by name, as numbers."""
    weights = settings.loss
    with torch.autocast(batch.truth.device.type, torch.bfloat16, enabled=settings.run.bf16):
        coarse, refined = forward(state.generator, batch.given, batch.hole)
    completed = refined * batch.hole + batch.truth * (1 - batch.hole)
    losses = {
        "l1_coarse": l1(coarse, batch.truth, batch.hole, weights),
        "l1_refined": l1(refined, batch.truth, batch.hole, weights),
    }
    total = weights.coarse * losses["l1_coarse"] + weights.refined * losses["l1_refined"]
    if weights.adversarial:
        losses["discriminator"] = _teach_discriminator(state, batch, completed.detach(), settings)
        state.discriminator.requires_grad_(False)
        losses["adversarial"] = hinge_generator(_scores(state, completed, batch.hole, settings))
        state.discriminator.requires_grad_(True)
        total = total + weights.adversarial * losses["adversarial"]
    _learn(state.generator, state.generator_optimiser, total, settings.optimiser.clip)
    state.step += 1
    _follow(state, settings.optimiser.ema)
    return mean_of(losses)


def _teach_discriminator(state: State, batch: Batch, completed: Tensor, settings: TrainSettings) -> Tensor:
    both = torch.cat([batch.truth, completed]), torch.cat([batch.hole, batch.hole])
    real, filled = _scores(state, *both, settings).chunk(2)
    loss = hinge_discriminator(real, filled)
    _learn(state.discriminator, state.discriminator_optimiser, loss, settings.optimiser.clip)
    return loss


def _scores(state: State, image: Tensor, hole: Tensor, settings: TrainSettings) -> Tensor:
    with torch.autocast(image.device.type, torch.bfloat16, enabled=settings.run.bf16):
        scores: Tensor = state.discriminator(image, hole)
    return scores.float()


def _learn(network: torch.nn.Module, optimiser: torch.optim.Adam, loss: Tensor, clip: float) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    average_gradients(network)
    torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimiser.step()


@torch.no_grad()
def _follow(state: State, decay: float) -> None:
    """Move the mean weights; early on they follow faster, or they would long hold the first, random ones."""
    decay = min(decay, state.step / (state.step + 10))
    for mean, now in zip(state.mean.parameters(), state.generator.parameters(), strict=True):
        mean.lerp_(now, 1 - decay)
