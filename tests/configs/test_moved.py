"""An old name of a setting is one sentence with the new name, wherever it stands."""

from __future__ import annotations

import json
from operator import attrgetter
from pathlib import Path

import pytest
from collection_with_people import coco_settings, make_coco
from pydantic import TypeAdapter, ValidationError
from typer.testing import CliRunner

from configs import Settings, SettingsError
from configs.load import load_settings, setting_names
from configs.moved import MOVED
from flows.cli.main import app
from flows.orchestration.settings_form import SettingsForm
from flows.plan.selection import Selection
from flows.run.job import prepare


@pytest.mark.parametrize(("old", "new"), [(old, new.split()[0]) for old, new in MOVED.items()])
def test_what_the_sentence_says_is_what_works(old: str, new: str) -> None:
    assert new in set(setting_names(Settings)) and old not in set(setting_names(Settings))
    value = attrgetter(new)(Settings())
    text = json.dumps(list(value) if isinstance(value, tuple) else value)
    with pytest.raises(SettingsError, match=f"^{old} is now {new}") as error:
        load_settings("coco", [f"{old}={text}"])
    said = str(error.value)
    on_the_command_line = said.partition("--set ")[2].partition(", or in a file ")[0]
    assert load_settings("coco", [on_the_command_line]) == load_settings("coco", [f"{new}={text}"])
    assert "\n" not in said


def test_what_is_not_old_passes() -> None:
    chosen = ["segment.union.segmenters=[yolo]", "inpaint.external.weights=a.pt", "publish.masks=false"]
    assert load_settings("coco", chosen).segment.relevant() == load_settings("coco").segment.relevant()


def test_in_a_preset_file_and_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("inpaint: {seed: 3}\n")
    for options in (["--preset", str(tmp_path / "mine.yaml")], ["--set", "inpaint.seed=3"]):
        done = CliRunner().invoke(app, ["run", str(tmp_path), str(tmp_path / "out"), *options])
        assert isinstance(done.exception, SettingsError)
        assert str(done.exception) == (
            "inpaint.seed is now inpaint.patchmatch.seed: --set inpaint.patchmatch.seed=3, or in a file "
            "inpaint: {patchmatch: {seed: 3}}."
        )


@pytest.mark.parametrize("own", [{"seed": 3}, {"external": "lama.pt"}])
def test_in_a_decision(tmp_path: Path, own: dict[str, object]) -> None:
    coco, file = make_coco(tmp_path / "coco"), tmp_path / "decided.json"
    decided = {"0001.png": {"decision": "redo", "settings": {"inpaint": own}}}
    file.write_text(json.dumps({"person_removal_decisions": 1, "photos": decided}))
    (name,) = own
    with pytest.raises(SettingsError, match=rf"decided\.json: 0001\.png: inpaint\.{name} is now inpaint\."):
        prepare(coco, tmp_path / "out", coco_settings(), Selection(), file)


def test_in_the_parameters_that_a_deployment_keeps() -> None:
    with pytest.raises(ValidationError, match=r"inpaint\.seed is now inpaint\.patchmatch\.seed"):
        TypeAdapter(SettingsForm).validate_python({"inpaint": {"seed": 3}})
