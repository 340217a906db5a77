"""Which annotation files go with the photos, and which photos each of them speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from configs import InputSettings
from data.coco import REMOVED, CocoError, CocoFile, load_coco
from data.errors import InputError

FOLLOWERS = ("person_keypoints_", "captions_")
"""Beginnings of names of files that go with an instances file of the same ending."""
NOT_EDITED = {"panoptic_": "panoptic annotations", "stuff_": "stuff annotations", "image_info_": "lists of images"}
"""Beginnings of names of files that are refused: the people are in their pictures or regions."""
_LOOKED_AT = 1000  # images by which the folder of a file's photos is recognised


@dataclass(frozen=True)
class AnnotationFile:
    """folder: what its file names are relative to. prefix: that folder below the collection's (`train2017/` or "").
    main: its persons are the collection's; a file that is not only follows what became of the photos."""

    coco: CocoFile
    folder: Path
    prefix: str = ""
    main: bool = True

    def name_of(self, image: Mapping[str, Any]) -> str:
        """The photo's name in the collection: `file_name` without `./` and doubled slashes, below the prefix."""
        name = image.get("file_name")
        if not isinstance(name, str) or not name:
            return f"{self.prefix}(image {image.get('id')!r:.40} without a file_name)"
        return self.prefix + (PurePosixPath(name).as_posix() if is_inside(name) else name)


def find_annotation_files(root: Path, settings: InputSettings) -> tuple[list[AnnotationFile], list[str]]:
    """The annotation files of the photos below `root` (none for a plain folder), and a sentence on each that is there
    and not taken. Raises InputError, also when it cannot be told which are meant."""
    if settings.annotations == "none":
        return [], []
    named = [root / name.strip() for name in (settings.annotations or "").split(",") if name.strip()]
    for path in named:
        if not path.is_file():
            raise InputError(f"{path}: the annotation file of input.annotations is not there.")
    present = sorted(path for path in (root / "annotations").glob("*.json") if path.name != REMOVED)
    candidates = named or _candidates(present)
    notes, mains = [], []
    for path in candidates:
        coco = _load(path)
        if folder := _folder(root, settings, coco):
            mains.append(AnnotationFile(coco, folder))
        elif named or len(candidates) == 1:
            raise InputError(
                f"{root}: none of the photos of {path.name} is here; name their folder: --set input.images=DIR."
            )
        else:
            notes.append(f"{path.name}: its photos are not here, so it is not in the output.")
    if candidates and not mains:
        names = ", ".join(path.relative_to(root).as_posix() for path in candidates)
        raise InputError(f"{root}: none of the photos of {names} is here; name their folder: --set input.images=DIR.")
    if not named:
        _check_apart(root, mains)
    files = [
        *mains,
        *(_follower(path, main) for main in mains for path in _followers(main.coco.path) if path not in named),
    ]
    taken = {file.coco.path for file in files} | set(candidates)
    for path in present if files else ():
        if path not in taken:
            why = next(
                (f" ({what} are not supported)" for start, what in NOT_EDITED.items() if path.name.startswith(start)),
                "",
            )
            notes.append(f"{path.name}: it is not edited{why}, so it is not in the output.")
    return files, notes


def is_inside(name: str) -> bool:
    """Whether a `file_name` stays below its folder on every operating system."""
    path = PurePosixPath(name)
    return bool(path.parts) and not (
        path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":")
    )


def _candidates(present: Sequence[Path]) -> list[Path]:
    """The files whose persons count: instances, else files of no known kind, else keypoints."""
    instances = [path for path in present if path.name.startswith("instances")]
    others = [path for path in present if not path.name.startswith((*FOLLOWERS, *NOT_EDITED))]
    keypoints = [path for path in present if path.name.startswith(FOLLOWERS[0])]
    if found := instances or others or keypoints:
        return found
    for path in present:
        for start, what in NOT_EDITED.items():
            if path.name.startswith(start):
                raise InputError(
                    f"{path}: {what} are not supported; add the instances file, or take the photos as a plain folder "
                    "with --set input.annotations=none."
                )
    return list(present)


def _folder(root: Path, settings: InputSettings, coco: CocoFile) -> Path | None:
    """Where the photos of a file are."""
    if settings.images:
        folder = root / settings.images
        if not folder.is_dir():
            raise InputError(f"{folder}: the folder of input.images is not there.")
        return folder
    split = _split(coco.path)
    names = [image.get("file_name") for image in coco.images[:_LOOKED_AT]]
    inside = [name for name in names if isinstance(name, str) and is_inside(name)]
    for folder in (root / "images" / split, root / split, root / "images", root):
        if folder.is_dir() and any(_exists(folder / name) for name in inside):
            return folder
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # names that no file can have
        return False


def _split(path: Path) -> str:
    """`instances_val2017.json` -> `val2017`."""
    for start in ("instances_", *FOLLOWERS):
        if path.stem.startswith(start):
            return path.stem.removeprefix(start)
    return path.stem


def _followers(main: Path) -> list[Path]:
    paths = [main.with_name(f"{start}{_split(main)}.json") for start in FOLLOWERS]
    return [path for path in paths if path != main and path.is_file()]


def _follower(path: Path, main: AnnotationFile) -> AnnotationFile:
    return AnnotationFile(_load(path), main.folder, main=False)


def _load(path: Path) -> CocoFile:
    try:
        return load_coco(path)
    except CocoError as error:
        raise InputError(str(error)) from None


def _check_apart(root: Path, mains: Sequence[AnnotationFile]) -> None:
    """Of several files that list the same photos, nobody said which is right."""
    owners: dict[Path, Path] = {}
    for file in mains:
        for image in file.coco.images:
            path = file.folder / file.name_of(image)
            other = owners.setdefault(path, file.coco.path)
            if other != file.coco.path:
                a, b = (p.relative_to(root).as_posix() for p in (other, file.coco.path))
                raise InputError(
                    f"{root}: several annotation files list the same photos ({a} and {b}); choose one with "
                    f"--set input.annotations={a}, or both with --set input.annotations={a},{b}."
                )
