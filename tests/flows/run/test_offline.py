"""Nothing phones home: a whole run opens no connection and looks up no name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from collection_with_people import FAST
from guarded import GUARDED

from configs.load import load_settings
from data.weights.files import WeightsError
from flows.stages.context import find_weights


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "verifier"), [("coco", "none"), ("embedded", "auto")])
def test_a_run_uses_no_network(coco: Path, tmp_path: Path, preset: str, verifier: str) -> None:
    try:
        find_weights(load_settings(preset))
    except WeightsError as error:
        pytest.skip(str(error))
    settings = (*FAST, f"verify.segmenter={verifier}")
    options = ["--photos", "0001*", *(part for setting in settings for part in ("--set", setting))]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            GUARDED,
            "run",
            str(coco),
            str(tmp_path / "out"),
            "--preset",
            preset,
            *options,
            "--photos",
            "0001*",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        timeout=300,
    )
    assert "NETWORK" not in done.stderr
    assert done.returncode in (0, 3), done.stderr
    assert (tmp_path / "out/manifest.jsonl").is_file()
