"""The built wheel works from a directory that has `data/` and `configs/` folders of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_wheel_beside_folders_of_the_same_names(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)], capture_output=True, text=True
    )
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("no package index to get the build backend from")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packages = ("configs", "data", "detection", "flows", "inpainting", "masks")
    there = (path for package in packages for path in (ROOT / package).rglob("*") if path.is_file())
    ours = {path.relative_to(ROOT).as_posix() for path in there if "__pycache__" not in path.parts}
    assert {"configs/presets/embedded.yaml", "detection/fusion.json", "flows/report/assets/report.css"} <= ours
    assert ours | {"flows/deployments/prefect.yaml", "configs/constraints.txt"} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(packages)

    site, work = tmp_path / "site", tmp_path / "work"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    for folder in ("data", "configs"):
        (work / folder).mkdir(parents=True)
        (work / folder / "__init__.py").write_text("raise ImportError('the wrong package')\n")
    script = next((site / "bin").glob("person-removal*"), None) or next((site / "Scripts").glob("person-removal*"))
    done = subprocess.run(
        [str(script), "weights", "list"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(site), "PERSON_REMOVAL_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "yolov8n" in done.stdout
