"""Where a run may write: an output directory apart from the input, ours or empty, without links that lead elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from data.collection.folder import check_is_folder
from data.errors import InputError
from data.storage.files import canonical_json, is_temporary, write_atomic
from data.storage.inside import inside, refuse_links
from data.storage.places import as_path, is_remote, storage_of
from data.storage.store import Store
from flows.stages.context import STORE, RunContext
from flows.stages.output_files import FOLDERS

OWNER = "collection.json"
"""The note by which a store is known: the first thing that is written into one, and always of a run."""


def check_places(source: Path, output: Path) -> None:
    """Raises InputError where `output` cannot be the result of `source`; both are real paths."""
    check_is_folder(source)
    if _overlap(source, output):
        raise InputError(
            f"{output}: the output directory must lie apart from the input; originals are never written to."
        )
    if output.is_dir():
        check_links(output)
        if not is_store(output / STORE) and not _is_bare(output):
            raise InputError(f"{output}: the directory holds other files; give an empty or a new one.")
    elif output.exists():
        raise InputError(f"{output}: the output is a file; give a directory.")


def check_photo_places(folders: Iterable[Path], output: Path) -> None:
    """Raises InputError where photos are taken from the output directory, or it lies among them.

    folders: of the photos; by a link or by `input.images` they may lie outside the input directory.
    """
    for folder in folders:
        real = storage_of(folder).absolute(folder)
        if _overlap(real, output):
            raise InputError(
                f"{output}: the output directory must lie apart from the photos' folder {real}; originals are never "
                "written to."
            )


def check_links(output: Path) -> None:
    """Raises InputError where a folder that runs write into is a link (`check_photo_folders` looks further down)."""
    for folder in (*FOLDERS, "annotations/", "edited/", f"{STORE}/"):
        inside(output, f"{folder}file")
    refuse_links(output / STORE, depth=2)


def is_store(folder: Path) -> bool:
    """Whether a folder is the store of a run, by its own notes: an empty folder of that name is none."""
    return input_of(Store(folder)) is not None


def input_of(store: Store) -> str | None:
    """The input whose result an output directory holds; None where it is no run's."""
    found = store.note(OWNER, dict[str, object]()).get("input")
    return found if isinstance(found, str) else None


def _is_bare(output: Path) -> bool:
    """Whether nothing is there, or only what a run left that was killed before it had written its first note."""
    if any(path.name != STORE for path in output.iterdir()):
        return False
    begun = output / STORE
    return not begun.exists() or (begun.is_dir() and all(is_temporary(path.name) for path in begun.iterdir()))


def _overlap(one: Path, other: Path) -> bool:
    """Whether one of two places lies in the other."""
    storage = storage_of(one)
    return storage is storage_of(other) and (storage.holds(one, other) or storage.holds(other, one))


def check_owner(context: RunContext, source: Path) -> None:
    """One output directory belongs to one input, or the photos of one would take those of the other away.

    Raises InputError. The note may be somebody else's work: no other machine is asked whether its input is there.
    """
    noted = context.store.note(OWNER, dict[str, object]()).get("input", str(source))
    if noted == str(source) or not isinstance(noted, str):
        return
    elsewhere = "://" in noted or noted.startswith(("\\\\", "//"))
    if (elsewhere and not _same_host(noted, str(source))) or as_path(noted).is_dir():
        raise InputError(f"{context.output}: it holds the result of {noted}; give another output directory.")


def _same_host(one: str, other: str) -> bool:
    """Whether two addresses are of one bucket, or two paths of one network share."""
    return PurePosixPath(one.replace("\\", "/")).parts[:2] == PurePosixPath(other.replace("\\", "/")).parts[:2]


def claim(context: RunContext, source: Path) -> None:
    """Make the store, or go on with the one that is there. Raises InputError."""
    owner = {"input": str(source)}
    try:
        context.store.create()
        if context.store.note(OWNER, dict[str, str]()) != owner:  # on the disk for good: by it the store is known
            write_atomic(context.store.own(OWNER), canonical_json(owner), durable=True)
    except OSError as error:
        raise InputError(f"{context.output}: cannot write there ({error.strerror or error}).") from None


def check_log(target: str | None, output: Path) -> None:
    """Raises InputError where `run.log_json` is a file that no run began, so that nothing is appended to a photo, or
    leads out of the output directory that it seems to lie in, or cannot be written."""
    if target in (None, "-"):
        return
    if is_remote(as_path(str(target))):
        raise InputError(f"{as_path(str(target))}: the log is a local file; give one (run.log_json).")
    path = Path(str(target)).expanduser().absolute()
    if not path.parent.is_dir() or path.is_dir():
        raise InputError(
            f"{path}: the log cannot be written there; name a file in a folder that is there (run.log_json)."
        )
    if not is_remote(output) and path.is_relative_to(output):
        inside(output, path.relative_to(output).as_posix())
        if path.is_symlink():
            raise InputError(f"{path}: the log is a link; give the file that it is to be (run.log_json).")
    if path.is_file():
        with path.open("rb") as file:
            begins = file.read(8)
        if begins and begins != b'{"time":':
            raise InputError(f"{path}: this file is no log of runs, so nothing is appended to it; name a new one.")
