"""Which networks are read before the first photo: those that nobody has vouched for."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs import InpaintSettings, SettingsError
from data.types import Weight
from data.weights.registry import registry
from flows.stages.models import check_fill

PUBLISHED = registry().weights["migan"].sha256 or ""


@pytest.mark.parametrize(
    ("settings", "sha256", "read"),
    [
        (InpaintSettings(fill="migan"), PUBLISHED, False),
        (InpaintSettings(fill="shift-map").guided_by("migan"), PUBLISHED, False),
        (InpaintSettings(fill="migan"), "0" * 64, True),
        (InpaintSettings(fill="migan").with_own("migan", weights="mine.onnx"), PUBLISHED, True),
        (InpaintSettings(fill="patchmatch"), PUBLISHED, False),
    ],
)
def test_a_network_is_read_unless_it_is_the_published_one(
    settings: InpaintSettings, sha256: str, read: bool, tmp_path: Path
) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"no network")  # whoever reads it says so
    weights = {name: Weight(name, file, sha256) for name in ("migan", "mine.onnx")}
    if read:
        with pytest.raises(SettingsError, match=r"net\.onnx is no readable ONNX file"):
            check_fill(settings, weights)
    else:
        check_fill(settings, weights)
