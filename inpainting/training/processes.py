"""One process, or several that share each batch (torchrun): what they have to agree on.

The gradients of a step are averaged once, after both backward passes: with 4 million parameters there is nothing to
gain from overlapping that with the computation, and the same code runs with one process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from configs import SettingsError
from configs.devices import device_name
from configs.training import TrainSettings


def start(settings: TrainSettings) -> torch.device:
    """This process's device; joins the others where torchrun started several. Raises SettingsError."""
    wanted = settings.run.device
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if settings.optimiser.batch % count:
        raise SettingsError(f"optimiser.batch ({settings.optimiser.batch}) cannot be shared by {count} processes.")
    device = torch.device(device_name(wanted, "run.device"))
    if count > 1 and device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if count > 1 and not distributed.is_initialized():
        patience = timedelta(days=1)  # the others wait while the first one fills pairs
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=patience)
    return device


def meet() -> None:
    """Wait until every process is here: one that leaves first takes the connections of the others with it."""
    if distributed.is_initialized():
        distributed.barrier()


def end() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def world() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def average_gradients(network: nn.Module) -> None:
    """Every process gets the mean of all processes' gradients."""
    if world() == 1:
        return
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(together)
    together /= world()
    means = torch.split(together, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view(gradient.shape))


def mean_of(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Losses as numbers, averaged over processes."""
    values = torch.stack([value.detach().float() for value in losses.values()])
    if world() > 1:
        distributed.all_reduce(values)
        values /= world()
    return dict(zip(losses, values.tolist(), strict=True))


def any_of(flag: bool, device: torch.device) -> bool:
    """Whether any process says so: all of them stop after the same step."""
    if world() == 1:
        return flag
    said = torch.tensor(float(flag), device=device)
    distributed.all_reduce(said)
    return bool(said > 0)
