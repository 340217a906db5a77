"""Small files together in one: found again, never half there, and nothing is believed that somebody else put in."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.storage.archive import Archive, Packed
from data.storage.homes import ARCHIVE, LocalHome
from data.storage.store import Store

NAMES = st.sampled_from(["a/00/x", "a/01/y", "b/00/x", "b0/00/x", "b/zz"])


@settings(max_examples=25)
@given(st.lists(st.dictionaries(NAMES, st.binary(max_size=100)), max_size=4), st.sets(NAMES))
def test_it_holds_what_was_put_in_last(
    tmp_path_factory: pytest.TempPathFactory, each: list[dict[str, bytes]], without: set[str]
) -> None:
    archive, expected = Archive(tmp_path_factory.mktemp("a") / "x.sqlar"), dict[str, bytes]()
    for number, files in enumerate(each):
        archive.rebuild([Packed(name, number + 0.25, data) for name, data in files.items()], set(files))
        expected |= files
    archive.rebuild((), without)
    expected = {name: data for name, data in expected.items() if name not in without}
    found = {f"{folder}/{name}" for folder in ("a", "b", "b0") for name in archive.files(folder)}
    assert found == set(expected) and archive.count() == len(expected)
    assert {name: archive.get(name) and archive.get(name).data for name in expected} == expected  # type: ignore[union-attr]


def test_any_sqlite_reads_it(tmp_path: Path) -> None:
    Archive(tmp_path / "x.sqlar").rebuild([Packed("a/b", 5.5, b"data")], set())
    with closing(sqlite3.connect(tmp_path / "x.sqlar")) as opened:
        assert opened.execute("SELECT name, mode, mtime, sz, data FROM sqlar").fetchall() == [
            ("a/b", 0o100600, 5.5, 4, b"data")
        ]


@pytest.fixture
def home(tmp_path: Path) -> LocalHome:
    made = LocalHome(tmp_path / ".person-removal")
    made.create()
    return made


def loose(home: LocalHome) -> set[str]:
    return {path.relative_to(home.root).as_posix() for path in home.root.rglob("*") if path.is_file()} - {ARCHIVE}


def test_small_files_are_packed_large_ones_are_not(home: LocalHome) -> None:
    home.write("a/00/small", b"small")
    home.write("a/00/empty", b"")
    home.write("a/00/large", bytes(1 << 16))
    home.write("b/00/small", b"other")
    before = home.files("a")
    assert home.pack(["a"]) == 2
    assert loose(home) == {"a/00/large", "b/00/small"}
    assert {name: (file.size, file.written) for name, file in home.files("a").items()} == {
        name: (file.size, file.written) for name, file in before.items()
    }
    assert (home.read("a/00/small"), home.head("a/00/small"), home.read("a/00/empty")) == (b"small", b"small", b"")
    assert home.written("a/00/small") == before["00/small"].written


def test_few_new_ones_wait_for_more(home: LocalHome) -> None:
    def write(first: int, last: int) -> None:
        for number in range(first, last):
            home.write(f"a/00/{number}", bytes([number, number]))

    write(0, 64)
    assert home.pack(["a"]) == 64
    write(64, 67)
    assert home.pack(["a"]) == 64 and len(loose(home)) == 3
    write(67, 68)
    assert home.pack(["a"]) == 68 and not loose(home)
    assert [home.read(f"a/00/{number}") for number in range(68)] == [bytes([number, number]) for number in range(68)]


def test_a_new_file_counts_before_the_packed_one_and_a_removed_one_is_gone(home: LocalHome) -> None:
    for name in ("kept", "changed", "removed"):
        home.write(f"a/00/{name}", b"first")
    home.pack(["a"])
    for _ in range(2):
        home.write("a/00/changed", b"second")
        home.remove("a/00/removed")
        assert home.files("a").keys() == {"00/kept", "00/changed"}
        assert home.read("a/00/changed") == b"second"
        with pytest.raises(FileNotFoundError):
            home.read("a/00/removed")
        assert home.pack(["a"]) == 2 and not loose(home)


def test_what_is_removed_for_good_frees_its_place(home: LocalHome) -> None:
    for number in range(100):
        home.write(f"a/00/{number}", os.urandom(1000))
    home.pack(["a"])
    size = (home.root / ARCHIVE).stat().st_size
    home.write("a/00/loose", b"loose")
    home.remove_all({f"a/00/{number}" for number in range(90)} | {"a/00/loose", "a/00/nothing"})
    assert home.files("a").keys() == {f"00/{number}" for number in range(90, 100)}
    assert (home.root / ARCHIVE).stat().st_size < size / 3 and not loose(home)


TABLE = "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);"
COUNTING = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)"
OTHER_TABLES = {
    "an endless view": f"CREATE VIEW sqlar AS {COUNTING} SELECT n AS name, n AS mtime, n AS sz, n AS data FROM t",
    "a trigger": f"{TABLE} CREATE TRIGGER t AFTER INSERT ON sqlar BEGIN DELETE FROM sqlar; END",
    "values of other types": f"{TABLE} INSERT INTO sqlar VALUES ('a/00/000', 1, 'x', NULL, 'text'), "
    "(x'00', 1, 1, 1, x'00'), ('a/../..', 1, 1, 1, x'00')",
}


def harm(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.unlink()
    if how in OTHER_TABLES:
        with closing(sqlite3.connect(path)) as made:
            made.executescript(OTHER_TABLES[how])
    elif how == "a folder":
        path.mkdir()
    elif how == "a pipe":
        os.mkfifo(path)
    elif how == "a link":
        path.with_name("other").write_bytes(data)
        path.symlink_to(path.with_name("other"))
    else:
        path.write_bytes({"empty": b"", "no database": b"x" * 5000, "half": data[: len(data) // 2]}[how])


@pytest.mark.skipif(os.name == "nt", reason="pipes and links")
@pytest.mark.parametrize("how", [*OTHER_TABLES, "a folder", "a pipe", "a link", "empty", "no database", "half"])
def test_an_archive_of_somebody_else_gives_nothing_and_is_replaced(home: LocalHome, how: str) -> None:
    store = Store(home.root)
    for number in range(100):
        store.write("a", f"00{number}", os.urandom(100))
    store.pack(["a"])
    harm(home.root / ARCHIVE, how)
    found = [number for number in range(100) if store.header("a", f"00{number}")]
    assert len(found) < 60 and all(store.read("a", f"00{number}") for number in found)
    assert set(store.artifacts("a")) <= {f"00{number}" for number in range(100)}
    store.write("a", "00new", b"new")
    if how == "a folder":
        with pytest.raises(IsADirectoryError):
            store.pack(["a"])
    else:
        store.pack(["a"])
        assert store.read("a", "00new") == b"new" and (home.root / ARCHIVE).is_file()
        assert not (home.root / ARCHIVE).is_symlink()


@pytest.mark.parametrize("end", ["-journal", "-wal"])
def test_no_journal_beside_it_is_believed(home: LocalHome, tmp_path: Path, end: str) -> None:
    """SQLite would write or delete what such a file names, or, where it is a link, leads to."""
    home.write("a/00/0", b"first")
    home.pack(["a"])
    other = tmp_path / "other"
    other.write_bytes(b"somebody's")
    Path(f"{home.root / ARCHIVE}{end}").symlink_to(other)
    assert home.read("a/00/0") == b"first"
    home.write("a/00/1", b"second")
    home.pack(["a"])
    assert home.read("a/00/1") == b"second" and other.read_bytes() == b"somebody's"
