"""`person-removal run photo.jpg out.jpg`: single photos, without a store, a report or a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from configs import Settings, SettingsError
from configs.errors import UserError
from data.collection.keep_list import parse_keep
from data.errors import InputError
from data.images import EXTENSIONS, SUFFIXES, decode, read_photo_bytes
from data.storage.places import is_remote
from data.types import Weight
from flows.api import remove_with
from flows.cli.fill import check_free
from flows.cli.options import errors
from flows.cli.show import Show
from flows.run.workers import prepare_process
from flows.stages.context import find_weights, resolve


def are_photos(places: Sequence[Path]) -> bool:
    """Whether a run was given photos instead of a folder: several inputs, or a file that is named as photos are."""
    return len(places) > 1 or (
        not is_remote(places[0]) and places[0].suffix.lower() in EXTENSIONS and not places[0].is_dir()
    )


def run_photos(
    photos: Sequence[Path],
    out: Path,
    settings: Settings,
    *,
    force: bool,
    allow_review: bool,
    show: Show,
    folder_only: Mapping[str, object],
) -> int:
    """Take the people out of each photo; returns the exit code of a run.

    out: a file for one photo; for several, and where it is a folder or has no ending, the folder of the results.
    folder_only: options that need a run over a folder, with what was asked for. Raises UserError before the first
    photo for whatever is wrong with the names or the settings.
    """
    if given := [option for option, value in folder_only.items() if value]:
        raise SettingsError(f"{given[0]} is for a run over a folder, not for single photos; leave it out.")
    if settings.segment.given:
        raise SettingsError(
            f"The segmenter {settings.segment.segmenter} takes masks from files, single photos have none; choose one "
            "that finds people itself: --segmenter embedded."
        )
    if (settings.refine.keep or "").endswith(".json"):
        raise SettingsError("A file of who stays is for a folder; single photos take --keep largest, or numbers.")
    if settings.refine.keep:
        parse_keep(settings.refine.keep)
    targets = _targets(photos, out, force)
    resolved = resolve(settings)
    weights = find_weights(resolved)
    prepare_process()
    codes = [_one(photo, target, resolved, weights, allow_review, show) for photo, target in targets.items()]
    return 1 if 1 in codes else max(codes)


def _targets(photos: Sequence[Path], out: Path, force: bool) -> dict[Path, Path]:
    """Where each photo's result goes. Raises InputError where something would be written over."""
    if is_remote(out) or any(is_remote(photo) for photo in photos):
        raise InputError(
            "Single photos are files of this machine; for an address give a folder and an output directory."
        )
    into = len(photos) > 1 or out.is_dir() or not out.suffix
    if into and out.exists() and not out.is_dir():
        raise InputError(f"{out}: this is a file; several photos go into a folder.")
    targets: dict[Path, Path] = {}
    for photo in photos:
        if photo.is_dir():
            raise InputError(f"{photo}: this is a folder; a run takes one folder, or photos.")
        if not photo.is_file():
            raise InputError(f"{photo}: the photo is not there.")
        target = out / photo.name if into else out
        if any(target.exists() and target.samefile(one) for one in photos):
            raise InputError(f"{target}: originals are never written to; give another name.")
        if target in targets.values():
            raise InputError(f"{target}: two of the photos have this name; run them one by one.")
        check_free(target, force)
        targets[photo] = target
    return targets


def _check_format(photo: Path, target: Path, settings: Settings) -> None:
    """Raises SettingsError before anything is computed that could not be saved, and PhotoError as `decode` does."""
    kind = decode(read_photo_bytes(photo, photo.name), photo.name, settings.input.megapixels).format
    if target.suffix.lower() not in SUFFIXES[kind]:
        raise SettingsError(f"{target}: the result keeps the photo's format; end its name in {SUFFIXES[kind][0]}.")


def _one(
    photo: Path, target: Path, settings: Settings, weights: Mapping[str, Weight], allow_review: bool, show: Show
) -> int:
    """The exit code of one photo, which is in its sentence too."""
    try:
        _check_format(photo, target, settings)
        result = remove_with(photo, settings, weights)
        target.parent.mkdir(parents=True, exist_ok=True)
        notes = result.save(target, scrub=settings.publish.scrub)
    except UserError as error:
        errors.print(f"Error: {error}", markup=False)
        return 2 if isinstance(error, SettingsError) else 1
    except OSError as error:
        errors.print(f"Error: {photo}: could not be read or written ({error.strerror or error}).", markup=False)
        return 1
    except MemoryError:
        errors.print(f"Error: {photo}: it needs more memory than this machine has free.", markup=False)
        return 1
    if result.state == "passthrough":
        show.out.print(f"{target}: nobody was found, so the photo is as it was.", markup=False)
    else:
        share = (result.hole > 0).mean()
        show.out.print(f"{target}: people taken out, {share:.1%} of the photo filled.", markup=False)
    for note in notes:
        show.out.print(f"  {note}", markup=False)
    if result.lower:
        show.out.print(f"  out of memory: filled at a lower resolution ({result.lower})", markup=False)
    if result.state != "review":
        return 0
    show.problems.print(f"  {target} needs a look: {' and '.join(result.doubts)}.", markup=False)
    return 0 if allow_review else 3
