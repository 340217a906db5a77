"""A folder that becomes a link between the look at it and the write: nothing lands behind the link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import InputError
from data.storage import inside as module
from data.storage.inside import remove_inside, write_inside
from data.storage.store import Store

pytestmark = pytest.mark.skipif(not module._FROM_FOLDERS, reason="this system opens no file from an open folder")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def swapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a link to another folder, which is returned, in a folder's place as soon as the way to it was looked at."""

    def swap(name: str) -> Path:
        look, other = module.inside, tmp_path / "other"
        other.mkdir()

        def then_swap(root: Path, path: str) -> Path:
            out = look(root, path)
            folder = root / name
            if not folder.is_symlink():
                folder.rename(root / "was")
                folder.symlink_to(other, target_is_directory=True)
            return out

        monkeypatch.setattr(module, "inside", then_swap)
        return other

    return swap


def test_a_file_is_not_written_behind_the_link(tmp_path: Path, swapped: Callable[[str], Path]) -> None:
    root = tmp_path / "out"
    (root / "images/sub").mkdir(parents=True)
    other = swapped("images")
    (other / "sub").mkdir()
    (other / "sub/a.jpg").write_bytes(b"an original")
    with pytest.raises(InputError, match="is a link"):
        write_inside(root, "images/sub/a.jpg", b"new")
    with pytest.raises(InputError, match="is a link"):
        remove_inside(root, "images/sub/a.jpg")
    assert (other / "sub/a.jpg").read_bytes() == b"an original" and names(other / "sub") == ["a.jpg"]


def test_an_artifact_is_not_written_behind_the_link(tmp_path: Path, swapped: Callable[[str], Path]) -> None:
    store = Store(tmp_path / "out/.person-removal")
    store.create()
    store.write("refine", "ab12", b"{}")
    other = swapped(".person-removal/refine")
    with pytest.raises(InputError, match="is a link"):
        store.write("refine", "ab34", b"{}")
    assert not any(other.iterdir())


def test_files_are_written_and_removed_in_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    write_inside(tmp_path, "a/b/c.txt", b"1", durable=True)
    write_inside(tmp_path, "a/b/c.txt", b"2")
    write_inside(tmp_path, "d.txt", b"3")
    assert (tmp_path / "a/b/c.txt").read_bytes() == b"2" and (tmp_path / "d.txt").read_bytes() == b"3"
    assert names(tmp_path / "a/b") == ["c.txt"], "no temporary file is left"
    remove_inside(tmp_path, "a/b/c.txt")
    remove_inside(tmp_path, "a/b/c.txt")
    remove_inside(tmp_path, "nowhere/c.txt")
    assert names(tmp_path / "a/b") == []
