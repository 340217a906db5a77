"""`bench pipeline`: everything is timed on the same photos, and the second runs compute nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.bench import app


@pytest.mark.slow
def test_pipeline(coco: Path, tmp_path: Path) -> None:
    arguments = ["pipeline", str(coco), "--limit", "4", "--naive", "2", "--json", str(tmp_path / "bench.json")]
    done = CliRunner().invoke(app, [*arguments, "--set", "inpaint.fill=telea"], catch_exceptions=False)
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
