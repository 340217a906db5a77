"""`cache size|prune|verify`: what goes is made again, nothing that is needed goes, nothing is left lying about."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from artifacts import artifacts, change
from collection_with_people import coco_settings, contents, remove
from typer.testing import CliRunner, Result

from data.errors import InputError
from data.storage.files import atomic_file, is_temporary
from data.storage.homes import ARCHIVE
from data.storage.store import Store
from flows.cli.cache import app
from flows.pipeline import STAGE_NAMES
from flows.plan.selection import selection
from flows.run import store_maintenance
from flows.run.job import execute, prepare
from flows.run.lock import output_lock

pytestmark = pytest.mark.slow  # whole runs

Computed = Callable[[], dict[str, int]]
STORE = ".person-removal"


def cache(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_size_counts_every_artifact_and_every_file(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    sizes = store_maintenance.sizes(Store(out / STORE))
    assert {name: sizes.shares[name].number for name in STAGE_NAMES} == dict.fromkeys(STAGE_NAMES, 6)
    files = [path for path in (out / STORE).rglob("*") if path.is_file()]
    assert (sizes.files, sizes.bytes) == (len(files), sum(path.stat().st_size for path in files))
    assert len(files) < 6 * len(STAGE_NAMES)
    done = cache("size", out)
    assert done.exit_code == 0 and "inpaint" in done.stdout


def test_packed_as_the_run_goes_on(
    coco: Path, tmp_path: Path, computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove(coco, tmp_path / "once")
    monkeypatch.setattr(store_maintenance, "_MANY", 2)
    out = tmp_path / "out"
    computed()
    for _ in range(2):
        remove(coco, out, refresh="refine")
        assert contents(out) == contents(tmp_path / "once")
    assert computed() == dict.fromkeys(STAGE_NAMES, 6) | {"refine": 12}
    remove(coco, out)
    assert computed() == {}


@pytest.mark.parametrize(
    ("harm", "by_command"),
    [
        (lambda b: b[: len(b) // 2], False),
        (lambda b: b[: len(b) // 2] + bytes(len(b) - len(b) // 2), True),
        (lambda b: bytes(len(b)), True),
        (None, False),
    ],
    ids=["truncated", "half of zeros", "zeros", "gone"],
)
def test_an_archive_that_is_damaged_or_gone_is_made_again(
    coco: Path, tmp_path: Path, harm: Callable[[bytes], bytes] | None, by_command: bool, computed: Computed
) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    before, archive = contents(out), out / STORE / ARCHIVE
    if harm:
        archive.write_bytes(harm(archive.read_bytes()))
        if by_command:
            done = cache("verify", out)
            assert done.exit_code == 1 and f"{ARCHIVE}: damaged" in done.stdout
            assert cache("verify", out).exit_code == 0
    else:
        archive.unlink()
    computed()
    remove(coco, out)
    assert computed() and contents(out) == before and not (out / "edited").exists()
    remove(coco, out)
    assert computed() == {}


def test_prune_keeps_what_the_last_run_is_made_from(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    remove(coco, out, "refine.dilate=0.3")
    remove(coco, out)
    computed()
    before = artifacts(out)
    done = cache("prune", out, "--dry-run")
    assert "Would free" in done.stdout and artifacts(out) == before

    cache("prune", out)
    kept = artifacts(out)
    assert kept.items() < before.items()
    assert Counter(name.split("/")[0] for name in kept) == dict.fromkeys(("given", *STAGE_NAMES), 6)
    result = contents(out)
    remove(coco, out)
    assert computed() == {} and contents(out) == result


def test_prune_keeps_what_a_run_of_single_stages_has_just_made(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    remove(coco, out, "refine.dilate=0.3", stages="segment,refine")
    cache("prune", out)
    computed()
    remove(coco, out, "refine.dilate=0.3", stages="segment,refine")
    assert computed() == {}
    remove(coco, out)
    assert computed().keys() <= {"publish"}, "whose masks the single stages had written over"


def test_prune_by_age(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    old, new, *_ = artifacts(out, "inpaint")
    change(out, old, bytes, time.time() - 40 * 86400)
    cache("prune", out, "--all", "--older-than", "30d")
    left = artifacts(out)
    assert old not in left and new in left
    with pytest.raises(InputError, match="write it as 30d"):
        cache("prune", out, "--older-than", "soon")


@pytest.mark.parametrize("by_setting", [True, False], ids=["run.keep=false", "cache prune --all"])
def test_without_artifacts_everything_is_computed_again_and_edits_are_still_known(
    coco: Path, tmp_path: Path, computed: Computed, by_setting: bool
) -> None:
    out = tmp_path / "out"
    remove(coco, out, f"run.keep={str(not by_setting).lower()}")
    if not by_setting:
        cache("prune", out, "--all")
    assert artifacts(out) == {}
    first = contents(out)
    (out / "images/0001.png").write_bytes(b"my own retouching")
    computed()
    remove(coco, out)
    assert computed() == dict.fromkeys(STAGE_NAMES, 6)
    after = contents(out)
    edited = {name for name in after if name.startswith("edited/")}
    assert [after[name] for name in edited] == [b"my own retouching"]
    assert {name: data for name, data in after.items() if name not in edited} == first


@pytest.mark.parametrize("stage", ["given", *STAGE_NAMES])
@pytest.mark.parametrize("damage", [lambda b: b[:-7], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b""])
def test_verify_finds_damage_and_the_next_run_makes_just_that_again(
    coco: Path, tmp_path: Path, computed: Computed, stage: str, damage: Callable[[bytes], bytes]
) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    result = contents(out)
    assert cache("verify", out).exit_code == 0
    victim = min(artifacts(out, stage))
    change(out, victim, damage)
    computed()
    done = cache("verify", out)
    assert done.exit_code == 1 and victim[-64:] in done.stdout and victim not in artifacts(out)
    remove(coco, out)
    assert computed() == ({} if stage == "given" else {stage: 1})
    assert contents(out) == result
    assert cache("verify", out).exit_code == 0


def test_not_beside_a_running_run(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    with output_lock(out):
        for command in ("prune", "verify"):
            with pytest.raises(InputError, match="another run is working there; stop it"):
                cache(command, out)
        (out / STORE / "running").write_text("alpha, process 7")
        with pytest.raises(InputError, match=r"another run is working there \(alpha, process 7\); stop it"):
            remove(coco, out)
        (out / STORE / "running").unlink()
        assert cache("size", out).exit_code == 0
    with pytest.raises(InputError, match="no result of a run"):
        cache("size", tmp_path)


def test_old_notes_and_what_killed_writers_left_go(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for share in ("0.1", "0.2", "0.3"):
        remove(coco, out, f"refine.dilate={share}", "run.shard_size=2")
    notes = [p for folder in ("shards", "runs") for p in (out / STORE / folder).iterdir()]
    for path in notes:
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    left = [out / "images/.0123456789abcdef.tmp", out / STORE / "inpaint/ab/.0123456789abcdef.tmp"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    with atomic_file(tmp_path / "x") as file:
        assert all(is_temporary(Path(name).name) for name in [file.name, *left]), "such names writers use"
    job = prepare(coco, out, coco_settings("run.shard_size=2"), selection())
    (out / STORE / "running").touch()
    execute(job)
    assert not any(path.exists() for path in left)
    assert not (out / STORE / "running").exists()
    after = {p for folder in ("shards", "runs") for p in (out / STORE / folder).iterdir()}
    assert len(after & set(notes)) < len(notes) / 2
    remove(coco, out, "run.shard_size=2")
