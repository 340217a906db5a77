"""Disk full, disk broken, and a kill at every single write: whole files or none, and the next run makes it good."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from collection_with_people import box_annotation, contents, remove, save_photo
from failing_disk import Disk, failing

from data.errors import InputError
from data.storage.files import is_temporary
from data.storage.store import Store
from flows.run import store_maintenance

pytestmark = pytest.mark.slow
OFTEN = 3
"""Artifacts after which they are packed while the run goes on."""


@pytest.fixture(autouse=True, scope="module")
def packing_often() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_maintenance, "_MANY", OFTEN)
        yield


STAGES = ("given", "segment", "refine", "inpaint", "verify", "publish", "published")
QUICK = ("publish.report=false",)


def make(root: Path) -> Path:
    """A COCO directory of one photo with a person; instances and captions."""
    save_photo(root / "images/a.png", 1, (20, 30, 16, 40))
    tree = {
        "images": [{"id": 1, "file_name": "a.png", "height": 96, "width": 128, "license": 4}],
        "annotations": [box_annotation(1, 1, 1, (20, 30, 16, 40)), box_annotation(2, 1, 18, (30, 60, 20, 20))],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
        "licenses": [{"id": 4, "name": "Attribution"}],
    }
    captions = {"images": tree["images"], "annotations": [{"id": 1, "image_id": 1, "caption": "a man"}]}
    (root / "annotations").mkdir()
    (root / "annotations/instances_x.json").write_text(json.dumps(tree))
    (root / "annotations/captions_x.json").write_text(json.dumps(captions))
    return root


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes], int]:
    """The collection, what an undisturbed run makes of it, and how often that run asks the disk for something."""
    folder = tmp_path_factory.mktemp("undisturbed")
    coco = make(folder / "coco")
    with failing(Disk(-1, lambda: None)) as disk:
        remove(coco, folder / "out", *QUICK)
    return coco, contents(folder / "out"), disk.done


def files(out: Path) -> Iterator[Path]:
    return (path for path in out.rglob("*") if path.is_file())


def check_whole(out: Path, reference: dict[str, bytes]) -> None:
    """No file under a final name is a part of one."""
    for path in files(out):
        name = path.relative_to(out).as_posix()
        if is_temporary(path.name):
            continue
        if name.startswith(("images/", "masks/")):
            assert path.read_bytes() == reference[name], name
        elif path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".jsonl":
            for line in path.read_text().splitlines():
                json.loads(line)
    store = Store(out / ".person-removal")
    for stage in STAGES:
        for key in store.artifacts(stage):
            store.read(stage, key)


def raises(code: int) -> None:
    raise OSError(code, os.strerror(code))


@pytest.mark.parametrize(("code", "stays"), [(errno.ENOSPC, True), (errno.EIO, False)], ids=["full", "one I/O error"])
def test_at_every_write(
    undisturbed: tuple[Path, dict[str, bytes], int], tmp_path: Path, code: int, stays: bool
) -> None:
    coco, reference, number = undisturbed
    assert number > 40
    failed, tried = 0, range(0, number, 1 if stays else 3)
    for at in tried:
        out = tmp_path / str(at)
        with failing(Disk(at, lambda: raises(code), stays)):
            try:
                summary = remove(coco, out, *QUICK)
                failed += summary is not None and summary.states.get("failed", 0)
            except InputError as error:
                assert str(error).startswith(f"{out}: ") and os.strerror(code) in str(error)
                failed += 1
        check_whole(out, reference)
        assert not [path for path in files(out) if is_temporary(path.name)]
        again = remove(coco, out, *QUICK)
        assert again is not None and again.states == {"removed": 1}
        assert contents(out) == reference, at
    assert failed == len(tried), "every failure was told"


KILLED = """
import os, sys
from pathlib import Path
from collection_with_people import remove
from failing_disk import Disk, failing
import flows.stages.models, inpainting.opencv  # before the fork
from flows.run import store_maintenance
store_maintenance._MANY = int(sys.argv[4])
coco, folder, number = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for at in range(number):
    if os.fork() == 0:
        with failing(Disk(at, lambda: os._exit(9))):
            remove(coco, folder / str(at), "publish.report=false")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.wait()[1])
    assert code == 9, (at, code)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_every_write(undisturbed: tuple[Path, dict[str, bytes], int], tmp_path: Path) -> None:
    coco, reference, number = undisturbed
    root = Path(__file__).resolve().parents[3]
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests/support")])}
    subprocess.run(
        [sys.executable, str(script), str(coco), str(tmp_path), str(number), str(OFTEN)],
        env=environment,
        check=True,
        timeout=300,
    )
    for at in range(number):
        out = tmp_path / str(at)
        check_whole(out, reference)
        again = remove(coco, out, *QUICK)
        assert again is not None and again.states == {"removed": 1}
        assert contents(out) == reference, at
