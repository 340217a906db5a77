"""What is in the input directory: photos in a fixed order, and the COCO annotations that go with them."""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from collections.abc import Collection as AnyOf
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from configs import InputSettings
from data.coco import CocoError
from data.coco.ids import id_of, size_of
from data.coco.licences import allowed, licences_of
from data.collection.annotation_files import AnnotationFile, check_apart, find_annotation_files, with_matches
from data.collection.doubts import known_people, said_of_disagreement, said_of_people, with_doubts
from data.collection.file_names import is_inside, stated_name
from data.collection.source import Source
from data.collection.walk import note_on_photos_elsewhere, notes_on, walk_photos
from data.errors import InputError
from data.storage.places import is_remote


@dataclass(frozen=True)
class Collection:
    """A folder of photos, with or without COCO annotation files. `images` is the folder that names are below.

    left_out: names of photos that `input.licences` leaves out. notes: sentences on what is there and not taken, and on
    what the user should know of the licences.
    """

    root: Path
    images: Path
    sources: tuple[Source, ...]
    files: tuple[AnnotationFile, ...] = ()
    left_out: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=())

    @property
    def mains(self) -> tuple[AnnotationFile, ...]:
        """The annotation files whose persons count."""
        return tuple(file for file in self.files if file.main)


def check_is_folder(root: Path) -> None:
    """Raises InputError where `root` is no directory, with the name beside it that was meant, if one is like it."""
    if root.is_dir():
        return
    if root.exists():
        raise InputError(f"{root}: this is neither a folder nor a photo.")
    beside = root.parent.iterdir() if root.parent.is_dir() and not is_remote(root) else ()
    meant = difflib.get_close_matches(root.name, [p.name for p in beside if p.is_dir()], n=1, cutoff=0.75)
    raise InputError(f"{root}: the input directory is not there{f' (did you mean {meant[0]!r}?)' if meant else ''}.")


def read_collection(root: Path, settings: InputSettings) -> Collection:
    """Find the photos below `root` and their annotation files. Raises InputError."""
    check_is_folder(root)
    _real_folder.cache_clear()
    walked = lru_cache(walk_photos)
    files, notes = find_annotation_files(root, settings, lambda folder: {name for name, _ in walked(folder).photos})
    images, files = _common_folder(root, settings, files)
    folders = sorted({file.folder for file in files}) or [images]
    found: dict[str, Path] = {}
    for folder in folders:
        prefix = "" if folder == images else f"{folder.relative_to(images).as_posix()}/"
        found |= {prefix + name: path for name, path in walked(folder).photos}
        notes += notes_on(folder, walked(folder), [file.coco.path for file in files])
    notes += note_on_photos_elsewhere(root, folders)
    sources = [_from_folder(images, name, path) for name, path in found.items()]
    for number, file in enumerate(files):
        files[number], said = with_matches(file, {name for name, _ in walked(file.folder).photos})
        notes += said if file.main else []
    mains = [file for file in files if file.main]
    if not settings.annotations:
        check_apart(root, mains)
    if mains:
        known = [known_people(file) for file in mains]
        sources = with_doubts(_join(images, sources, mains), mains, known)
        sources, said = _without_missing(sources, found, mains, settings)
        notes += [*said, *said_of_people(mains, known), *said_of_disagreement(sources, mains, known)]
    left_out = _other_licences(root, mains, sources, settings)
    sources = sorted((source for source in sources if source.name not in left_out), key=lambda s: s.name)
    if not sources:
        raise InputError(
            " ".join([f"{root}: there are no photos in it{' of these licences' if left_out else ''}.", *notes])
        )
    if left_out:
        notes.append(f"Not taken, for want of the licence {' or '.join(settings.licences)}: {len(left_out)} photos.")
    notes += _forbidden(mains, left_out)
    return Collection(root, images, tuple(sources), tuple(files), left_out, tuple(notes))


def _common_folder(
    root: Path, settings: InputSettings, files: list[AnnotationFile]
) -> tuple[Path, list[AnnotationFile]]:
    """The folder that all names are below, and the files with their prefixes in it."""
    if not files:
        folder = root / (settings.images or "")
        if not folder.is_dir():
            raise InputError(f"{folder}: the folder of input.images is not there.")
        return folder, files
    folders = {file.folder for file in files}
    if len(folders) == 1:
        return folders.pop(), files
    common = root / "images"
    if not all(folder.is_relative_to(common) for folder in folders):
        common = root
    return common, [
        replace(file, prefix="" if file.folder == common else f"{file.folder.relative_to(common).as_posix()}/")
        for file in files
    ]


def _from_folder(folder: Path, name: str, path: Path) -> Source:
    """A photo by its name; a file that is not there is no reason to refuse it: the plan finds that out."""
    reason = None
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        reason = f"{name!r}: control characters or an unreadable encoding in the name."
    elif is_remote(path):  # objects are no links, and no devices
        pass
    else:
        try:
            if (path.is_symlink() or path.exists()) and not path.is_file():
                reason = f"{name}: not a regular file."
            elif not _real(path).is_relative_to(_real_folder(str(folder))):
                reason = f"{name}: a link that leads out of the input directory."
        except (OSError, RuntimeError, ValueError) as error:
            reason = f"{name}: no file can be reached under this name ({getattr(error, 'strerror', None) or error})."
    return Source(name, path, refused=reason)


def _real(path: Path) -> Path:
    """`path.resolve()`; a photo that is no link costs no look at every folder above it."""
    return path.resolve() if path.is_symlink() else _real_folder(str(path.parent)) / path.name


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> Path:
    return Path(folder).resolve()


def _join(folder: Path, sources: list[Source], mains: list[AnnotationFile]) -> list[Source]:
    """Give every photo its COCO images; images without a usable file become sources with a reason."""
    by_name = {source.name: source for source in sources}
    out: dict[str, Source] = {}
    for number, file in enumerate(mains):
        times = Counter(id_of(image.get("id")) for image in file.coco.images)
        seen: set[str] = set()
        for image in file.coco.images:
            name, image_id = file.name_of(image), id_of(image.get("id"))
            source = out.get(name) or by_name.get(name) or _not_in_folder(folder, name)
            stated = size_of(image.get("height"), image.get("width"))
            reason = source.refused
            if name in seen:
                reason = f"{name}: several images of the annotation file have this file_name."
            elif stated_name(image) is None:
                reason = f"{name}: its file_name is not a text."
            elif name not in by_name and not is_inside(name):
                reason = f"{name!r}: file_name leads out of the photos' folder."
            elif image_id is None:
                reason = f"{name}: its image id is not a number."
            elif times[image_id] > 1:
                reason = f"{name}: several images of the annotation file have its id {image_id}."
            elif source.listed and stated != source.stated_size:
                reason = f"{name}: the annotation files state different sizes; mend or leave out one of them."
            seen.add(name)
            listed = (*source.listed, (number, image_id)) if reason is None and image_id is not None else ()
            out[name] = replace(source, listed=listed, stated_size=source.stated_size or stated, refused=reason)
    return [*out.values(), *(source for name, source in by_name.items() if name not in out)]


def _not_in_folder(folder: Path, name: str) -> Source:
    """A listed photo that the walk through the folder has not met."""
    return _from_folder(folder, name, folder / name) if is_inside(name) else Source(name, folder)


def _without_missing(
    sources: list[Source], found: AnyOf[str], mains: list[AnnotationFile], settings: InputSettings
) -> tuple[list[Source], list[str]]:
    """The sources without those that are not there, where `input.missing` says so, and a sentence on them.

    found: names of the photos that are there.
    """
    missing = [source.name for source in sources if source.name not in found and _is_missing(source)]
    if not missing:
        return sources, []
    listed = f"{', '.join(file.output for file in mains)}: of the listed photos, {len(missing)} are not here"
    if settings.missing == "fail":
        way = "--set input.missing=skip takes only those that are here"
        return sources, [f"{listed} ({missing[0]!r:.80}); {way}."]
    gone = set(missing)
    return [source for source in sources if source.name not in gone], [f"{listed} and not taken (input.missing)."]


def _is_missing(source: Source) -> bool:
    """Whether there is no file under the name; one on another machine is none here."""
    if not is_inside(source.name):
        return True
    try:
        return source.refused is None and not (source.path.exists() or source.path.is_symlink())
    except (OSError, ValueError):
        return False


def _other_licences(
    root: Path, mains: list[AnnotationFile], sources: Iterable[Source], settings: InputSettings
) -> frozenset[str]:
    """Names of photos that have none of the licences of `input.licences`, or of which no licence is known."""
    if not settings.licences:
        return frozenset()
    if not mains:
        raise InputError(f"{root}: there is no annotation file, so no licence of a photo is known (input.licences).")
    try:
        right = {
            file.name_of(image)
            for file in mains
            for image, fits in zip(file.coco.images, allowed(file.coco, settings.licences), strict=True)
            if fits
        }
    except CocoError as error:
        raise InputError(str(error)) from None
    return frozenset(source.name for source in sources) - right


def _forbidden(mains: Iterable[AnnotationFile], left_out: frozenset[str]) -> Iterator[str]:
    """A sentence on photos whose licence does not allow to pass on a changed copy."""
    counts = Counter(
        str(licence)
        for file in mains
        for image, licence in zip(file.coco.images, licences_of(file.coco), strict=True)
        if licence and licence.forbids_changes and file.name_of(image) not in left_out
    )
    if counts:
        names = ", ".join(f"{name}: {number}" for name, number in sorted(counts.items()))
        yield (
            f"Photos under a licence that forbids passing on changed copies: {counts.total()} ({names}); "
            "--licences takes only those of the licences you name."
        )
