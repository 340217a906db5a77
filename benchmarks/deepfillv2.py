"""Seconds and peak memory of the DeepFillv2 generator by size, each in a fresh process.

    python benchmarks/deepfillv2.py [--sizes 256 512 1024] [--layout pt] [--weights FILE] [--device cpu]

Random weights (width 48, activations of order one) unless --weights names some: the time does not depend
on them. One person-shaped hole of about 10 % of the picture. `hole` computes what the hole reads, as the
pipeline does; `whole` computes both stages' full frames.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path


def random_generator(layout: str, seed: int = 0):
    """Weights that keep activations of order one: std 2 / sqrt(fan-in)."""
    import torch

    from inpainting.deepfillv2.network import Generator

    torch.manual_seed(seed)
    generator = Generator(48, layout).eval().requires_grad_(False)
    for weight in generator.parameters():
        if weight.ndim == 4:
            torch.nn.init.normal_(weight, std=2 / weight[0].numel() ** 0.5)
        else:
            torch.nn.init.zeros_(weight)
    return generator


def person(height: int, width: int):
    """A standing figure in the middle, about 10 % of the picture: bool [H, W]."""
    import numpy as np

    y, x = np.mgrid[:height, :width] / [[[height]], [[width]]]
    head = (y - 0.25) ** 2 / 0.07**2 + (x - 0.5) ** 2 / 0.06**2 < 1
    body = (y - 0.57) ** 2 / 0.28**2 + (x - 0.5) ** 2 / 0.105**2 < 1
    return head | body


def measure(size: int, layout: str, mode: str, weights: str | None, device: str, runs: int) -> dict[str, float]:
    """The last run's seconds and the process's peak memory in GB."""
    from configs.environment import prepare_environment

    prepare_environment()  # before torch
    import torch

    from inpainting.deepfillv2 import load_generator

    generator = load_generator(weights, device) if weights else random_generator(layout).to(device)
    hole = torch.from_numpy(person(size, size))[None, None].float().to(device)
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)).to(device) * 2 - 1
    run = generator.complete if mode == "hole" else generator.forward
    seconds = []
    with torch.inference_mode():
        for _ in range(runs):
            start, worked = time.perf_counter(), time.process_time()
            result = run(image, hole)
            (result if mode == "hole" else result[1]).cpu()
            seconds.append((time.perf_counter() - start, time.process_time() - worked))
    elapsed, cpu = seconds[-1]
    return {"seconds": elapsed, "cpu": cpu, "memory": peak_memory(device)}


def peak_memory(device: str) -> float:
    """Peak in GB: of the GPU when there is one, else of this process (0 where the system does not tell)."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated() / 1e9
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--layout", choices=["pt", "tf"], default="pt")
    parser.add_argument("--modes", nargs="+", choices=["hole", "whole"], default=["hole", "whole"])
    parser.add_argument("--weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--runs", type=int, default=2, help="the last one counts")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        size, mode, rest = options.sizes[0], options.modes[0], (options.weights, options.device, options.runs)
        print(json.dumps(measure(size, options.layout, mode, *rest)))
        return
    print("| size | computed | seconds | CPU seconds | peak memory, GB |\n|---|---|---|---|---|")
    for size in options.sizes:
        for mode in options.modes:
            command = [sys.executable, __file__, "--one", "--sizes", str(size), "--modes", mode]
            command += ["--layout", options.layout, "--device", options.device]
            command += ["--runs", str(options.runs)]
            command += ["--weights", options.weights] if options.weights else []
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            figures = json.loads(out)
            columns = [f"{size}²", mode, *(f"{figures[k]:.2f}" for k in ("seconds", "cpu", "memory"))]
            print(f"| {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
