"""docs/adding-a-segmenter.md, step by step: one file, one entry in the registry."""

from pathlib import Path

import numpy as np
import pytest
import torch
from probability_map import ProbabilityMapSettings

from configs import SegmentSettings, SettingsError
from configs.methods import with_methods
from configs.segmenters import SEGMENTERS, SegmenterMethod, UnionSettings
from data.types import Photo
from data.weights.files import find
from detection import build_segmenter


class Brightness(torch.nn.Module):
    """Stands for a network: who is bright is a person."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean(1, keepdim=True)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentSettings:
    method = SegmenterMethod(module="probability_map", label="toy", neural=True, settings=ProbabilityMapSettings)
    monkeypatch.setitem(SEGMENTERS, "probability-map", method)  # the entry in the registry
    path = tmp_path / "network.pt"
    torch.jit.trace(Brightness(), torch.zeros(1, 3, 8, 8)).save(str(path))  # type: ignore[no-untyped-call]
    chosen = with_methods(SegmentSettings)(device="cpu").model_copy(update={"segmenter": "probability-map"})
    return chosen.with_weights(str(path))


def photo(height: int, width: int) -> Photo:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[10:30, 20:40] = pixels[35:40, -9:] = 255
    return Photo("id", "a.jpg", pixels)


def test_it_is_built_from_settings_and_weights_and_finds_people(settings: SegmentSettings) -> None:
    segmenter = build_segmenter(settings, {name: find(name) for name in settings.required_weights()})
    small, large = photo(60, 80), photo(700, 1100)  # the second one in tiles
    for seen, people in zip((small, large), segmenter.segment([small, large]), strict=True):
        np.testing.assert_array_equal(people.union(), seen.pixels[..., 0] > 0)
        assert len(people) == 2 and people.persons[0].source == "probability-map"


def test_it_takes_part_in_a_union(settings: SegmentSettings) -> None:
    both = settings.model_copy(update={"segmenter": "union"})
    both = both.with_own("union", segmenters=UnionSettings(segmenters=("probability-map",)).segmenters)
    assert both.required_weights() == settings.required_weights()
    segmenter = build_segmenter(both, {name: find(name) for name in both.required_weights()})
    assert len(segmenter.segment([photo(60, 80)])[0]) == 2


def test_a_wrong_file_is_one_sentence_before_any_photo(settings: SegmentSettings, tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(b"not a network")
    wrong = settings.with_weights(str(path))
    with pytest.raises(SettingsError, match="is not a TorchScript file"):
        build_segmenter(wrong, {name: find(name) for name in wrong.required_weights()})
    with pytest.raises(SettingsError, match=r"needs a file of yours: --set segment\.probability_map\.weights=FILE"):
        settings.with_own("probability-map", weights=None).required_weights()
