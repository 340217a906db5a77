"""What happens to the command line when its surroundings are not what it expects: streams, faults, Prefect's files, a
user's files that have the names of our packages."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from collection_with_people import FAST

from flows.cli import main as command_line
from flows.cli.last_resort import sentence_of
from flows.cli.streams import lasting_streams, without_credentials
from flows.deployments import ServerError
from flows.deployments.settings_files import check_prefect_database, check_prefect_settings

ROOT = Path(__file__).resolve().parents[3]
RUN = ["--preset", "coco", "--fill", "telea", *(part for setting in FAST for part in ("--set", setting))]


def started(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_stdout_that_is_not_utf_8(coco: Path, tmp_path: Path, encoding: str) -> None:
    (coco / "images/été 日本 👨‍👩‍👧.png").write_bytes((coco / "images/0002.png").read_bytes())
    run = ["run", coco, tmp_path / "out", *RUN, "--allow-review"]
    done = started(*run, PYTHONIOENCODING=encoding)
    assert b"Traceback" not in done.stderr and b"\\u65e5\\u672c" in done.stdout
    done = started(*run, "--json", PYTHONIOENCODING=encoding)
    summary = json.loads(done.stdout.decode("ascii"))
    assert any("日本 👨" in problem for problem in summary["problems"]) and b"Traceback" not in done.stderr


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_end_the_run(coco: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", "run", str(coco), str(tmp_path / "out"), *RUN],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # before the first word
    said = process.stderr.read().decode()
    assert process.wait(300) == 0, said
    assert said == "stdout ends here (nobody reads it); the command goes on.\n"
    assert (tmp_path / "out/report.html").exists()


def test_streams_are_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(ZeroDivisionError), lasting_streams():
        print("a\udcff", "https://me:secret@host/x")
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "a\\udcff https://***@host/x\n"


def test_a_closed_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with lasting_streams():
        print("to nobody")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://key:secret@bucket/x", "s3://***@bucket/x"),
        ("at 'https://token@host'.", "at 'https://***@host'."),
        ("https://host/x?X-Amz-Signature=abc&y=1 is", "https://host/x?*** is"),
        ("https://host/a@b and me@host", "https://host/a@b and me@host"),
        ("10:11 C:\\x\\y", "10:11 C:\\x\\y"),
    ],
)
def test_no_address_is_shown_with_its_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


# ---------------------------------------------------------------- faults of the program


def test_what_nobody_expected_is_a_sentence_and_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fault(**_: object) -> None:
        raise KeyError("https://me:secret@host")

    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    monkeypatch.setattr(command_line, "plain", lambda _: fault)
    monkeypatch.setattr(sys, "argv", ["person-removal", "run"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    (log,) = (tmp_path / "logs").iterdir()
    said = capsys.readouterr().err
    assert ended.value.code == 70 and "Traceback" not in said and str(log) in said and "KeyError" in said
    assert "Traceback" in log.read_text() and "secret" not in log.read_text() + said
    if os.name == "posix":
        assert log.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(sys, "argv", ["person-removal", "run", "--verbose"])
    with pytest.raises(SystemExit):
        command_line.main()
    assert "Traceback" in capsys.readouterr().err


def test_a_store_that_does_not_answer_is_no_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raised = pytest.importorskip("botocore.exceptions").NoCredentialsError()

    def fault(**_: object) -> None:
        raise raised

    monkeypatch.setattr(command_line, "plain", lambda _: fault)
    monkeypatch.setattr(sys, "argv", ["person-removal", "cache", "size", "s3://bucket/out"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "object store" in said and "Traceback" not in said


def test_where_no_log_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "file"))
    assert "--verbose" in sentence_of(ValueError("x" * 1000)) and len(sentence_of(ValueError("x" * 1000))) < 700


# ---------------------------------------------------------------- Prefect's own files

FILES = {
    "prefect.toml": ("prefect.toml", b"[plugins\n"),
    "prefect.toml of other bytes": ("prefect.toml", b"\xff\xfe"),
    "a value in prefect.toml": ("prefect.toml", b'[client]\nmax_retries="many"\n'),
    "nested 10,000 deep": ("prefect.toml", b"a = " + b"[" * 10_000 + b"]" * 10_000),
    "a number of 5,000 digits": ("prefect.toml", b"a = " + b"1" * 5_000),
    "pyproject.toml": ("pyproject.toml", b"[tool.prefect\n"),
    ".env": (".env", b"PREFECT_CLIENT_MAX_RETRIES=many\n"),
    ".env of other bytes": (".env", b"\xff\xfe\x00"),
    "profiles": ("home/profiles.toml", b'active = "x\n'),
    "a value in a profile": ("home/profiles.toml", b'active = "a"\n[profiles.a]\nPREFECT_CLIENT_MAX_RETRIES="many"\n'),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_prefects_broken_files_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    path = tmp_path / FILES[name][0]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(FILES[name][1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    # Settings are read once a process: this asks for them as a new process would.
    code = "from flows.deployments.settings_files import check_prefect_settings as c; c()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("flows.deployments.ServerError: ") and str(path) in last


def test_a_folder_in_the_place_of_prefect_toml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "prefect.toml").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ServerError, match=r"prefect\.toml"):
        check_prefect_settings()


@pytest.mark.parametrize("content", ["another revision", "no database", "a new one"])
def test_a_database_of_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_API_URL, temporary_settings

    path = tmp_path / "prefect.db"
    if content == "no database":
        path.write_bytes(b"something else, which is no database at all")
    else:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE alembic_version (version_num TEXT)")
            if content == "another revision":
                database.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
        database.close()
    url = f"sqlite+aiosqlite:///{path}"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}, restore_defaults={PREFECT_API_URL}):
        if content == "a new one":
            check_prefect_database()
        else:
            with pytest.raises(ServerError, match=r"prefect\.db.* PREFECT_HOME"):
                check_prefect_database()


# ---------------------------------------------------------------- a user's own data.py

OWN = ("configs.py", "data.py", "masks.py", "detection.py", "inpainting.py")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with files of a user that are called as our packages are."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in OWN:
        (folder / name).write_text("print('not yours')\n")
    return folder


@pytest.mark.slow
def test_a_users_files_do_not_get_into_the_command(coco: Path, tmp_path: Path, beside: Path) -> None:
    """Not by `python -m`, which looks into the working directory first, nor into its worker processes."""
    done = started("run", coco, tmp_path / "out", *RUN, "--workers", "2", cwd=beside)
    assert done.returncode == 0, done.stderr
    assert b"not yours" not in done.stdout + done.stderr


@pytest.mark.parametrize("code", ["from flows import remove_people", "import data\nfrom flows import remove_people"])
def test_a_users_program_is_told_which_file_is_in_the_way(beside: Path, code: str) -> None:
    (beside / "script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=beside,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: {beside / 'configs.py'} hides the package 'configs'")
