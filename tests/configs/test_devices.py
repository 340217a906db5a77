"""Device names, and what is said of one that is not there."""

from __future__ import annotations

import pytest

from configs import SettingsError
from configs.devices import device_name


def test_devices() -> None:
    assert device_name("cpu", "inpaint.device") == "cpu"
    assert device_name("auto", "inpaint.device") in ("cpu", "cuda", "mps")
    with pytest.raises(SettingsError, match=r"inpaint.device 'gpu' is not auto, cpu"):
        device_name("gpu", "inpaint.device")
    with pytest.raises(SettingsError, match="no such device here"):
        device_name("cuda:99", "segment.device")
