"""Which annotation files go with the photos, and which photos each of them speaks of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from configs import InputSettings
from data.coco import REMOVED, CocoError, CocoFile, NotAnnotationsError, load_coco
from data.collection.file_names import clean, is_inside, match_names, stated_name
from data.errors import InputError
from data.storage.places import storage_of

FOLLOWERS = ("person_keypoints_", "captions_")
"""Beginnings of names of files that go with an instances file of the same ending."""
NOT_EDITED = {"panoptic_": "panoptic annotations", "stuff_": "stuff annotations", "image_info_": "lists of images"}
"""Beginnings of names of files that are refused: the people are in their pictures or regions."""
ELSEWHERE = ("labels", "result", "annotation", "annotations", "dataset", "train", "val", "valid", "test")
"""Names under which tools put their file beside the photos or their folder; so is every name with `coco` in it, or
`instances` before it."""
_LOOKED_AT = 1000  # images by which the folder of a file's photos is recognised
_LOOKED_INTO = 100  # folders in which they are looked for


@dataclass(frozen=True)
class AnnotationFile:
    """folder: what its file names are relative to. prefix: that folder below the collection's (`train2017/` or "").
    main: its persons are the collection's; a file that is not only follows what became of the photos. output: its path
    below the `annotations/` of the results. matched: the photo that is meant by a name that is none as it stands."""

    coco: CocoFile
    folder: Path
    prefix: str = ""
    main: bool = True
    output: str = ""
    matched: Mapping[str, str] = field(default_factory=dict)

    def name_of(self, image: Mapping[str, object]) -> str:
        """The photo's name in the collection: `file_name` without `./` and doubled slashes, below the prefix."""
        name = stated_name(image)
        if name is None:
            return f"{self.prefix}(image {image.get('id')!r:.40} without a file_name)"
        return self.prefix + (self.matched.get(name) or (clean(name) if is_inside(name) else name))


def find_annotation_files(
    root: Path, settings: InputSettings, photos: Callable[[Path], set[str]]
) -> tuple[list[AnnotationFile], list[str]]:
    """The annotation files of the photos below `root` (none for a plain folder), and a sentence on each that is there
    and not taken. photos: names of those in a folder. Raises InputError, also when it cannot be told which are meant.
    """
    if settings.annotations == "none":
        return [], []
    named = [_named(root, name.strip()) for name in (settings.annotations or "").split(",") if name.strip()]
    present = sorted(path for path in (root / "annotations").glob("*.json") if path.name != REMOVED)
    candidates = named or _candidates(present)
    asked = bool(candidates)
    candidates = candidates or list(_elsewhere(root))
    notes: list[str] = []
    mains: list[AnnotationFile] = []
    others: list[CocoError] = []
    for path in candidates:
        try:
            coco = load_coco(path, settings.persons)
        except CocoError as error:
            if named or (asked and not isinstance(error, NotAnnotationsError)):
                raise InputError(str(error)) from None
            others.append(error)
            notes.append(f"{path.name}{str(error).removeprefix(str(path))[:-1]}, so it is not in the output.")
            continue
        if folder := _folder(root, settings, coco, photos, len(candidates) == 1):
            mains.append(AnnotationFile(coco, folder))
        elif named or (asked and len(candidates) == 1):
            raise InputError(_none_here(root, path.name, coco))
        else:
            notes.append(f"{path.name}: its photos are not here, so it is not in the output.")
    if asked and not mains:
        if len(others) == len(candidates):
            raise InputError(str(others[0]))
        names = ", ".join(path.relative_to(root).as_posix() for path in candidates)
        raise InputError(_none_here(root, names))
    files = [
        *mains,
        *(
            AnnotationFile(_load(path, settings), main.folder, main=False)
            for main in mains
            for path in _followers(main.coco.path)
            if path not in named
        ),
    ]
    taken = {file.coco.path for file in files} | set(candidates)
    for path in present if files else ():
        if path not in taken:
            why = next(
                (f" ({what} are not supported)" for start, what in NOT_EDITED.items() if path.name.startswith(start)),
                "",
            )
            notes.append(f"{path.name}: it is not edited{why}, so it is not in the output.")
    outputs = _outputs(root, [file.coco.path for file in files])
    return [replace(file, output=output) for file, output in zip(files, outputs, strict=True)], notes


def with_matches(file: AnnotationFile, photos: set[str]) -> tuple[AnnotationFile, list[str]]:
    """The file with the photos that its names mean, and a sentence where they do not fit as they stand. photos: names
    of those in its folder."""
    matched = match_names(filter(None, map(stated_name, file.coco.images)), photos)
    if not matched:
        return file, []
    name, photo = min(matched.items())
    note = (
        f"{file.output}: file names that are none of a photo here as they stand: {len(matched)}; each is taken for the "
        f"photo that its end fits ({name!r}: {photo})."
    )
    return replace(file, matched=matched), [note]


def check_apart(root: Path, mains: Sequence[AnnotationFile]) -> None:
    """Of several files that list the same photos, nobody said which is right. Raises InputError."""
    owners: dict[str, Path] = {}
    for file in mains:
        for image in file.coco.images:
            other = owners.setdefault(file.name_of(image), file.coco.path)
            if other != file.coco.path:
                a, b = (p.relative_to(root).as_posix() for p in (other, file.coco.path))
                raise InputError(
                    f"{root}: several annotation files list the same photos ({a} and {b}); choose one with "
                    f"--set input.annotations={a}, or both with --set input.annotations={a},{b}."
                )


def _named(root: Path, name: str) -> Path:
    for path in (root / name, root / name.replace("\\", "/")):
        if path.is_file():
            return path
    raise InputError(f"{root / name}: the annotation file of input.annotations is not there.")


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


def _elsewhere(root: Path) -> Iterator[Path]:
    """Files that may be COCO's in a directory without `annotations/`: beside the photos, or beside their folder (as
    FiftyOne, Roboflow, Label Studio and Supervisely lay them out)."""
    below = storage_of(root).folders(root)
    for folder in (root, *below, *(path / "annotations" for path in below)):
        for path in sorted(folder.glob("*.json")):
            stem = path.stem.casefold()
            known = stem in ELSEWHERE or "coco" in stem or stem.startswith("instances")
            if path.name != REMOVED and (known or folder.name == "annotations"):
                yield path


def _folder(
    root: Path, settings: InputSettings, coco: CocoFile, photos: Callable[[Path], set[str]], alone: bool
) -> Path | None:
    """Where the photos of a file are. alone: no other annotation file is there."""
    if settings.images:
        folder = root / settings.images
        if not folder.is_dir():
            raise InputError(f"{folder}: the folder of input.images is not there.")
        return folder
    names = [name for image in coco.images[:_LOOKED_AT] if (name := stated_name(image))]
    inside = [name for name in names if is_inside(name)]
    folders = [folder for folder in _folders(root, coco.path) if folder.is_dir()]
    for folder in folders:
        if any(_exists(folder / name) for name in inside):
            return folder
    for folder in folders:  # names that have to be read in another way, which takes a list of the photos
        if (there := photos(folder)) and (not there.isdisjoint(names) or match_names(names, there)):
            return folder
    if not alone:  # where other files have their photos, this one's may be left out on purpose
        return None
    others = [folder for folder in _below(folders) if any(_exists(folder / name) for name in inside)]
    return others[0] if len(others) == 1 else None  # of several, nobody said which


def _folders(root: Path, path: Path) -> list[Path]:
    """Folders in which the photos of an annotation file may be, the likeliest first."""
    base = path.parent.parent if path.parent.name == "annotations" else path.parent
    split = _split(path)
    bases = [base, root] if base.is_relative_to(root) else [root]
    out = [
        folder
        for base in bases
        for folder in (base / "images" / split, base / split, base / "images", base / "data", base / "img", base)
    ]
    return list(dict.fromkeys(out))


def _below(folders: Sequence[Path]) -> list[Path]:
    """Folders of any name in these."""
    below = [path for folder in folders for path in storage_of(folder).folders(folder)]
    return sorted(set(below) - set(folders))[:_LOOKED_INTO]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # names that no file can have
        return False


def _none_here(root: Path, names: str, coco: CocoFile | None = None) -> str:
    first = next((name for image in coco.images if (name := stated_name(image))), None) if coco else None
    if coco and first is None:
        why = "its images have no file_name" if coco.images else "it lists no images"
        return f"{coco.path}: {why}, so nobody can tell of which photos it speaks; mend it, or leave it out."
    example = f" (the first one is called {first!r:.80})" if first else ""
    return f"{root}: none of the photos of {names} is here; name their folder: --set input.images=DIR{example}."


def _split(path: Path) -> str:
    """`instances_val2017.json` -> `val2017`."""
    for start in ("instances_", *FOLLOWERS):
        if path.stem.startswith(start):
            return path.stem.removeprefix(start)
    return path.stem


def _followers(main: Path) -> list[Path]:
    paths = [main.with_name(f"{start}{_split(main)}.json") for start in FOLLOWERS]
    return [path for path in paths if path != main and path.is_file()]


def _load(path: Path, settings: InputSettings) -> CocoFile:
    try:
        return load_coco(path, settings.persons)
    except CocoError as error:
        raise InputError(str(error)) from None


def _outputs(root: Path, paths: Sequence[Path]) -> list[str]:
    """Paths below OUT/annotations: as below IN, but for the folder `annotations` itself. Raises InputError."""
    full = [path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name for path in paths]
    short = [name.removeprefix("annotations/") for name in full]
    names = [a if short.count(a) == 1 else b for a, b in zip(short, full, strict=True)]
    for path, name in zip(paths, names, strict=True):
        if names.count(name) > 1 or name == REMOVED or ".." in name.split("/"):
            raise InputError(f"{path}: its result would get the place of another file; give it another name.")
    return names
