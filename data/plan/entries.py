"""The plan of a run: every photo with the digests of what it is made from."""

from __future__ import annotations

import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable
from collections.abc import Collection as AnyOf
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from configs import Settings
from configs.per_photo import OwnSettings
from configs.segmenters import MaskFilesSettings
from data.coco.ids import Id
from data.collection.doubts import no_people
from data.collection.folder import Collection
from data.collection.keep_list import Asked, read_keep
from data.collection.source import Source
from data.errors import InputError
from data.storage.files import canonical_json, digest, sha256, sha256_of
from data.storage.places import bytes_in, is_remote, stamp_of
from data.storage.store import Store
from data.types import Annotation, GivenMasks, Keep, PhotoError, State

_LONGEST_NAME = 255  # bytes, on every common file system
_BYTES_A_PIXEL, _OTHER_BYTES = 16, 1 << 29  # four channels of 32 bits; metadata, layers and further pages
MOST_ANNOTATIONS = 5_000
"""Persons and things that a photo's annotations may outline: a photo of a crowd has hundreds. Each of them takes time
and a place in several lists, so a million of them on one photo would never end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One photo of the plan.

    id: digest of the name, stable across runs. sha256: of the file. given: store key of the photo's annotation
    slice, or the path of its mask file; given_sha256: its content. mask_name: where its hole is published,
    below `masks/`. keep: who stays. unsure: how many may or may not be some who stay. spared: path of the mask of
    where nothing is removed. edited: path of its published mask, when somebody edited that by hand. settings: the
    photo's own, over the run's. decision: what somebody wants published (`approve`: the result, `original`,
    `leave-out`: nothing) in place of the result with the sha256 decided_on. doubt: why it may show people whom its
    annotations do not tell of. doubtful: store key of its annotations that may be people. state, reason: set when the
    photo is over before it started.
    """

    id: str
    name: str
    path: str
    sha256: str
    bytes: int
    mask_name: str
    image_id: Id | None = None
    stated_size: tuple[int, int] | None = None
    given: str | None = None
    given_sha256: str | None = None
    keep: Keep = ()
    unsure: int = 0
    spared: str | None = None
    spared_sha256: str | None = None
    edited: str | None = None
    edited_sha256: str | None = None
    settings: OwnSettings | None = None
    decision: str | None = None
    decided_on: str | None = None
    doubt: str | None = None
    doubtful: str | None = None
    state: State | None = None
    reason: str | None = None


def make_entries(collection: Collection, settings: Settings, store: Store) -> list[Entry]:
    """Entries in the collection's order; annotation slices are put into the store. Raises InputError, CocoError."""
    digests = _Digests(store, settings.input.megapixels * 1e6 * _BYTES_A_PIXEL + _OTHER_BYTES)
    mask_names = _mask_names([source.name for source in collection.sources if not source.refused])
    twins = _twins([source.name for source in collection.sources if not source.refused], store)

    def entry(source: Source) -> Entry:
        base = Entry(
            id=digest(source.name)[:16],
            name=source.name,
            path=str(source.path),
            sha256="",
            bytes=0,
            mask_name=mask_names.get(source.name, ""),
            image_id=source.image_id,
            stated_size=source.stated_size,
        )
        try:
            if source.refused:
                raise PhotoError("refused", source.refused)
            if source.name in twins:
                raise PhotoError(
                    "refused",
                    f"{source.name}: where the output is, its name is the same as that of {twins[source.name]}; rename "
                    "one of them.",
                )
            sha, size = digests.of(source.path)
            return replace(base, sha256=sha, bytes=size)
        except PhotoError as error:
            return replace(base, state=error.state, reason=error.sentence)
        except _TooLarge as error:
            return replace(base, state="refused", reason=f"{source.name}: {error} (input.megapixels).")
        except FileNotFoundError:
            return replace(base, state="failed", reason=f"{source.name}: the file is not there.")
        except OSError as error:
            return replace(base, state="failed", reason=f"{source.name}: cannot be read ({error.strerror or error}).")

    with ThreadPoolExecutor(8) as threads:  # hashing and reading release the interpreter lock
        entries = list(threads.map(entry, collection.sources))
    if settings.segment.given == "annotations":
        entries = _with_annotations(entries, collection, settings, store)
    elif settings.segment.given == "masks":
        entries = _with_mask_files(entries, collection, settings, digests)
    entries = _with_kept(entries, collection, settings, digests)
    digests.save()
    return entries


def _twins(names: list[str], store: Store) -> dict[str, str]:
    """Photos whose names differ from another's only in case or Unicode form, with that other one (the first stays),
    where the output's file system takes the two for one."""
    first: dict[str, str] = {}
    pairs = [
        (name, other)
        for name in names
        if (other := first.setdefault(unicodedata.normalize("NFC", name).casefold(), name)) != name
    ]
    if not pairs or is_remote(store.root):
        return {}
    return {name: other for name, other in pairs if _is_one_file(store.scratch(), name, other)}


def _is_one_file(folder: Path, name: str, other: str) -> bool:
    """Whether a file written under `other` is found under `name`. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=folder) as probe:
        written = Path(probe) / other
        written.parent.mkdir(parents=True, exist_ok=True)
        written.touch()
        return (Path(probe) / name).exists()


def _mask_names(names: list[str]) -> dict[str, str]:
    """Where each hole is published: the photo's stem + .png; the full name + .png where photos share a stem; with a
    digest where that is another's too, or longer than a file name may be."""
    stems = {name: PurePosixPath(name).with_suffix("").as_posix() for name in names}
    shared = {stem for stem, count in Counter(stem.casefold() for stem in stems.values()).items() if count > 1}
    out = {name: f"{name if stem.casefold() in shared else stem}.png" for name, stem in stems.items()}
    twice = {mask for mask, count in Counter(mask.casefold() for mask in out.values()).items() if count > 1}
    for name, mask in out.items():
        if mask.casefold() in twice or len(PurePosixPath(mask).name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
            out[name] = PurePosixPath(name).with_name(f"{digest(name)[:16]}.png").as_posix()
    return out


def _with_annotations(entries: list[Entry], collection: Collection, settings: Settings, store: Store) -> list[Entry]:
    if not collection.mains:
        found = "".join(
            f" ({note[:-1]})" for note in collection.notes if note.split(": ")[0].endswith(".json")
        ) or _other_json(collection)
        raise InputError(
            f"{collection.root}: segmenter 'annotations' needs a COCO annotation file in annotations/; "
            f"name it with --set input.annotations=FILE, or let a network find people with --segmenter embedded{found}."
        )
    given_to, doubtful_of = annotations_of(collection, settings.segment.objects), _doubtful_of(collection)
    stored = set(store.artifacts("given"))

    def kept(value: object) -> str:
        """The store key of a JSON value."""
        data = canonical_json(value)
        key = sha256(data)
        if key not in stored:
            store.write("given", key, data)
            stored.add(key)
        return key

    out = []
    for entry, source in zip(entries, collection.sources, strict=True):
        if source.listed and entry.state is None:
            try:
                given, doubtful = given_to(source), doubtful_of(source)
            except PhotoError as error:
                out.append(replace(entry, state=error.state, reason=error.sentence))
                continue
            key = kept({"persons": given.annotations, "objects": given.objects})
            entry = replace(entry, given=key, given_sha256=key, doubt=source.doubt)
            if doubtful:
                entry = replace(entry, doubtful=kept(doubtful))
        out.append(entry)
    return out


def _other_json(collection: Collection) -> str:
    """The JSON files beside the photos: one of them may be meant."""
    names = [path.name for path in sorted(collection.root.glob("*.json"))]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" (there are {', '.join(names[:3])}{more})" if names else ""


def _doubtful_of(collection: Collection) -> Callable[[Source], list[Annotation]]:
    """What gives each photo its annotations that may be people: nobody can tell by their category. It raises
    PhotoError (refused) for a photo with more than MOST_ANNOTATIONS."""
    slices = [file.coco.doubtful_by_image() for file in collection.mains]

    def doubtful(source: Source) -> list[Annotation]:
        number = sum(slices[number].count(image) for number, image in source.listed)
        if number > MOST_ANNOTATIONS:
            raise PhotoError(
                "refused",
                f"{source.name}: {number:,} of its annotations may be people, more than the {MOST_ANNOTATIONS:,} that "
                "are looked at; name the categories that are: --set input.persons=NAME,NAME.",
            )
        return [item for number, image in source.listed for item in slices[number].get(image, [])]

    return doubtful


def annotations_of(collection: Collection, objects: AnyOf[str]) -> Callable[[Source], GivenMasks]:
    """What gives each photo its slice of the annotations: persons, and things of the classes `objects`.

    Raises InputError when the annotation files know no persons. What it returns raises PhotoError (refused) for a photo
    with more than MOST_ANNOTATIONS.
    """
    files = [file.coco for file in collection.mains]
    if not any(file.persons for file in files):
        first = collection.mains[0]
        raise InputError(f"{first.coco.path}: {no_people(first)}.")
    persons = [file.persons_by_image() for file in files]
    things = [file.objects_by_image(objects) for file in files]

    def given(source: Source) -> GivenMasks:
        people, others = (
            sum(slices[number].count(image) for number, image in source.listed) for slices in (persons, things)
        )
        if people + others > MOST_ANNOTATIONS:
            raise PhotoError(
                "refused",
                f"{source.name}: its annotations outline {people:,} persons and {others:,} things, more than the "
                f"{MOST_ANNOTATIONS:,} that a photo may have; mark a crowd as one region (iscrowd), or let a network "
                "find the people (--segmenter embedded).",
            )
        return GivenMasks(
            tuple(person for number, image in source.listed for person in persons[number].get(image, [])),
            tuple(thing for number, image in source.listed for thing in things[number].get(image, [])),
        )

    return given


def _with_mask_files(
    entries: list[Entry], collection: Collection, settings: Settings, digests: _Digests
) -> list[Entry]:
    own = settings.segment.of(MaskFilesSettings)
    if not own.folder:
        raise InputError("segmenter 'mask-files' needs the folder of the masks: --set segment.mask_files.folder=DIR.")
    folder = collection.root / own.folder
    if not folder.is_dir():
        raise InputError(f"{folder}: the folder of segment.mask_files.folder is not there.")
    out = []
    for entry in entries:
        if entry.state is None:
            mask = folder / _for_photo(own.pattern, entry.name)
            try:
                sha, _ = digests.of(mask)
                entry = replace(entry, given=str(mask), given_sha256=sha)
            except OSError:
                entry = replace(entry, state="refused", reason=f"{entry.name}: there is no mask file {mask}.")
        out.append(entry)
    return out


def _with_kept(entries: list[Entry], collection: Collection, settings: Settings, digests: _Digests) -> list[Entry]:
    """Entries with who is asked to stay, and with the mask files of where nothing is removed."""
    refine = settings.refine
    keep = read_keep(refine.keep, collection.root, {entry.name for entry in entries})
    asked = [keep.get(entry.name, Asked()) for entry in entries]
    entries = [replace(entry, keep=of.keep, unsure=of.unsure) for entry, of in zip(entries, asked, strict=True)]
    if not refine.spare_masks:
        return entries
    out = []
    for entry in entries:
        if entry.state is None:
            mask = collection.root / _for_photo(refine.spare_masks, entry.name)
            try:
                entry = replace(entry, spared=str(mask), spared_sha256=digests.of(mask)[0])
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:  # a person whom it spares would leave
                reason = (
                    f"{entry.name}: its mask {mask} cannot be read ({error.strerror or error}; refine.spare_masks)."
                )
                entry = replace(entry, state="refused", reason=reason)
        out.append(entry)
    if all(entry.spared is None and entry.state is None for entry in out):
        raise InputError(f"{refine.spare_masks}: there is no such mask file for any photo (refine.spare_masks).")
    return out


def _for_photo(pattern: str, name: str) -> str:
    """A file name pattern with `{stem}` and `{name}` of a photo in it."""
    return pattern.replace("{stem}", PurePosixPath(name).with_suffix("").as_posix()).replace("{name}", name)


class _TooLarge(OSError):
    """A file that no picture needs: to hash a terabyte takes an hour, and no memory holds it."""


class _Digests:
    """sha256 of files, remembered by (path, size, mtime), so that a plan does not read every photo again.

    most: bytes of the largest file that is looked into.
    """

    def __init__(self, store: Store, most: float) -> None:
        self.store = store
        self.most = most
        self.known: dict[str, object] = store.note("digests.json", {})
        self.used: dict[str, object] = {}

    def of(self, path: Path) -> tuple[str, int]:
        """(sha256, bytes) of a file. Raises OSError."""
        stamp = stamp_of(path)
        size = bytes_in(stamp)
        if size > self.most:
            raise _TooLarge(f"the file has {size / 1e9:,.1f} GB, more than a photo of the largest size takes")
        remembered = self.known.get(str(path))
        if isinstance(remembered, list) and len(remembered) == 3 and remembered[:2] == stamp:
            sha = str(remembered[2])
        else:
            sha = sha256_of(path)
        self.used[str(path)] = [*stamp, sha]
        return sha, size

    def save(self) -> None:
        if self.used != self.known:
            self.store.write_note("digests.json", self.used)
