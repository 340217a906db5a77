"""The comparison of GPU and CPU runs where there is no GPU, and the plain network where there is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from plain_deepfillv2 import plain_generator

from inpainting.deepfillv2.conventions import Layout
from inpainting.deepfillv2.network import Generator

SCRIPT = Path(__file__).parents[3] / "benchmarks/gpu.py"


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="says what it says without CUDA")
def test_runs_without_cuda_and_says_so(tmp_path: Path) -> None:
    parts = ("deepfillv2", "migan", "out-of-memory", "training")
    command = [sys.executable, str(SCRIPT), "--tiny", "--weights", str(tmp_path), "--only", *parts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "no CUDA device here" in done.stdout
    assert "| migan |  |  |  |  |  |  | skipped: migan_pipeline_v2.onnx is not in" in done.stdout
    assert "`deepfillv2` `tf`, windows, 64²" in done.stdout and "losses of a first step" in done.stdout


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("layout", ["pt", "tf"])
def test_the_plain_network_runs_on_cuda(layout: Layout) -> None:
    image, hole = torch.zeros(1, 3, 64, 64, device="cuda"), torch.ones(1, 1, 64, 64, device="cuda")
    made = plain_generator(Generator(8, layout).to("cuda"), image, hole)
    assert [one.device.type for one in made] == ["cuda", "cuda"]
