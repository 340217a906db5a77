"""Which way round given masks are drawn on a photo that EXIF turns: as its pixels are stored, or as it is shown.

Where the stated size fits one of the two only, it decides. Where it fits both (a photo that is mirrored, upside down or
square), `input.frame` does, or what somebody else sees in the photo.
"""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings, Settings
from data.coco import HoleRle
from data.coco.overlap import hidden_share
from data.images import Decoded, to_raw_frame, upright
from data.plan.entries import Entry
from data.rle import decode_counts, encode_counts
from data.storage.files import digest
from data.types import Hole
from flows.facts import Frame
from flows.stages.context import RunContext
from flows.stages.verifier import verifier_settings

Size = tuple[int, int]
_SCORE = 0.25
MOSTLY = 0.5
ALIKE = 0.9
"""From this intersection over union on two masks are one: it does not matter which way round they are."""
AGREES, CLEARLY = 0.3, 0.15
"""The better frame's intersection over union with what is found, at least, and by how much it is better."""


def is_upright(stated: Size | None, size: tuple[int, ...], orientation: int) -> bool:
    """Whether an annotation file speaks of a photo as it is shown: turned by a quarter, as its EXIF says.

    stated: the annotation file's (height, width). size: the pixels' in the file's own frame.
    """
    height, width = size
    return orientation >= 5 and height != width and stated == (width, height)


def fits_both(stated: Size | None, size: tuple[int, ...], orientation: int) -> bool:
    """Whether the size leaves open which way round masks are drawn."""
    height, width = size
    return stated == (height, width) and (2 <= orientation <= 4 or (orientation >= 5 and height == width))


def frame_segmenter(settings: Settings) -> SegmentSettings | None:
    """Who is asked which way round the masks are; None where nobody looks."""
    verifier = verifier_settings(settings)
    if settings.input.frame != "auto" or verifier is None or verifier.given:
        return None
    return verifier.model_copy(update={"score": _SCORE})


def frame_digest(run: RunContext) -> str:
    """Digest of what decides the frame of given masks beyond their size."""
    verifier = frame_segmenter(run.settings)
    weights = run.digests(verifier.required_weights()) if verifier else []
    return digest([run.settings.input.frame, verifier.relevant() if verifier else None, weights])


def better(raw: NDArray[np.bool_], shown: NDArray[np.bool_], found: NDArray[np.bool_]) -> Frame:
    """The frame in which masks agree with what is found. raw, shown: the given masks, bool H x W upright, if they were
    drawn in the file's own frame or as the photo is shown. found: bool H x W, upright."""
    if not raw.any() or _iou(raw, shown) >= ALIKE:
        return "raw"
    as_raw, as_upright = _iou(raw, found), _iou(shown, found)
    if max(as_raw, as_upright) < AGREES or abs(as_raw - as_upright) < CLEARLY:
        return "unsure"
    return "raw" if as_raw > as_upright else "upright"


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return np.count_nonzero(a & b) / max(1, int(np.count_nonzero(a | b)))


def hole_in_frame(
    counts: str, size: Size, stated: Size | None, orientation: int, upright_meant: bool
) -> HoleRle | None:
    """Run lengths of the photo file's own frame in the frame that annotations are in. None when the size `stated` fits
    neither, so that nothing can be said of overlaps. upright_meant: where it fits both, the photo as it is shown."""
    turned = is_upright(stated, size, orientation) or (upright_meant and fits_both(stated, size, orientation))
    if not turned:
        return HoleRle(size, counts) if stated == size else None
    mask = upright(decode_counts(counts, size).astype(np.uint8), orientation)
    return HoleRle((mask.shape[0], mask.shape[1]), encode_counts(mask))


def not_in_hole(run: RunContext, entry: Entry, photo: Decoded, hole: Hole, frame: Frame | None) -> int:
    """How many annotations that may be people lie mostly outside the hole, uint8 H x W in the photo's raw frame."""
    if not entry.doubtful:
        return 0
    counts = encode_counts(to_raw_frame(hole, photo.orientation))
    rle = hole_in_frame(counts, photo.size, entry.stated_size, photo.orientation, frame == "upright")
    annotations = json.loads(run.store.read("given", entry.doubtful))
    return sum(rle is None or (hidden_share(annotation, rle) or 0) < MOSTLY for annotation in annotations)
