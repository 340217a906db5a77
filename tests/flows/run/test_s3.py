"""Output, and input, in an object store: a real S3 server on loopback."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import FAST, coco_settings, contents, manifest, remove
from command import Command

from data.errors import InputError
from data.storage.files import write_atomic
from data.storage.places import PlaceError, as_path, list_files
from flows.run import lock
from flows.run.lock import output_lock

pytest.importorskip("s3fs", reason="needs the extra `s3`")
server_module = pytest.importorskip("moto.server", reason="needs moto[server]")

Computed = Callable[[], dict[str, int]]
ALL = dict.fromkeys(("segment", "refine", "inpaint", "verify", "publish"), 6)


@pytest.fixture(scope="module", autouse=True)
def requests() -> Iterator[Counter[str]]:
    """An S3 server, found through the environment as any other; counts its requests by the stage of an artifact."""
    counts: Counter[str] = Counter()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    application = server._server.app  # the WSGI application that it serves

    def counting(environ: dict[str, Any], start: Any) -> Any:
        parts = environ["PATH_INFO"].split("/.person-removal/")
        counts[parts[-1].split("/")[0] if len(parts) > 1 else "output"] += 1
        return application(environ, start)

    server._server.app = counting
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        for name, value in {
            "ACCESS_KEY_ID": "test",
            "SECRET_ACCESS_KEY": "test",
            "DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(f"AWS_{name}", value)
        yield counts
    server.stop()


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Path:
    place = as_path(f"s3://bucket-{abs(hash(request.node.name))}")
    place.fs.mkdir(str(place))  # type: ignore[attr-defined]
    return place


def published(output: Path) -> dict[str, bytes]:
    """As `contents`, from an object store."""
    names = sorted(name for name in list_files(output) if ".person-removal" not in name and name != "report.html")
    return {name: (output / name).read_bytes() for name in names}


def upload(folder: Path, place: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            write_atomic(place / path.relative_to(folder).as_posix(), path.read_bytes())
    return place


@pytest.mark.slow
def test_the_same_bytes_as_on_a_disk_and_cached_the_second_time(
    coco: Path, tmp_path: Path, bucket: Path, computed: Computed, requests: Counter[str]
) -> None:
    remove(coco, tmp_path / "out")
    computed()
    summary = remove(coco, bucket / "out", "run.workers=2")
    assert summary is not None and summary.states == {"removed": 5, "passthrough": 1}
    assert published(bucket / "out") == contents(tmp_path / "out")
    assert computed() == ALL

    time.sleep(1.1)  # S3 counts whole seconds: what was written in this one would count as this run's work
    requests.clear()
    again = remove(coco, bucket / "out")
    assert computed() == {} and again is not None and again.computed == 0
    assert not requests.keys() & {"segment", "refine", "inpaint", "verify"}, "listed, not asked one by one"
    assert requests["output"] < 36, "files of the collection as a whole, and lists: not six a photo"

    (bucket / "out/images/0001.png").unlink()
    (bucket / "out/images/0002.png").write_bytes(b"my own retouching")
    remove(coco, bucket / "out")
    assert computed() == {"publish": 2}
    result = published(bucket / "out")
    assert [v for k, v in result.items() if k.startswith("edited/")] == [b"my own retouching"]
    assert {k: v for k, v in result.items() if not k.startswith("edited/")} == contents(tmp_path / "out")


@pytest.mark.slow
def test_photos_from_s3(coco: Path, tmp_path: Path, bucket: Path) -> None:
    source = upload(coco, bucket / "coco")
    remove(source, tmp_path / "from-s3")
    remove(coco, tmp_path / "from-disk")
    assert contents(tmp_path / "from-s3") == contents(tmp_path / "from-disk")
    assert len(manifest(tmp_path / "from-s3")) == 6
    with pytest.raises(InputError, match="originals are never written to"):
        remove(source, source / "out")


@pytest.mark.slow
def test_the_command_line(coco: Path, bucket: Path, person_removal: Command) -> None:
    options = ["--preset", "coco", *(part for setting in FAST for part in ("--set", setting))]
    done = person_removal("run", coco, f"{bucket}/out", *options)
    assert done.returncode == 0, done.stderr
    assert f"{bucket}/out/report.html" in done.stdout
    with pytest.raises(InputError, match="cannot write there"):
        remove(coco, as_path("s3://there-is-no-such-bucket/out"))


def test_one_run_at_a_time(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, path = bucket / "out", bucket / "out/.person-removal/lock"
    with output_lock(out), pytest.raises(InputError, match="another run is working there"), output_lock(out):
        pass
    monkeypatch.setattr(lock, "LEASE", 0.0)
    held = lock._leased(out, path, wait=False)
    held.__enter__()  # and never left: a killed run
    time.sleep(0.01)
    monkeypatch.undo()
    with output_lock(out):
        assert json.loads(path.read_bytes())["until"] > time.time()


def test_an_address_that_cannot_be_used_is_one_sentence() -> None:
    with pytest.raises(PlaceError, match="no file system is known for nonsense://"):
        as_path("nonsense://bucket/out")


@pytest.mark.slow
def test_through_prefect(coco: Path, tmp_path: Path, bucket: Path, computed: Computed, prefect_harness: None) -> None:
    """Prefect's own results lie in the bucket too."""
    from flows.person_removal import person_removal

    remove(coco, tmp_path / "out")
    computed()
    for expected in (ALL, {}):
        person_removal(str(coco), str(bucket / "out"), settings=coco_settings())
        assert computed() == expected
    assert published(bucket / "out") == contents(tmp_path / "out")
    assert any(name.startswith(".person-removal/prefect/") for name in list_files(bucket / "out"))
