"""The rooms: imports run one way, the DAG fits a screen, nothing is written at import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "configs": {"configs"},
    "data": {"data", "configs"},
    "detection": {"detection", "data", "configs"},
    "masks": {"masks", "data", "configs"},
    "inpainting": {"inpainting", "data", "configs"},
    "flows": {"flows", "detection", "masks", "inpainting", "data", "configs"},
}
PREFECT_MAY = {
    *(f"flows/{name}.py" for name in ("person_removal", "cli/serve")),
    *(f"flows/orchestration/{name}.py" for name in ("artifacts", "task_runners", "tasks")),
    *(f"flows/deployments/{name}.py" for name in ("bare_names", "register")),
}
AGPL_MAY = {"detection/yolo_network.py"}


def modules() -> list[Path]:
    return [path for room in MAY_IMPORT for path in sorted((ROOT / room).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """Top-level names of every import anywhere in the file."""
    out = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            out |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            out.add(node.module.split(".")[0])
    return out


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_run_one_way(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    room = name.split("/")[0]
    assert imports(path) & MAY_IMPORT.keys() <= MAY_IMPORT[room]
    assert "prefect" not in imports(path) or name in PREFECT_MAY
    assert "ultralytics" not in imports(path) or name in AGPL_MAY, "one AGPL adapter, the rest works without it"


@pytest.mark.parametrize("name", ["flows/pipeline.py", "flows/person_removal.py"])
def test_the_dag_fits_a_screen(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) < 120
