"""`bench`: everything is timed on the same photos, and what should be the same is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bench_fill import app as fills
from fill_speed import export_weights, figures
from typer.testing import CliRunner

from configs import SettingsError
from flows.cli.bench import app
from inpainting.windows import hole_groups


@pytest.mark.slow
def test_pipeline(coco: Path, tmp_path: Path, prefect_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copyfile(prefect_database, tmp_path / "prefect.db")
    database = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", database)  # of the server that it starts
    arguments = ["pipeline", str(coco), "--limit", "4", "--naive", "2", "--json", str(tmp_path / "bench.json")]
    quick = ["--set=inpaint.fill=telea", "--set=run.workers=1", "--set=run.timeout=0"]
    done = CliRunner().invoke(app, [*arguments, *quick], catch_exceptions=False)
    assert done.exit_code == 0 and "against the plain run" in done.stdout
    timings = {t["what"]: t for t in json.loads((tmp_path / "bench.json").read_text())["timings"]}
    assert {what: (t["photos"], t["computed"]) for what, t in timings.items()} == {
        "plain run": (4, 4),
        "plain run, all cached": (4, 0),
        "flow (Prefect)": (4, 4),
        "flow (Prefect), all cached": (4, 0),
        "naive script": (2, 2),
    }
    assert all(t["seconds"] > 0 for t in timings.values())


PORT = """
from plain_deepfillv2 import plain_generator
from inpainting.deepfillv2 import load_generator

class Generator:
    def __init__(self, cnum, checkpoint):
        self.net = load_generator(checkpoint)
        assert self.net.c == cnum

    def to(self, device):
        return self

    def __call__(self, x, hole):
        assert x.shape[1] == 5 and not (x[:, :3] * hole).any() and (x[:, 4:] == hole).all()
        return plain_generator(self.net, x[:, :3], hole)
"""
"""What a checkout of the port offers, in few words."""


@pytest.mark.slow
def test_fill(tmp_path: Path) -> None:
    (tmp_path / "port/model").mkdir(parents=True)
    (tmp_path / "port/model/networks.py").write_text(PORT)
    options = ["--sizes", "96x64", "--width", "8", "--runs", "1", "--people", "2", "--port", str(tmp_path / "port")]
    files = ["--json", str(tmp_path / "fill.json"), "--png", str(tmp_path / "fill.png")]
    done = CliRunner().invoke(fills, [*options, *files], catch_exceptions=False)
    assert done.exit_code == 0 and "96x64" in done.stdout
    rows = {row["way"]: row for row in json.loads((tmp_path / "fill.json").read_text())["rows"]}
    assert list(rows) == ["whole", "windows", "plain", "port"] and not any(row["reason"] for row in rows.values())
    assert all(row["seconds"] > 0 and (row["memory"] > 0.05 or os.name == "nt") for row in rows.values())
    for row, other in (("whole", "plain"), ("whole", "port"), ("port", "plain")):
        apart = rows[row][f"difference_{other}"]
        assert apart["largest"] <= 1 and apart["share"] < 1e-2
    assert rows["windows"]["difference_plain"] is None  # it sees another context
    assert (tmp_path / "fill.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sizes", "100x64"], "multiples of 8"),
        (["--sizes", "large"], "width x height"),
        (["--ways", "fast"], "whole, windows, plain, port"),
        (["--ways", "port"], "--port DIR"),
        (["--layouts", "onnx"], "pt, tf"),
        (["--people", "x"], "--people x: it is how many"),
        (["--people", "1,0"], "--people 0: it is how many"),
        (["--weights", "nowhere.pth"], "--weights nowhere.pth: There are no weights"),
        (["--weights", __file__], "--weights .*test_bench.py.* is "),
    ],
)
def test_what_fill_cannot_measure(options: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        CliRunner().invoke(fills, options, catch_exceptions=False)


def test_fill_measures_no_weights_that_refine_another_fill(tmp_path: Path) -> None:
    path = export_weights(tmp_path / "refiner.pth", "pt", 8)
    torch.save(torch.load(path) | {"metadata": {"prefill": "telea"}}, path)
    with pytest.raises(SettingsError, match=r"refiner\.pth: its network refines what telea fills"):
        CliRunner().invoke(fills, ["--weights", str(path)], catch_exceptions=False)


@pytest.mark.parametrize("people", [1, 5])
def test_a_tenth_of_the_photo_is_people(people: int) -> None:
    hole = figures(512, 680, people)
    assert (hole > 0).mean() == pytest.approx(0.1, abs=0.01)
    assert len(hole_groups(hole)[1]) == people


@pytest.mark.slow
def test_bench_fill_passes_its_options_on_to_the_benchmark_of_the_source_tree() -> None:
    command = [sys.executable, "-m", "flows.cli.main", "bench", "fill", "--sizes", "7x7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "Error: --sizes 7x7: only multiples of 8 can be compared, the port cuts off the rest.\n"
