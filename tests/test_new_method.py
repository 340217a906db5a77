"""A segmenter and a fill are one file and one entry each: in a copy of the packages to which a toy of either kind is
added, everything that lists, describes, chooses, builds or remembers methods knows them, with nothing else touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from collection_with_people import make_coco

ROOT = Path(__file__).resolve().parents[1]
SEGMENTER = '''
class SkinSettings(Frozen):
    red: int = 90
    """Least red of skin."""


SEGMENTERS["skin-colour"] = SegmenterMethod(
    module="detection.skin_colour", label="toy of skin", neural=False, settings=SkinSettings,
    per_photo=frozenset({"red"}),
)
'''
FILL = '''
class MeanSettings(Frozen):
    darker: float = 0.0
    """How much darker than the mean."""


FILLS["mean-colour"] = FillMethod(
    module="inpainting.mean_colour", label="toy of means", neural=True, settings=MeanSettings, licence="toy licence",
)
'''
ASK = """
import json, sys
from pathlib import Path
from typer.testing import CliRunner
from configs import Settings
from configs.describe import settings_page
from configs.load import load_settings, setting_names
from configs.per_photo import PER_PHOTO
from data.storage.store import Store
from flows.app import choices
from flows.cli.main import app
from flows.doctor.networks import check_methods
from flows.orchestration.settings_form import SettingsForm
from flows.stages.context import resolve
from pydantic import TypeAdapter

coco, out = sys.argv[1:]
help = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "400"}).output
assert "skin-colour" in help and "mean-colour" in help
assert {"segment.skin_colour.red", "inpaint.mean_colour.darker"} <= set(setting_names(Settings))
page = settings_page()
assert "| **skin-colour** | toy of skin | the CPU |" in page and "| `inpaint.mean_colour.darker` |" in page
assert "| **mean-colour** | toy of means | `inpaint.device` | toy licence |" in page
assert {"segmenter skin-colour", "fill mean-colour"} <= {f.about for f in check_methods() if f.level == "ok"}
form = json.dumps(TypeAdapter(SettingsForm).json_schema())
assert "skin-colour" in form and "mean-colour" in form and '"darker"' in form
labels = [c.label for c in choices.segmenters(load_settings("embedded")) + choices.fills(load_settings("embedded"))]
assert "skin-colour (toy of skin)" in labels and "mean-colour (toy of means)" in labels
assert "skin_colour.red" in PER_PHOTO["segment"] and "mean_colour.darker" not in PER_PHOTO["inpaint"]
union = load_settings("coco", ["segment.segmenter=union", "segment.union.segmenters=[skin-colour,embedded]"]).segment
assert "skin_colour" in union.relevant() and "skin_colour" not in load_settings("embedded").segment.relevant()
try:
    resolve(load_settings("coco", ["inpaint.fill=mean-colour", "inpaint.device=cuda:99", "verify.segmenter=none"]))
except ValueError as error:
    assert "cuda:99" in str(error)
else:
    raise AssertionError("a network that nobody told of is pinned to the CPU")

def stored():
    store = Store(Path(out) / ".person-removal")
    return {stage: set(store.artifacts(stage)) for stage in ("segment", "inpaint")}

def run(*more):
    sets = ["verify.segmenter=none", "inpaint.device=cpu", "run.workers=1", "run.timeout=0", *more]
    options = [o for s in sets for o in ("--set", s)]
    methods = ["--segmenter", "skin-colour", "--fill", "mean-colour"]
    return CliRunner().invoke(app, ["run", coco, out, *methods, *options, "--allow-review", "--quiet"])

def computed(*more):
    before, done = stored(), run(*more)
    assert done.exit_code == 0, done.output
    return {stage: len(files - before[stage]) for stage, files in stored().items()}

assert computed()["inpaint"] > 0
of_others = computed("inpaint.patchmatch.seed=9", "segment.yolo.weights=x.pt")
assert sum(computed().values()) == sum(of_others.values()) == 0
assert computed("inpaint.mean_colour.darker=0.5")["inpaint"] > 0
assert computed("segment.skin_colour.red=91")["segment"] > 0
assert "mean-colour" in json.dumps(json.loads((Path(out) / ".person-removal/rates.json").read_text()))
"""


@pytest.mark.slow
def test_one_entry_is_all(tmp_path: Path) -> None:
    coco = make_coco(tmp_path / "coco")
    for room in ("configs", "data", "detection", "masks", "inpainting", "flows"):
        shutil.copytree(ROOT / room, tmp_path / "copy" / room, ignore=shutil.ignore_patterns("__pycache__"))
    copy = tmp_path / "copy"
    for room, name, file, entry in (
        ("detection", "skin_colour", "segmenters", SEGMENTER),
        ("inpainting", "mean_colour", "fills", FILL),
    ):
        shutil.copy(ROOT / f"tests/support/{name}.py", copy / room)
        path = copy / f"configs/{file}.py"
        path.write_text(path.read_text(encoding="utf-8") + entry, encoding="utf-8")
    (copy / "ask.py").write_text(ASK, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "ask.py", str(coco), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
