"""Who guides the shift map depends on the weights that are on this machine, and is settled before the first photo."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs import InpaintSettings, Settings, VerifySettings
from data.weights.files import WeightsError
from data.weights.registry import registry
from flows.stages.context import required_weights, resolve


def guided_by(structure: str, fill: str = "shift-map") -> Settings:
    inpaint = InpaintSettings.model_validate({"fill": fill, "shift_map": {"structure": structure}})
    return resolve(Settings(inpaint=inpaint, verify=VerifySettings(segmenter="none")))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights" / registry().weights["migan"].file


def test_without_the_network_patchmatch_guides(weights: Path) -> None:
    settings = guided_by("auto")
    assert settings.inpaint.guide == "patchmatch"
    assert "migan" not in required_weights(settings)


def test_a_guide_by_name_is_needed_even_where_it_is_missing(weights: Path) -> None:
    settings = guided_by("migan")
    assert settings.inpaint.guide == "migan" and "migan" in required_weights(settings)


def test_a_damaged_network_is_no_missing_one(weights: Path) -> None:
    weights.write_bytes(b"half")
    with pytest.raises(WeightsError, match="migan"):
        guided_by("auto")


def test_other_fills_have_no_guide(weights: Path) -> None:
    weights.write_bytes(b"half")
    assert guided_by("auto", "telea").inpaint.guide is None
