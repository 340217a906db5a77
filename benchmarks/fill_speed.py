"""Seconds and memory of one DeepFillv2 fill, each in a process of its own, and how far results are apart.

    python benchmarks/fill_speed.py JOB.json     # what `measure` starts

Weights are random and scaled so that activations stay of order one: time does not depend on them, and equality of
results of 1e-6 (the usual start) would prove nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from configs import InpaintSettings, SettingsError
from configs.environment import prepare_environment
from data.types import Hole, Pixels, Weight, as_hole

if TYPE_CHECKING:
    from torch import Tensor

    from inpainting.deepfillv2.conventions import Layout

WAYS = ("whole", "windows", "plain", "port")
"""`whole`, `windows`: the strategies of `inpaint.strategy`. `plain`: the slow obvious computation
(`plain_deepfillv2`). `port`: the common PyTorch port from a checkout of it."""


@dataclass(frozen=True)
class Job:
    """One measurement. height, width: of the photo, multiples of 8. people: how many stand in it, 10 % of it together.
    runs: after a first one, which counts only where it is the only one. weights: a checkpoint. port: the checkout, for
    that way."""

    way: str
    layout: str
    height: int
    width: int
    people: int
    runs: int
    device: str
    weights: str
    port: str | None = None

    @property
    def case(self) -> tuple[str, int, int, int]:
        """What results have to share to be compared."""
        return self.layout, self.height, self.width, self.people


@dataclass(frozen=True)
class Measured:
    """seconds, cpu (seconds of all threads): medians. memory: peak in GB, of the process or of the GPU. reason: why
    there are no figures. result: the filled photo; only ways that fill the whole photo at once give the same one."""

    job: Job
    seconds: float | None = None
    cpu: float | None = None
    memory: float | None = None
    reason: str | None = None
    result: Pixels | None = None

    def apart(self, other: Measured) -> dict[str, float] | None:
        """Largest difference in the hole in uint8 levels, and the share of its values that differ."""
        if self.result is None or other.result is None or self.job.case != other.job.case or self is other:
            return None
        inside = figures(self.job.height, self.job.width, self.job.people) > 0
        levels = np.abs(self.result[inside].astype(int) - other.result[inside])
        return {"largest": int(levels.max()), "share": float((levels > 0).mean())}


def measure(job: Job, folder: Path) -> Measured:
    """Run the job in a fresh process; a process that fails gives its reason."""
    place = folder / "job.json"
    result = folder / "result.npy"
    place.write_text(json.dumps(asdict(job)), encoding="utf-8")
    result.unlink(missing_ok=True)
    command = [sys.executable, __file__, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}, perhaps out of memory"]
        return Measured(job, reason=said[-1])
    found = json.loads(done.stdout.splitlines()[-1])
    return Measured(job, **found, result=np.load(result) if job.way != "windows" else None)


def export_weights(path: Path, layout: Layout, c: int, seed: int = 0) -> Path:
    """Random weights in the published layout, as the port reads them: std 2 / sqrt(inputs of a value)."""
    prepare_environment()  # before torch
    import torch

    from inpainting.deepfillv2.checkpoint import published
    from inpainting.deepfillv2.layouts import FUSE_WEIGHT
    from inpainting.deepfillv2.network import Generator

    generator = Generator(c, layout).requires_grad_(False)
    random = torch.Generator().manual_seed(seed)
    for weight in generator.parameters():
        if weight.ndim == 4:
            weight.normal_(std=2 / weight[0].numel() ** 0.5, generator=random)
        else:
            weight.zero_()
    state = published(generator)
    if layout == "pt":
        state[FUSE_WEIGHT] = torch.eye(3)[None, None]
    torch.save({"G": state}, path)
    return path


def photo(height: int, width: int) -> Pixels:
    """Noise at several scales, uint8 H x W x 3: something to compare in every neighbourhood."""
    import cv2

    random = np.random.default_rng(1)
    out = np.zeros((height, width, 3), np.float32)
    for cells in (4, 16, 64, 256):
        noise = random.normal(size=(min(cells, height), min(cells, width), 3)).astype(np.float32)
        out += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 40 * out, 0, 255).astype(np.uint8)


def figures(height: int, width: int, people: int) -> Hole:
    """Standing people, spread over the photo, 10 % of it together: uint8 H x W, 255 = hole."""
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    out = np.zeros((height, width), bool)
    scale = people**-0.5
    for i in range(people):
        middle_y, middle_x = (0.5, 0.5) if people == 1 else (0.3 + 0.4 * (i % 2), (i + 0.5) / people)
        down, across = (y - middle_y) / scale, (x - middle_x) / scale
        out |= (down + 0.25) ** 2 / 0.07**2 + across**2 / 0.06**2 < 1
        out |= (down - 0.07) ** 2 / 0.28**2 + across**2 / 0.105**2 < 1
    return as_hole(out)


def filler(job: Job) -> Callable[[Pixels, Hole], Pixels]:
    """What the job times."""
    if job.way == "port":
        return _port(job)
    from inpainting.deepfillv2.fill import build

    settings = InpaintSettings(device=job.device, feather=0).with_weights(job.weights)
    fill = build(settings, {job.weights: Weight(job.weights, Path(job.weights), "")})
    if job.way == "whole":
        return fill.fill
    if job.way == "windows":
        from inpainting import compose, inpaint

        return lambda image, hole: compose(image, hole, inpaint(image, hole, fill, settings))
    from plain_deepfillv2 import plain_generator

    from inpainting.deepfillv2 import load_generator

    generator = load_generator(job.weights, job.device)
    return _as_pixels(lambda image, hole: plain_generator(generator, image, hole)[1], job.device)


def _port(job: Job) -> Callable[[Pixels, Hole], Pixels]:
    """The port's network, its input and output as its own `infer` makes them, but for the rounding."""
    import torch

    folder = Path(job.port or "")
    if job.layout == "mmagic":
        raise SettingsError("--port: the port has no network of layout mmagic; compare that one with `plain`.")
    module = "networks_tf" if job.layout == "tf" else "networks"
    if not (folder / "model" / f"{module}.py").is_file():
        raise SettingsError(f"--port {folder}: no checkout of deepfillv2-pytorch, it has no model/{module}.py.")
    sys.path.insert(0, str(folder))
    from importlib import import_module

    state = torch.load(job.weights, weights_only=True)["G"]
    first = next(value for key, value in state.items() if key.endswith("conv1.conv.weight"))
    network = import_module(f"model.{module}").Generator(cnum=first.shape[0], checkpoint=job.weights).to(job.device)

    def made(image: Tensor, hole: Tensor) -> Tensor:
        known, ones = image * (1 - hole), torch.ones_like(hole)
        refined: Tensor = network(torch.cat([known, ones, ones * hole], dim=1), hole)[1]
        return refined

    return _as_pixels(made, job.device)


def _as_pixels(made: Callable[[Tensor, Tensor], Tensor], device: str) -> Callable[[Pixels, Hole], Pixels]:
    import torch

    def filled(image: Pixels, hole: Hole) -> Pixels:
        with torch.inference_mode():
            x = torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
            mask = torch.from_numpy(hole > 0).to(device)[None, None].float()
            y = ((made(x, mask)[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        return np.where(hole[..., None] > 0, y, image)

    return filled


def peak_memory(device: str) -> float:
    """Peak in GB: of the GPU when there is one, else of this process (0 where the system does not tell)."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated() / 1e9
    status = Path("/proc/self/status")
    if status.is_file():  # of this program alone: getrusage counts what the one that started it held as well
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e9
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak / 1e6


def run(job: Job, result: Path) -> dict[str, object]:
    """Do the job in this process; writes the filled photo to `result`."""
    fill = filler(job)
    image, hole = photo(job.height, job.width), figures(job.height, job.width, job.people)
    seconds, cpu = [], []
    for _ in range(1 + job.runs):
        start, worked = time.perf_counter(), time.process_time()
        filled = fill(image, hole)
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - worked)
    np.save(result, filled)
    middle = [float(np.median(times[1:] or times)) for times in (seconds, cpu)]
    return {"seconds": middle[0], "cpu": middle[1], "memory": peak_memory(job.device)}


if __name__ == "__main__":
    prepare_environment()
    asked = Path(sys.argv[1])
    try:
        print(json.dumps(run(Job(**json.loads(asked.read_text(encoding="utf-8"))), asked.with_name("result.npy"))))
    except (SettingsError, MemoryError, RuntimeError) as error:
        sys.exit(str(error).strip().splitlines()[0] if str(error) else "out of memory")
