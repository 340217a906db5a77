"""The fill `auto` is the best one whose weights are on this machine, and the run says which."""

from __future__ import annotations

from pathlib import Path

import pytest

import inpainting
from configs import InpaintSettings, Settings
from configs.load import load_settings
from data.weights.files import WeightsError, find
from data.weights.registry import registry
from flows.cli.show import _fill as announced
from flows.stages.context import RunContext, required_weights, resolve, wished_weights


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the network's file would be."""
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights" / registry().weights["migan"].file


def coco(*overrides: str) -> Settings:
    return load_settings("coco", ["verify.segmenter=none", "inpaint.device=cpu", *overrides])


@pytest.mark.parametrize("preset", ["coco", "embedded"])
def test_presets_take_the_best_and_need_nothing_for_it(preset: str) -> None:
    settings = load_settings(preset)
    assert settings.inpaint.fill == "auto"
    assert "migan" not in required_weights(settings)
    assert wished_weights(settings) == ["migan"]
    assert wished_weights(load_settings("default")) == []


def test_without_the_network_patchmatch_fills_and_the_run_says_how_to_get_it(network: Path) -> None:
    settings = resolve(coco())
    assert settings.inpaint.fill == "patchmatch"
    assert "`person-removal weights fetch migan` brings a better one" in announced(settings)
    assert announced(resolve(coco("inpaint.fill=telea"))) == "telea"


def test_with_the_network_it_fills() -> None:
    try:
        find("migan")
    except WeightsError as error:
        pytest.skip(str(error))
    settings = resolve(coco())
    assert (settings.inpaint.fill, settings.inpaint.guide) == ("shift-map", "migan")
    assert required_weights(settings) == ["migan"]
    assert announced(settings) == "shift-map guided by migan (the best whose weights are here)"
    assert announced(resolve(coco("inpaint.fill=patchmatch"))) == "patchmatch"


def test_a_damaged_network_is_no_missing_one(network: Path) -> None:
    network.write_bytes(b"half")
    with pytest.raises(WeightsError, match="migan"):
        resolve(coco())


def test_a_photo_with_auto_as_its_own_setting_gets_a_fill(network: Path, tmp_path: Path) -> None:
    run = RunContext(tmp_path / "out", resolve(coco("inpaint.fill=telea")), {})
    assert run.for_photo({"inpaint": {"fill": "auto"}}).settings.inpaint.fill == "patchmatch"


def test_every_choice_of_auto_is_a_fill() -> None:
    chosen = inpainting.choices(InpaintSettings(fill="auto"))
    assert [one.fill for one in chosen] == ["shift-map", "patchmatch"]
    assert chosen[-1].required_weights() == []
    assert inpainting.choices(InpaintSettings(fill="telea")) == [InpaintSettings(fill="telea")]
