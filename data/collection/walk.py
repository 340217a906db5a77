"""Every file below a folder: the photos, and a word on what is not one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data.errors import InputError
from data.images.kinds import EXTENSIONS, HEAD, is_picture
from data.storage.files import open_regular
from data.storage.places import is_remote, list_files


@dataclass
class Walked:
    """photos: (name, path), sorted by name. links: to folders, which are not followed. others: names of files that
    are no photos. hidden: hidden folders, and hidden files that are photos by their names."""

    photos: list[tuple[str, Path]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def walk_photos(folder: Path) -> Walked:
    """The photos below `folder`: by the ending of their names or, on a local disk, by their first bytes.

    Hidden files and folders are passed over. Raises InputError for a folder that cannot be listed.
    """
    out = Walked()
    for name, path in _files(folder, out):
        ending = PurePosixPath(name).suffix.lower()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if hidden:
            if ending in EXTENSIONS and not PurePosixPath(name).name.startswith("._"):  # macOS's notes on a file
                out.hidden.append(name)
        elif ending in EXTENSIONS or _holds_picture(path):
            out.photos.append((name, path))
        else:
            out.others.append(name)
    out.photos.sort()
    return out


def _files(folder: Path, out: Walked) -> Iterator[tuple[str, Path]]:
    """(name, path) of every file outside hidden folders."""
    if is_remote(folder):
        for name in list_files(folder):
            yield name, folder / name
        return

    def unreadable(error: OSError) -> None:
        # Passed over, its photos would be lost without a word.
        raise InputError(f"{error.filename}: the folder cannot be listed ({error.strerror}); allow it or move it away.")

    for directory, folders, files in os.walk(folder, onerror=unreadable):  # follows no links to folders: cannot loop
        here = Path(directory)
        out.hidden += [(here / f).relative_to(folder).as_posix() + "/" for f in sorted(folders) if f.startswith(".")]
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        out.links += [f for f in folders if (here / f).is_symlink()]
        for file in files:
            yield (here / file).relative_to(folder).as_posix(), here / file


def _holds_picture(path: Path) -> bool:
    """By its first bytes; an object store would be asked once for every file."""
    if is_remote(path):
        return False
    try:
        with open_regular(path) as file:
            return is_picture(file.read(HEAD))
    except (OSError, ValueError):  # no regular file, or none that may be read
        return False


def notes_on(folder: Path, walked: Walked, annotations: Iterable[Path] = ()) -> Iterator[str]:
    """A sentence on each sort of file that is there and not taken. annotations: files that are, though no photos."""
    taken = {file.relative_to(folder).as_posix() for file in annotations if file.is_relative_to(folder)}
    if walked.links:
        yield f"{folder}: links to folders are not followed ({', '.join(walked.links[:3])}); copy them there."
    others = Counter(PurePosixPath(name).suffix.lower() or "no ending" for name in walked.others if name not in taken)
    if others:
        kinds = ", ".join(f"{ending}: {number}" for ending, number in others.most_common(8))
        rest = others.total() - sum(number for _, number in others.most_common(8))
        yield (
            f"Files that are no photos, so they are not in the output: {others.total()} "
            f"({kinds}{f', others: {rest}' if rest else ''})."
        )
    if walked.hidden:
        more = f" and {len(walked.hidden) - 3} more" if len(walked.hidden) > 3 else ""
        yield f"Hidden files and folders are not taken: {', '.join(walked.hidden[:3])}{more}."


def note_on_photos_elsewhere(root: Path, folders: Iterable[Path]) -> Iterator[str]:
    """A sentence on photos, by their names, below `root` but in none of the `folders` that photos are taken from."""
    taken, found = set(folders), Counter[str]()
    if is_remote(root) or root in taken:
        return
    for directory, below, files in os.walk(root):
        here = Path(directory)
        below[:] = [f for f in below if not f.startswith(".") and here / f not in taken]
        number = sum(PurePosixPath(f).suffix.lower() in EXTENSIONS and not f.startswith(".") for f in files)
        if number:
            found[here.relative_to(root).as_posix()] += number
    if found:
        places = ", ".join(f"{place}: {number}" for place, number in found.most_common(5))
        yield f"Pictures outside the photos' folder, so they are not taken: {found.total()} ({places})."
