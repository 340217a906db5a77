"""Device names, and what is said of one that is not there."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from configs import SettingsError
from configs.devices import device_name


def test_devices() -> None:
    assert device_name("cpu", "inpaint.device") == "cpu"
    assert device_name("auto", "inpaint.device") in ("cpu", "cuda", "mps")
    with pytest.raises(SettingsError, match=r"inpaint.device 'gpu' is not auto, cpu"):
        device_name("gpu", "inpaint.device")
    with pytest.raises(SettingsError, match="no such device here"):
        device_name("cuda:99", "segment.device")


def test_a_machine_without_a_gpu_is_known_without_torch() -> None:
    code = "import sys; from configs.devices import device_name as d; print(d('auto', ''), d('cpu', ''), *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    auto, cpu, *modules = done.stdout.split()
    gpu = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
    assert (auto, cpu) == (gpu or "cpu", "cpu")
    assert "torch" not in modules or gpu or sys.platform != "linux"
