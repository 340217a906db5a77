"""Settings of `train`: the packaged file, overrides, and one sentence for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs import SettingsError
from configs.training import TrainSettings, load_training


def test_the_packaged_file_is_the_recipe() -> None:
    assert load_training() == TrainSettings()


def test_a_file_and_what_stands_over_it(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("network: {width: 24}\noptimiser: {steps: 7}\n")
    settings = load_training(str(tmp_path / "own.yaml"), ["optimiser.steps=9", "data.photos=a, b"])
    assert (settings.network.width, settings.optimiser.steps, settings.data.photos) == (24, 9, ("a", "b"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimizer.steps=3", r"no setting 'optimizer' \(did you mean 'optimiser.steps'\?\)"),
        ("optimiser.step=3", r"did you mean 'optimiser.steps'\?"),
        ("data.size=100", "data.size = 100: "),
        ("data.scales=[3, 1]", "data.scales = .* in this order"),
        ("network.prefill=deepfillv2", "network.prefill = 'deepfillv2'"),
        ("steps", "SECTION.FIELD=VALUE"),
    ],
)
def test_a_mistake_is_one_sentence(override: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as error:
        load_training(None, [override])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "words"), [("[1]", "a training is a mapping"), ("a: [", "not valid YAML")])
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(SettingsError, match=rf"own\.yaml.*{words}"):
        load_training(str(tmp_path / "own.yaml"))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_training(str(tmp_path / "missing.yaml"))
