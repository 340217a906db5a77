"""Output directories that somebody prepared, with links to other places and records of files elsewhere: nothing outside
them changes, and every photo is accounted for or the run is refused in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import coco_settings, make_coco, manifest, remove
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from data.errors import InputError
from data.storage.files import sha256
from data.storage.store import Store
from data.types import STATES
from flows.cli.cache import app as cache
from flows.cli.main import app
from flows.plan.selection import Selection
from flows.run import store_maintenance
from flows.run.job import execute, prepare

pytestmark = [
    pytest.mark.slow,  # whole runs
    pytest.mark.skipif(os.name == "nt", reason="links need a privilege there"),
]
STORE = ".person-removal"
STAGES = ("given", "segment", "refine", "inpaint", "verify", "publish", "published")
FOLDERS = [
    *("images", "masks", "review", "report", "annotations", "edited", STORE),
    *("images/sub", "masks/sub", "review/sub", "images/sub/deeper", "annotations/sub"),
    *(f"{STORE}/{name}" for name in (*STAGES, "shards", "runs", "prefect", "packed")),
    *(f"{STORE}/{name}/{two}" for name in STAGES for two in ("00", "7f", "any")),
]
FILES = [
    *("manifest.jsonl", "people.json", "report.html", "decisions.json", "attribution.csv"),
    *("images/0001.png", "images/0003.png", "masks/0001.png", "images/sub/0005.png", "report/any"),
    *("annotations/instances_test.json", "annotations/removed_annotations.json"),
    *(f"{STORE}/{name}" for name in ("lock", "running", "collection.json", "digests.json", "latest.json")),
    *(f"{STORE}/{name}" for name in ("standing.json", "shards.json", "rates.json", "annotations.json")),
    *(f"{STORE}/{name}/any" for name in ("shards", "runs")),
    *(f"{STORE}/{name}/any/any" for name in STAGES),
    *(f"{STORE}/packed/artifacts.sqlar{end}" for end in ("", "-journal", "-wal")),
]
TARGETS = [
    *("in", "in/images", "in/images/sub", "in/images/0001.png", "in/images/0003.png"),
    *("in/annotations/instances_test.json", "other", "other/folder", "other/secret.txt", "other/secret.json"),
    *("other/nothing", "out", "out/images", "out/masks", "itself", "/dev/zero"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection, somebody's other files, and the output directory of a run over the collection."""
    root = tmp_path_factory.mktemp("world")
    make_coco(root / "in")
    (root / "other/folder").mkdir(parents=True)
    (root / "other/secret.txt").write_text("secret")
    (root / "other/secret.json").write_text('{"0001.png": "secret", "rows": []}')
    (root / "other/folder/deep.txt").write_text("deep")
    remove(root / "in", root / "out")
    return root


@pytest.fixture
def copied(world: Path, tmp_path: Path) -> Path:
    return copy(world, tmp_path / "copy")


def copy(world: Path, root: Path) -> Path:
    """The world under another path; its output directory is known as the result of the copied collection."""
    shutil.copytree(world, root, symlinks=True)
    if (root / "out").is_dir():
        Store(root / "out" / STORE).write_note("collection.json", {"input": str(root.resolve() / "in")})
    return root.resolve()


def outside(root: Path) -> dict[str, Any]:
    """All that is beside the output directory: what kind of thing, its mode, and its bytes."""
    found: dict[str, Any] = {}
    for folder in ("in", "other"):
        for path in (root / folder, *sorted((root / folder).rglob("*"))):
            status = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else os.listdir(path)  # noqa: PTH208
            found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


def plant(root: Path, name: str, target: str, hard: bool = False) -> None:
    """Put a link at `out/name`, in place of what stands there. `any` is the first name that does."""
    path = root / "out"
    for part in name.split("/"):
        if part == "any":
            part = min((entry.name for entry in path.iterdir()), default="any") if path.is_dir() else "any"
        path = path / part
    if any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(root / "out")):
        return
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    if path.parent.is_file() or path.parent.is_symlink():
        path.parent.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path if target == "itself" else root / target
    if hard and place.is_file():
        os.link(place, path)
    else:
        path.symlink_to(place)


def run(root: Path, *overrides: str) -> InputError | None:
    """A run into the planted directory; the sentence that refused it."""
    try:
        remove(root / "in", root / "out", *overrides)
    except InputError as error:
        assert "\n" not in str(error) and str(error).endswith(".")
        return error
    return None


def check_accounted(root: Path) -> None:
    """Every photo is in the manifest, and what is published is a file of its own."""
    rows = manifest(root / "out")
    assert set(rows) == {"0001.png", "0002.png", "0003.png", "0004.png", "sub/0005.png", "sub/0006.png"}
    for row in rows.values():
        assert row["state"] in STATES
        if row["output"]:
            published = root / "out" / row["output"]
            status = published.lstat()
            assert stat.S_ISREG(status.st_mode) and status.st_nlink == 1
            assert sha256(published.read_bytes()) == row["output_sha256"]
    for name in ("manifest.jsonl", "people.json", "report.html", "annotations/instances_test.json"):
        assert stat.S_ISREG((root / "out" / name).lstat().st_mode)
        assert b"secret" not in (root / "out" / name).read_bytes()


def maintain(root: Path) -> None:
    """Everything of `cache`."""
    for command in (["size"], ["verify"], ["prune"], ["prune", "--all"]):
        result = CliRunner().invoke(cache, [command[0], str(root / "out"), *command[1:]])
        assert result.exception is None or isinstance(result.exception, InputError | SystemExit)


@pytest.mark.parametrize("target", ["in/images", "other/nothing"])
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_is_a_link_is_refused(copied: Path, name: str, target: str) -> None:
    plant(copied, name, target)
    before = outside(copied)
    error = run(copied, "refine.dilate=0.2")
    maintain(copied)
    if not (error is None and name.split("/")[-1] in ("deeper", "sub") and name.startswith(("images/sub/", "annot"))):
        assert error is not None and " is a link that leads to " in str(error)
    assert outside(copied) == before


@pytest.mark.parametrize("name", ["images", "masks/sub", STORE, f"{STORE}/shards"])
def test_the_folders_that_matter_most(copied: Path, name: str) -> None:
    plant(copied, name, "in/images")
    before = outside(copied)
    assert " is a link that leads to " in str(run(copied, "refine.dilate=0.2"))
    for command in (["prune", "--all"], ["verify"]):
        result = CliRunner().invoke(cache, [command[0], str(copied / "out"), *command[1:]])
        assert isinstance(result.exception, InputError) or name.startswith("masks")
    assert outside(copied) == before


@pytest.mark.parametrize("hard", [False, True], ids=["symbolic", "hard"])
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("images/0001.png", "in/images/0001.png"),
        ("images/0003.png", "in/images/0003.png"),  # nobody is in it: the result has the same bytes
        ("masks/0001.png", "in/images/0001.png"),
        ("manifest.jsonl", "other/secret.json"),
        ("people.json", "other/secret.json"),
        ("report.html", "other/secret.txt"),
        ("annotations/instances_test.json", "in/annotations/instances_test.json"),
        (f"{STORE}/digests.json", "other/secret.json"),
        (f"{STORE}/shards/any", "other/secret.json"),
        (f"{STORE}/publish/any/any", "other/secret.txt"),
        (f"{STORE}/packed/any", "other/secret.txt"),
        (f"{STORE}/packed/any-journal", "in/images/0001.png"),
    ],
)
def test_a_file_that_is_a_link_is_replaced(copied: Path, name: str, target: str, hard: bool) -> None:
    plant(copied, name, target, hard)
    before = outside(copied)
    assert run(copied, "refine.dilate=0.2") is None
    check_accounted(copied)
    maintain(copied)
    assert outside(copied) == before


@pytest.mark.parametrize("hard", [False, True], ids=["symbolic", "hard"])
def test_the_lock_and_the_log_are_opened_in_place(copied: Path, hard: bool) -> None:
    plant(copied, f"{STORE}/lock", "in/images/0001.png", hard)
    before = outside(copied)
    assert "this is no lock of a run" in str(run(copied))
    (copied / "out" / STORE / "lock").unlink()
    plant(copied, "log.jsonl", "in/images/0001.png", hard)
    assert "log" in str(run(copied, f"run.log_json={copied / 'out/log.jsonl'}"))
    plant(copied, "log.jsonl", "other/new.jsonl")
    assert "the log is a link" in str(run(copied, f"run.log_json={copied / 'out/log.jsonl'}"))
    assert "no log of runs" in str(run(copied, f"run.log_json={copied / 'in/images/0001.png'}"))
    assert outside(copied) == before
    (copied / "out/log.jsonl").unlink()
    for _ in range(2):
        assert run(copied, f"run.log_json={copied / 'out/log.jsonl'}") is None


ELSEWHERE = ("../in/images/0001.png", "images/../../in/images/0001.png", "ABSOLUTE", "masks/../../other/secret.txt")


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("known", [True, False], ids=["its digest", "another"])
def test_a_record_of_a_file_elsewhere_moves_and_deletes_nothing(copied: Path, name: str, known: bool) -> None:
    store, original = Store(copied / "out" / STORE), copied / "in/images/0001.png"
    name = str(original) if name == "ABSOLUTE" else name
    victim = (copied / "out" / name).resolve()
    said = {"sha256": sha256(victim.read_bytes()) if known else "0" * 64, "stamp": [1, 1]}
    for key in (*store.artifacts("published"), "f" * 16):  # of photos that are there, and of one that left
        store.write("published", key, b"", {"files": {name: said}, "name": "x", "writing": {name: said["sha256"]}})
    store.write_note("annotations.json", {"made_from": "x", "files": {name: None, f"annotations/{name}": None}})
    before = outside(copied)
    assert run(copied, "refine.dilate=0.2") is None
    check_accounted(copied)
    assert outside(copied) == before


@pytest.mark.parametrize(
    "note",
    [
        "digests.json",
        "latest.json",
        "standing.json",
        "shards.json",
        "rates.json",
        "annotations.json",
        "collection.json",
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        ["../../other/secret.json", "/etc/passwd", 5, None, {"a": 1}],
        {"files": 5, "counts": 5, "count": "many", "input": 5, "made_from": []},
        {"a": 5, "segment annotations cpu": [], "/x": "y", "refine cpu": ["a", "b"]},
        "text",
        "NESTED",
        "PATHS",
    ],
)
def test_notes_that_no_run_wrote(copied: Path, note: str, value: Any) -> None:
    if value == "PATHS":
        value = {str(copied / f"in/images/000{number}.png"): wrong for number, wrong in enumerate([5, [], "x", [1]], 1)}
    text = "[" * 100_000 if value == "NESTED" else json.dumps(value)
    (copied / "out" / STORE / note).write_text(text)
    before = outside(copied)
    error = run(copied)
    assert (error is None) == (note != "collection.json")
    if error is None:
        check_accounted(copied)
    else:
        assert "the directory holds other files" in str(error)
    maintain(copied)
    assert outside(copied) == before


def test_a_plan_is_believed_only_when_it_says_what_was_planned(copied: Path) -> None:
    """Shards and runs are named by their content, and names can be guessed."""
    job = prepare(copied / "in", copied / "out", coco_settings(), Selection())
    for shard in map(Path, job.planned.shards):
        rows = json.loads(shard.read_text())
        for row in rows:
            row["path"] = str(copied / "other/secret.txt")
            row["sha256"] = sha256(b"secret")
        shard.write_text(json.dumps(rows))
    for path in (copied / "out" / STORE / "shards").glob("segment-*"):
        path.write_text('{"inputs": [], "shard": "", "rows": []}')
    assert run(copied) is None
    check_accounted(copied)


def test_the_note_of_a_strangers_input_reaches_no_other_machine(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for noted in ("s3://bucket/photos", "https://example.com/photos", "//server/share", "\\\\server\\share"):
        Store(copied / "out" / STORE).write_note("collection.json", {"input": noted})
        assert f"it holds the result of {noted}" in str(run(copied))


@pytest.mark.parametrize("left", [(), (".0123456789abcdef.tmp",)])
def test_a_run_killed_at_its_first_step_is_gone_on_with(copied: Path, left: tuple[str, ...]) -> None:
    shutil.rmtree(copied / "out")
    (copied / "out" / STORE).mkdir(parents=True)
    for name in left:
        (copied / "out" / STORE / name).touch()
    assert run(copied) is None
    check_accounted(copied)


@pytest.mark.parametrize("there", ["letter.txt", f"{STORE}/other.txt"])
def test_an_empty_store_makes_no_directory_ours(copied: Path, there: str) -> None:
    shutil.rmtree(copied / "out")
    (copied / "out" / STORE).mkdir(parents=True)
    (copied / "out" / there).write_text("mine")
    before = sorted((copied / "out").rglob("*"))
    assert "the directory holds other files" in str(run(copied))
    assert sorted((copied / "out").rglob("*")) == before


def test_places_that_overlap_under_other_names(copied: Path) -> None:
    (copied / "link").symlink_to(copied / "in")
    for source, output in [("link", "in/out"), ("in", "link/out"), ("in/images", "link/images/out"), ("link", "in")]:
        with pytest.raises(InputError, match="must lie apart from the input"):
            remove(copied / source, copied / output)
    assert run(copied) is None
    remove(copied / "link", copied / "out")  # an input that is reached by a link is fine


@pytest.mark.parametrize("way", ["link", "setting", "above"])
def test_photos_are_never_taken_from_the_output(copied: Path, way: str) -> None:
    """Their names below OUT/images would be those of the results."""
    before, overrides = {p: p.read_bytes() for p in (copied / "out/images").rglob("*.png")}, []
    if way == "link":
        shutil.rmtree(copied / "in/images")
        (copied / "in/images").symlink_to(copied / "out/images")
    else:
        overrides = [f"input.images={copied / 'out/images' if way == 'setting' else copied}"]
    assert f"must lie apart from the photos' folder {copied}" in str(run(copied, "refine.dilate=0.2", *overrides))
    assert {p: p.read_bytes() for p in (copied / "out/images").rglob("*.png")} == before


@pytest.mark.parametrize("stage", ["segment", "refine", "inpaint", "verify", "publish"])
@pytest.mark.parametrize("value", [5, [], {}, None, "text", [{"a": 5}]], ids=repr)
def test_facts_of_another_shape_are_not_believed(copied: Path, stage: str, value: Any) -> None:
    """The digest in an artifact is of its content alone."""
    store = Store(copied / "out" / STORE)
    for key in store.artifacts(stage):
        header = store.header(stage, key)
        assert header
        store.write(stage, key, store.read(stage, key), dict.fromkeys(header.facts or ["degraded"], value))
    assert run(copied) is None
    check_accounted(copied)


def test_files_that_are_too_large_are_not_looked_into(copied: Path) -> None:
    """They may be sparse: a terabyte takes no place on a disk, and an hour to be hashed."""
    for name in ("in/images/0003.png", "out/images/0001.png"):
        with (copied / name).open("r+b") as file:
            file.truncate(1 << 40)
    assert run(copied, "refine.dilate=0.2") is None
    rows = manifest(copied / "out")
    assert rows["0003.png"]["state"] == "refused" and "1,099.5 GB" in rows["0003.png"]["reason"]
    assert rows["0001.png"]["state"] == "removed"
    assert [p.stat().st_size for p in (copied / "out/edited").rglob("0001.png")] == [1 << 40]
    with (copied / "out/masks/0002.png").open("r+b") as file:
        file.truncate(1 << 40)
    assert "0002.png: the file is larger than any mask" in str(run(copied))


@pytest.mark.parametrize("name", ["annotations", "images", "report", f"{STORE}/shards", f"{STORE}/runs"])
def test_a_file_where_a_folder_is_to_be(copied: Path, name: str) -> None:
    plant(copied, name, "in/images/0001.png", hard=True)
    before, error = outside(copied), run(copied, "refine.dilate=0.2")
    if error:
        assert f"{copied / 'out' / name}: something else stands where a run writes" in str(error)
    else:
        assert {row["state"] for row in manifest(copied / "out").values()} == {"failed"}
    assert outside(copied) == before


@pytest.mark.parametrize("name", ["manifest.jsonl", "people.json", "attribution.csv", "report.html", "decisions.json"])
def test_a_folder_where_a_file_is_to_be(copied: Path, name: str) -> None:
    (copied / "out" / name).unlink(missing_ok=True)
    (copied / "out" / name / "deep").mkdir(parents=True)
    error = run(copied, "refine.dilate=0.2")
    assert error is None or f"{copied / 'out' / name}: " in str(error)
    assert error or name == "attribution.csv"


def test_the_command_line_says_it_in_one_sentence(copied: Path) -> None:
    plant(copied, "images", "in/images")
    arguments = ["run", str(copied / "in"), str(copied / "out"), "--preset", "coco", "--fill", "telea"]
    for more in ([], ["--dry-run"]):
        result = CliRunner().invoke(app, [*arguments, *more])
        assert isinstance(result.exception, InputError)
        assert str(result.exception).startswith(
            f"{copied / 'out/images'} is a link that leads to {copied / 'in/images'}"
        )


def test_links_that_appear_while_a_run_works(copied: Path) -> None:
    """What was checked before the run is looked at again at every write."""
    shutil.rmtree(copied / "out")
    job = prepare(copied / "in", copied / "out", coco_settings("run.workers=1"), Selection())
    (copied / "out/images").symlink_to(copied / "in/images")
    before = outside(copied)
    with pytest.raises(InputError, match="is a link that leads to"):
        execute(job)
    assert outside(copied) == before
    (copied / "out/images").unlink()
    execute(job)
    check_accounted(copied)


def test_old_notes_are_not_pruned_through_a_link(copied: Path) -> None:
    """Below the command line's own check, too."""
    plant(copied, f"{STORE}/shards", "other/folder")
    os.utime(copied / "other/folder/deep.txt", (1, 1))
    before = outside(copied)
    with pytest.raises(InputError, match="is a link that leads to"):
        store_maintenance.prune(Store(copied / "out" / STORE), everything=True)
    assert outside(copied) == before


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


links = st.tuples(st.sampled_from(FOLDERS + FILES), st.sampled_from(TARGETS), st.booleans())


@given(
    planted=st.lists(links, min_size=1, max_size=4),
    base=st.sampled_from(["run", "note", "empty store", "nothing"]),
    change=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_any_links_at_any_depth(
    world: Path, scratch: Path, planted: list[tuple[str, str, bool]], base: str, change: bool
) -> None:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        root = copy(world, Path(folder) / "copy")
        if base != "run":
            shutil.rmtree(root / "out")
            (root / "out").mkdir()
        if base in ("note", "empty store"):
            (root / "out" / STORE).mkdir()
        if base == "note":
            Store(root / "out" / STORE).write_note("collection.json", {"input": str(root / "in")})
        for name, target, hard in planted:
            plant(root, name, target, hard)
        before = outside(root)
        if run(root, *(["refine.dilate=0.2"] if change else [])) is None:
            check_accounted(root)
        maintain(root)
        assert outside(root) == before
