"""The artifacts of a run, wherever the store keeps them: as files of their own, or together in one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.storage.archive import Packed
from data.storage.homes import LocalHome
from data.storage.store import Store
from flows.run.store_maintenance import ARTIFACTS


def home(output: Path) -> LocalHome:
    return LocalHome(output / ".person-removal")


def artifacts(output: Path, *stages: str) -> dict[str, float]:
    """When each artifact of these stages (none: of all) was written, by `stage/key`."""
    store = Store(output / ".person-removal")
    return {
        f"{stage}/{key}": file.written for stage in stages or ARTIFACTS for key, file in store.artifacts(stage).items()
    }


def change(output: Path, artifact: str, to: Callable[[bytes], bytes], written: float | None = None) -> None:
    """Change a packed artifact's bytes, or when it says that it was written, as no run does."""
    stage, key = artifact.split("/")
    name = f"{stage}/{key[:2]}/{key}"
    found = home(output).archive.get(name)
    assert found, "it is packed"
    home(output).archive.rebuild([Packed(name, found.written if written is None else written, to(found.data))], {name})


def remove_stages(output: Path, *stages: str) -> None:
    """Delete every artifact of these stages."""
    names = {f"{stage}/{name}" for stage in stages for name in home(output).files(stage)}
    home(output).remove_all(names)
