"""`person-removal fill`: free-form inpainting of one photo with any mask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import inpainting
from configs.load import USUAL, load_settings
from configs.methods import field_of
from data.errors import InputError
from data.images import SUFFIXES, decode, encode, read_photo_bytes, upright
from data.storage.files import write_atomic
from data.types import Hole, PhotoError, as_hole
from data.weights.files import find_all
from detection.mask_files import BadMask, read_drawn
from flows.cli.options import Fill, Preset, Set, console
from flows.run.workers import prepare_process
from flows.stages.context import resolve
from flows.stages.photo_steps import DEGRADED, NOTE, fill_hole


def fill(
    image: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")],
    mask: Annotated[
        Path,
        typer.Argument(
            metavar="MASK",
            help="The hole: white = fill, black = keep; of the photo's size. Soft edges count from 128 on.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The filled photo, in the photo's own format.")],
    preset: Preset = USUAL,
    fill: Fill = None,
    weights: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="Of deepfillv2 without --fill.")] = None,
    set_: Set = None,
    force: Annotated[bool, typer.Option("--force", help="Write over OUT where it is there.")] = False,
) -> None:
    """Fill a hole of your own in one photo.

    Every other pixel stays as it is. Without --fill, the best fill whose weights are here.

    \b
    person-removal fill photo.jpg hole.png filled.jpg
    person-removal fill photo.jpg hole.png filled.jpg --fill patchmatch --force
    """
    # A mask of one's own has no dilated ring, so nothing of what it covers is blended back in.
    asked: dict[str, object] = {"feather": 0}
    if weights:
        fill = fill or "deepfillv2"
        asked[field_of(fill)] = {"weights": weights}
    # Nobody is searched for, so weights of a verifier need not be whole.
    base: dict[str, object] = {"inpaint": asked | ({"fill": fill} if fill else {}), "verify": {"segmenter": "none"}}
    whole = resolve(load_settings(preset, set_ or (), base=base))
    settings = whole.inpaint
    found = find_all(settings.required_weights())
    try:
        raw = read_photo_bytes(image, image.name)
    except OSError as error:  # a folder, a pipe, a broken disk
        raise InputError(f"{image}: the photo cannot be read ({error.strerror or error}).") from None
    photo = decode(raw, image.name, whole.input.megapixels)
    if out.exists() and any(one.exists() and out.samefile(one) for one in (image, mask)):
        raise InputError(f"{out}: originals are never written to; give another name.")
    if out.suffix.lower() not in SUFFIXES[photo.format]:
        raise InputError(f"{out}: the result keeps the photo's format; end its name in {SUFFIXES[photo.format][0]}.")
    check_free(out, force)
    hole, drawn = read_hole(mask, photo.size, photo.orientation)
    if not hole.any():
        raise InputError(f"{mask}: nothing to fill, the mask has no white; {out} was not written.")
    if hole.all():
        raise InputError(f"{mask}: all of the mask is white, so nothing is left to fill from; {out} was not written.")
    prepare_process()
    filled = fill_hole(photo.pixels, hole, None, settings, found)
    lower, note = filled.facts.get(DEGRADED), filled.facts.get(NOTE)
    result = inpainting.compose(photo.pixels, hole, filled.patches)
    encoded = encode(photo, result, hole)
    write_atomic(out, encoded.raw)
    used = inpainting.settings_for(settings, hole)[0]
    console.print(f"{out}: filled {(hole > 0).mean():.1%} of the photo with {used.named}.", markup=False)
    inverse = "" if hole.mean() < 128 else "White is what is filled: if it should have stayed, invert the mask."
    for said in (drawn, inverse, note):
        if said:
            console.print(f"  {said}", markup=False)
    if lower:
        console.print(f"  out of memory: filled at a lower resolution ({lower})", markup=False)
    for note in encoded.notes:
        console.print(f"  {note}", markup=False)


def check_free(out: Path, force: bool) -> None:
    """Raises InputError where something stands at `out` that a command must not write over."""
    if out.is_dir():
        raise InputError(f"{out}: this is a folder; give the result a file name.")
    if out.exists() and not force:
        raise InputError(f"{out}: the file is there already; give another name, or --force to write over it.")


def read_hole(path: Path, size: tuple[int, int], orientation: int = 1) -> tuple[Hole, str]:
    """A mask file as a hole of the upright photo, and a note where the mask was taken with a threshold. size: (height,
    width) of the photo in its file's own frame, in which the mask is taken to be drawn, unless only the size that the
    photo has upright fits. Raises PhotoError."""
    try:
        mask, note = read_drawn(path, size)
    except BadMask as error:
        if orientation < 5:
            raise PhotoError("refused", f"The mask {path} {error}.") from None
        try:
            mask, note = read_drawn(path, size[::-1])
        except BadMask:
            raise PhotoError("refused", f"The mask {path} {error}.") from None
        return as_hole(mask), note
    return upright(as_hole(mask), orientation), note
