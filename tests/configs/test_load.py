"""Presets, overrides, and the sentence that each mistake gets."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import pytest
from pydantic import ValidationError

from configs import Settings, SettingsError
from configs.load import USUAL, load_settings, preset_names


def test_presets() -> None:
    assert preset_names() == ["best", "coco", "commercial", "default", "embedded", "thorough"]
    assert USUAL in preset_names()
    chosen = {name: load_settings(name) for name in preset_names()}
    assert {n: (s.segment.segmenter, s.inpaint.fill) for n, s in chosen.items()} == {
        "default": ("yolo", "deepfillv2"),
        "embedded": ("embedded", "auto"),
        "coco": ("annotations", "auto"),
        "best": ("yolo", "shift-map"),
        "commercial": ("rf-detr", "auto"),
        "thorough": ("embedded", "auto"),
    }
    assert load_settings("default") == Settings()


@pytest.mark.parametrize(
    ("assignment", "section", "field", "value"),
    [
        ("refine.dilate=0.2", "refine", "dilate", 0.2),
        ("publish.masks=false", "publish", "masks", False),
        ("segment.segmenter=mask-files", "segment", "segmenter", "mask-files"),
        ("segment.mask_files.folder=", "segment.mask_files", "folder", None),
        ("segment.mask-files.pattern={stem}_mask.png", "segment.mask_files", "pattern", "{stem}_mask.png"),
        ("inpaint.shift-map.structure=migan", "inpaint.shift_map", "structure", "migan"),
        ("verify.segmenter=none", "verify", "segmenter", "none"),
    ],
)
def test_override(assignment: str, section: str, field: str, value: object) -> None:
    assert attrgetter(f"{section}.{field}")(load_settings("embedded", [assignment])) == value


@pytest.mark.parametrize(
    ("preset", "assignment", "sentence"),
    [
        ("embedded", "refine.dilat=1", "There is no setting 'refine.dilat' (did you mean 'refine.dilate'?)."),
        ("embedded", "refin.dilate=1", "There is no setting 'refin' (did you mean 'refine.dilate'?)."),
        ("embedded", "refin.dilat=1", "There is no setting 'refin' (did you mean 'refine'?)."),
        ("embedded", "dilate=1", "There is no setting 'dilate' (did you mean 'refine.dilate'?)."),
        ("embedded", "dilat=1", "There is no setting 'dilat' (did you mean 'refine.dilate'?)."),
        ("embedded", "segment.dilate=1", "There is no setting 'segment.dilate' (did you mean 'refine.dilate'?)."),
        ("embedded", "patchmatch.seed=1", "(did you mean 'inpaint.patchmatch.seed'?)."),
        ("embedded", "score=1", "(did you mean 'segment.score' or 'verify.score'?)."),
        ("embedded", "nonsense=1", "There is no setting 'nonsense'."),
        ("embedded", "refine.dilate=much", "refine.dilate = 'much': input should be a valid number"),
        ("embedded", "refine.dilate=-1", "refine.dilate = -1: input should be greater than or equal to 0"),
        ("embedded", "inpaint.fill=magic", "inpaint.fill = 'magic': input should be 'auto', 'deepfillv2'"),
        ("embedded", "inpaint.feather=9", "inpaint.feather (9) must not exceed refine.dilate_min (4)"),
        (
            "embedded",
            "inpaint.patchmatch.patch_size=8",
            "inpaint.patchmatch.patch_size = 8: a patch has a middle pixel",
        ),
        ("embedded", "inpaint.patchmatch.sed=8", "(did you mean 'inpaint.patchmatch.seed'?)"),
        ("embedded", "inpaint.fill=external", "needs a file of yours: --set inpaint.external.weights=FILE."),
        ("embedded", "refine=3", "refine = 3: "),
        ("embedded", "dilate", "write it as SECTION.FIELD=VALUE"),
        ("embeded", "refine.dilate=1", "There is no preset 'embeded' (did you mean 'embedded'?)"),
        ("no/such.yaml", "refine.dilate=1", "no/such.yaml: the preset file cannot be read"),
    ],
)
def test_mistakes(preset: str, assignment: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(preset, [assignment])
    assert str(error.value).startswith(sentence) or sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_preset_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("refine: {dilate: 0.3}\n")
    assert load_settings(str(path)).refine.dilate == 0.3
    for text, words in (("[1]", "a preset is a mapping"), ("a: [", "not valid YAML")):
        path.write_text(text)
        with pytest.raises(SettingsError, match=words):
            load_settings(str(path))


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().refine.dilate = 1  # type: ignore[misc]
