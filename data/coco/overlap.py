"""How much of an annotation lies in a photo's hole, and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pycocotools import mask as coco_mask

from data.coco.segmentation import rle_of, rle_of_box
from data.rle import BrokenMask, Rle, compressed, decompress, rle_of_counts
from data.types import Annotation


@dataclass(frozen=True)
class HoleRle:
    """A photo's hole in the frame that its annotations are in. size: (height, width). counts: compressed."""

    size: tuple[int, int]
    counts: str

    @cached_property
    def rle(self) -> Rle:
        return rle_of_counts(self.counts, self.size)

    @cached_property
    def outside(self) -> Rle:
        """Everything but the hole."""
        counts = decompress(self.counts).tolist()
        return compressed(counts[1:] if counts[0] == 0 else [0, *counts], self.size)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in pixels."""
        x, y, w, h = (float(v) for v in coco_mask.toBbox(self.rle))
        return x, y, x + w, y + h


def region(annotation: Annotation, size: tuple[int, int]) -> Rle | None:
    """The annotation's pixels: by its segmentation, else by its box; None when neither can be used."""
    for read, key in ((rle_of, "segmentation"), (rle_of_box, "bbox")):
        try:
            rle = read(annotation.get(key), size)
        except BrokenMask:
            continue
        if coco_mask.area(rle):
            return rle
    return None


def hidden_share(annotation: Annotation, hole: HoleRle) -> float | None:
    """Share (0..1) of the annotation's pixels that lie in the hole; None when it has no usable outline."""
    if _apart(annotation, hole.bounds):
        return 0.0
    rle = region(annotation, hole.size)
    if rle is None:
        return None
    return float(coco_mask.area(coco_mask.merge([rle, hole.rle], intersect=True)) / coco_mask.area(rle))


def visible_part(annotation: Annotation, hole: HoleRle) -> dict[str, object]:
    """New values of `segmentation` (compressed RLE), `area` (pixels) and `bbox` for what the hole left, of those that
    the annotation has."""
    rle = region(annotation, hole.size)
    assert rle is not None, "measured before"
    left = coco_mask.merge([rle, hole.outside], intersect=True)
    values = {
        "segmentation": {"size": list(hole.size), "counts": left["counts"].decode("ascii")},
        "area": int(coco_mask.area(left)),
        "bbox": [float(v) for v in coco_mask.toBbox(left)],
    }
    if not annotation.get("segmentation"):  # a box stays a box
        del values["segmentation"]
    return {key: value for key, value in values.items() if key in annotation}


def _apart(annotation: Annotation, bounds: tuple[float, float, float, float]) -> bool:
    """Whether a polygon's corners show already that it does not touch the hole (most do not)."""
    segmentation = annotation.get("segmentation")
    if not isinstance(segmentation, list) or not segmentation:
        return False
    try:
        x0, x1 = min(min(p[0::2]) for p in segmentation), max(max(p[0::2]) for p in segmentation)
        y0, y1 = min(min(p[1::2]) for p in segmentation), max(max(p[1::2]) for p in segmentation)
        left, top, right, bottom = bounds
        return bool(x1 < left - 1 or x0 > right + 1 or y1 < top - 1 or y0 > bottom + 1)
    except (TypeError, ValueError, KeyError, IndexError):
        return False
