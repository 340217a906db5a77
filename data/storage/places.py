"""Where files lie: on a local disk or, as `s3://bucket/...`, in an object store.

A place in an object store is a `upath.UPath` (fsspec behind the interface of `pathlib.Path`) and is typed as Path
here: the rest of the program does not tell the two apart, but for the few functions here and in data/storage/files.py.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol, TypedDict, cast

from configs import UserError

_ADDRESS = re.compile(r"(?i)([a-z][a-z0-9+.:-]+):(//+|(?<=s3:)/?)([^/?#]*)(.*)", re.DOTALL)
"""scheme (fsspec's chains and `jdbc:` have several), slashes, bucket or host, the rest. `s3:` counts with any number of
slashes: it is a slip, no folder."""
_SIGNED = re.compile(r"(?i)\?.*(sig|signature|credential|token|password|key)[^=&]*=")
_NOT_FOLDER = re.compile(r"[?#&;=]|::")
_BUCKET = re.compile(r"[a-zA-Z0-9][\w.-]{1,254}|arn:[\w.:-]{1,250}")
_HEAD = 1 << 16
Stamp = list[int | str | None]
"""[size, mtime in ns] of a local file, [size, etag] of an object: equal stamps, equal content."""


class PlaceError(UserError):
    """An address (`s3://...`) that cannot be used here; one sentence for the user."""


def as_path(text: str | Path) -> Path:
    """A local path, or the place that an address such as `s3://bucket/folder` names.

    Credentials, region and endpoint come from the user's environment, as for every S3 tool. Raises PlaceError, whose
    sentence never has more of an address than scheme, bucket and folder.
    """
    address = None if isinstance(text, Path) else _ADDRESS.match(str(text))
    if address is None:
        return Path(text)
    scheme, slashes, bucket, rest = address.groups()
    if "@" in bucket or (":" in bucket and "@" in rest) or _SIGNED.search(rest):  # a secret key may hold slashes
        raise PlaceError(
            f"An address of {scheme}:// with credentials or a signature in it: leave them out; they come from the "
            "environment (AWS_ACCESS_KEY_ID, AWS_PROFILE and the like)."
        )
    folder = re.split(_NOT_FOLDER, rest, maxsplit=1)[0]
    if scheme.lower() != "s3":
        raise PlaceError(
            f"{scheme}://{bucket}{folder}: no file system is known for {scheme}:// here; s3://bucket/folder works."
        )
    if slashes != "//" or not _BUCKET.fullmatch(bucket):
        raise PlaceError(f"{scheme}:{slashes}{bucket}{folder}: write it as s3://bucket/folder.")
    try:
        from upath import UPath

        # without fsspec's listings cache: other processes write there too
        return cast(Path, UPath(f"s3://{bucket}{rest}".rstrip("/"), use_listings_cache=False))
    except ImportError:
        raise PlaceError(f"{text}: this needs another package: pip install 'person-removal[s3]'.") from None
    except ValueError as error:
        raise PlaceError(f"{text}: not an address of an object store ({error}).") from None


def file_name(path: str) -> str:
    """The last part of a path, whichever operating system wrote it down."""
    return PurePosixPath(path.replace("\\", "/")).name


def is_remote(path: Path) -> bool:
    """Whether it is an object store's."""
    return not isinstance(path, Path)


class ObjectInfo(TypedDict, total=False):
    """What a file system of fsspec tells of an object; which time it has depends on the store."""

    size: int
    ETag: str | None
    LastModified: datetime | float
    mtime: datetime | float
    created: datetime | float


class FileSystem(Protocol):
    """What is used of fsspec's file systems."""

    def put_file(self, lpath: str, rpath: str) -> object: ...
    def pipe_file(self, path: str, value: bytes, mode: str) -> object: ...
    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes: ...
    def info(self, path: str) -> ObjectInfo: ...
    def find(self, path: str, detail: bool) -> dict[str, ObjectInfo]: ...


class _Place(Protocol):
    @property
    def fs(self) -> FileSystem: ...


def file_system(path: Path) -> FileSystem:
    """The file system of a place in an object store."""
    return cast(_Place, path).fs


def bytes_in(stamp: Stamp) -> int:
    """The size that a stamp tells of."""
    return int(stamp[0] or 0)


class Listed(NamedTuple):
    """A file of `list_files`. written: seconds since the epoch (an object store counts whole ones)."""

    stamp: Stamp
    written: float

    @property
    def size(self) -> int:
        """Bytes."""
        return bytes_in(self.stamp)


class Disk:
    """What is done in folders of this machine. Methods raise OSError."""

    at_once = 1
    """Files that are worth asking for at a time."""

    def absolute(self, path: Path) -> Path:
        return path.expanduser().resolve()

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def stamp(self, path: Path) -> Stamp:
        stat = path.stat()
        return [stat.st_size, stat.st_mtime_ns]

    def move(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)

    def files(self, root: Path) -> dict[str, Listed]:
        out: dict[str, Listed] = {}
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(root / folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False) and not _is_junction(entry):
                            folders.append(f"{folder}{entry.name}/")
                        else:
                            stat = entry.stat(follow_symlinks=False)
                            out[f"{folder}{entry.name}"] = Listed([stat.st_size, stat.st_mtime_ns], stat.st_mtime)
            except (FileNotFoundError, NotADirectoryError):  # gone meanwhile, or a file
                continue
        return out

    def folders(self, root: Path) -> list[Path]:
        """Those directly in a folder, by name, without hidden ones."""
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))

    def free(self, folder: Path) -> int | None:
        """Bytes that can be written there. folder: need not be there yet."""
        return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free

    def holds(self, folder: Path, place: Path) -> bool:
        """Whether `place`, or a folder above it, is `folder`, also under another name: where the file system does not
        tell upper from lower case, or mounts a folder twice."""
        if place.is_relative_to(folder):
            return True
        try:
            return any(above.exists() and above.samefile(folder) for above in (place, *place.parents))
        except OSError:
            return False


class ObjectStore:
    """The same for an object store: it has no folders, no links and no end."""

    at_once = 16

    def absolute(self, path: Path) -> Path:
        return path

    def read(self, path: Path) -> bytes:
        return file_system(path).cat_file(str(path))  # one GET, where `Path.read_bytes` would ask for the size first

    def stamp(self, path: Path) -> Stamp:
        info = file_system(path).info(str(path))
        return [info["size"], info.get("ETag")]

    def move(self, path: Path, target: Path) -> None:
        target.write_bytes(self.read(path))
        path.unlink()

    def files(self, root: Path) -> dict[str, Listed]:
        found = file_system(root).find(str(root), detail=True)
        base = len(str(root).split("://", 1)[1]) + 1
        return {name[base:]: Listed([info["size"], info.get("ETag")], _written(info)) for name, info in found.items()}

    def folders(self, root: Path) -> list[Path]:
        return []

    def free(self, folder: Path) -> int | None:
        return None

    def holds(self, folder: Path, place: Path) -> bool:
        return place.is_relative_to(folder)


_DISK, _OBJECTS = Disk(), ObjectStore()


def storage_of(path: Path) -> Disk | ObjectStore:
    """Where a path is."""
    return _OBJECTS if is_remote(path) else _DISK


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises OSError."""
    return storage_of(path).read(path)


def stamp_of(path: Path) -> Stamp:
    """What changes when the file does. Raises OSError."""
    return storage_of(path).stamp(path)


def list_files(root: Path) -> dict[str, Listed]:
    """Every file below `root`, by its posix path there; an object store answers a thousand a request."""
    return storage_of(root).files(root)


def put(path: Path, target: Path) -> None:
    """A local file into an object store: nobody sees a part of it."""
    file_system(target).put_file(str(path), str(target))


def read_head(path: Path) -> bytes:
    """The beginning of an object, 64 KiB at the most: one GET. Raises OSError."""
    return file_system(path).cat_file(str(path), start=0, end=_HEAD)


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Whether a folder of Windows is another one under a second name (`is_dir` of Python 3.11 cannot tell)."""
    return os.name == "nt" and bool(getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0))


def _written(info: ObjectInfo) -> float:
    moment = info.get("LastModified") or info.get("mtime") or info.get("created") or 0
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
