"""What is in the input directory: photos in a fixed order, and the COCO annotations that go with them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from configs import InputSettings
from data.coco import CocoError, CocoFile, load_coco
from data.images import EXTENSIONS
from data.places import is_remote, list_files


class InputError(Exception):
    """An input or output directory that cannot be used; one sentence for the user."""


@dataclass(frozen=True)
class Source:
    """One photo of the collection. name: posix path below the photos' folder; refused: why it cannot be taken."""

    name: str
    path: Path
    image_id: int | None = None
    stated_size: tuple[int, int] | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Collection:
    """A folder of photos, with or without a COCO annotation file. `images` is the folder that names are below."""

    root: Path
    images: Path
    sources: tuple[Source, ...]
    annotations: Path | None = None
    coco: CocoFile | None = None


def read_collection(root: Path, settings: InputSettings) -> Collection:
    """Find the photos below `root` and its annotation file. Raises InputError."""
    if not root.is_dir():
        raise InputError(f"{root}: the input directory is not there.")
    annotations = find_annotations(root, settings)
    try:
        coco = load_coco(annotations) if annotations else None
    except CocoError as error:
        raise InputError(str(error)) from None
    images = _images_folder(root, settings, annotations, coco)
    found = dict(walk_photos(images))
    sources = [_from_folder(images, name, path) for name, path in found.items()]
    if coco:
        sources = _join(images, sources, coco)
    if not sources:
        raise InputError(f"{root}: there are no photos in it.")
    return Collection(root, images, tuple(sorted(sources, key=lambda s: s.name)), annotations, coco)


def walk_photos(folder: Path) -> list[tuple[str, Path]]:
    """(name, path) of every photo below `folder`, sorted by name; hidden files and folders are passed over."""
    if is_remote(folder):
        names = (name for name in list_files(folder) if not any(part.startswith(".") for part in name.split("/")))
        return sorted((n, folder / n) for n in names if PurePosixPath(n).suffix.lower() in EXTENSIONS)
    out = []
    for directory, folders, files in os.walk(folder):  # follows no links to folders, so it cannot loop
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in files:
            path = Path(directory) / file
            if path.suffix.lower() in EXTENSIONS and not file.startswith("."):
                out.append((path.relative_to(folder).as_posix(), path))
    return sorted(out)


def find_annotations(root: Path, settings: InputSettings) -> Path | None:
    """The COCO annotation file that belongs to the photos; None for a plain folder. Raises InputError."""
    if settings.annotations == "none":
        return None
    if settings.annotations:
        path = root / settings.annotations
        if not path.is_file():
            raise InputError(f"{path}: the annotation file of input.annotations is not there.")
        return path
    candidates = sorted((root / "annotations").glob("instances*.json")) or sorted((root / "annotations").glob("*.json"))
    if len(candidates) > 1:  # several splits: the one whose photos are here
        matching = [c for c in candidates if (root / _split(c)).is_dir() or (root / "images" / _split(c)).is_dir()]
        candidates = matching if len(matching) == 1 else candidates
    if len(candidates) > 1:
        names = ", ".join(c.relative_to(root).as_posix() for c in candidates)
        raise InputError(f"{root}: several annotation files ({names}); choose one with --set input.annotations=FILE.")
    return candidates[0] if candidates else None


def _split(annotations: Path) -> str:
    return annotations.stem.removeprefix("instances_")


def _images_folder(root: Path, settings: InputSettings, annotations: Path | None, coco: CocoFile | None) -> Path:
    if settings.images:
        folder = root / settings.images
        if not folder.is_dir():
            raise InputError(f"{folder}: the folder of input.images is not there.")
        return folder
    if annotations is None or coco is None:
        return root
    names = [str(image.get("file_name", "")) for image in coco.images[:20]]
    split = _split(annotations)
    for folder in (root / "images" / split, root / split, root / "images", root):
        if folder.is_dir() and any(is_inside(name) and (folder / name).exists() for name in names):
            return folder
    raise InputError(
        f"{root}: none of the photos of {annotations.name} is here; name their folder: --set input.images=DIR."
    )


def is_inside(name: str) -> bool:
    """Whether a `file_name` stays below its folder on every operating system."""
    path = PurePosixPath(name)
    return bool(name) and not (
        path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":")
    )


def _from_folder(folder: Path, name: str, path: Path) -> Source:
    reason = None
    if not name.isprintable():
        reason = f"{name!r}: control characters or an unreadable encoding in the name."
    elif is_remote(path):  # objects are no links, and no devices
        pass
    elif not path.is_file():
        reason = f"{name}: not a regular file."
    elif not path.resolve().is_relative_to(folder.resolve()):
        reason = f"{name}: a link that leads out of the input directory."
    return Source(name, path, refused=reason)


def _join(folder: Path, sources: list[Source], coco: CocoFile) -> list[Source]:
    """Give every photo its COCO image; images without a usable file become sources with a reason."""
    by_name = {source.name: source for source in sources}
    out: dict[str, Source] = {}
    for image in coco.images:
        name, image_id = str(image.get("file_name", "")), image.get("id")
        size = image.get("height"), image.get("width")
        stated = (size[0], size[1]) if isinstance(size[0], int) and isinstance(size[1], int) else None
        if not is_inside(name):
            reason: str | None = f"{name!r}: file_name leads out of the photos' folder."
        elif not isinstance(image_id, int):
            reason = f"{name}: its image id is not a number."
        elif name in out:
            reason = f"{name}: several images of the annotation file have this file_name."
        else:
            reason = None
        found = by_name.get(name)
        if found is None and reason is None:
            found = _from_folder(folder, name, folder / name)
        path, reason = (found.path, reason or found.refused) if found else (folder, reason)
        out[name] = Source(name, path, image_id if isinstance(image_id, int) else None, stated, reason)
    return [*out.values(), *(source for name, source in by_name.items() if name not in out)]
