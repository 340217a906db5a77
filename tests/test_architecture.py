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
    *(f"flows/{name}.py" for name in ("person_removal", "cli/deploy", "cli/serve")),
    *(f"flows/orchestration/{name}.py" for name in ("artifacts", "flow_runs", "leaving", "task_runners", "tasks")),
    *(
        f"flows/deployments/{name}.py"
        for name in (
            *("bare_names", "child", "keeping", "one_writer", "profile", "register", "schedules", "settings_files"),
            *("unfinished", "worker"),
        )
    ),
}
AGPL_MAY = {"detection/yolo_network.py"}

# The rooms of a package from the top down: each may import only those that stand below it.
ORDER = {
    "flows": [
        *("cli", "evaluation", "doctor", "deployments", "person_removal", "orchestration", "app", "family"),
        *("run", "results", "plan", "pipeline", "api", "stages", "report", "facts", "own_packages"),
    ],
    "data": [
        *(
            "plan",
            "collection",
            "coco",
            "images",
            "weights",
            "storage",
            "sample_photos",
            "types",
            "rle",
            "geometry",
            "errors",
        ),
    ],
}


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


@pytest.mark.parametrize("package", ORDER)
def test_the_rooms_of_a_package_import_only_what_is_below_them(package: str) -> None:
    order, found = ORDER[package], set()
    for path in sorted((ROOT / package).rglob("*.py")):
        room = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        found.add(room)
        for other in rooms_imported(path, package) - {room}:
            assert order.index(room) < order.index(other), f"{path.relative_to(ROOT)} imports {package}.{other}"
    assert found == set(order)


def rooms_imported(path: Path, package: str) -> set[str]:
    """First parts below `package` of every import of it anywhere in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = (name.split(".") for name in names)
    return {part[1] for part in parts if part[0] == package and len(part) > 1}


@pytest.mark.parametrize("name", ["flows/pipeline.py", "flows/person_removal.py"])
def test_the_dag_fits_a_screen(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) < 120
