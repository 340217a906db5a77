"""A detector that sees a photo at several sizes: small people in a large one, large people in a small one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.geometry import box_iou
from data.types import Pixels
from detection.tiles import Detector
from detection.yolo_network import Found

SAME = 0.75
"""Of two boxes with this IoU the more certain stays. Both stay below it: one is often half of the person, and masks
that are one person's are joined later (detection/disjoint.py)."""


class SeveralSizes:
    """Boxes of a detector at the size that it is asked for and at further ones; a person found twice is one."""

    def __init__(self, detector: Detector, further: Sequence[int]) -> None:
        """further: longer sides in pixels."""
        self._detector = detector
        self._further = further

    def find(self, images: Sequence[Pixels], score: float, image_size: int) -> list[Found]:
        """Boxes of each image, the most certain first, each with the cues of the size at which it was found."""
        sizes = dict.fromkeys([image_size, *self._further])
        passes = [self._detector.find(images, score, size) for size in sizes]
        return [_together(of_one) for of_one in zip(*passes, strict=True)]


def _together(passes: Sequence[Found]) -> Found:
    every = Found(
        np.concatenate([one_pass.boxes for one_pass in passes]),
        np.concatenate([one_pass.scores for one_pass in passes]),
        None,
        cues=tuple(cues for one_pass in passes for cues in one_pass.cues or ()) if passes[0].cues is not None else None,
    )
    of = np.repeat(np.arange(len(passes)), [len(one_pass.scores) for one_pass in passes])
    kept: list[int] = []
    boxes = [(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in every.boxes.tolist()]
    for i in np.argsort(-every.scores, kind="stable").tolist():
        if not any(of[i] != of[j] and box_iou(boxes[i], boxes[j]) >= SAME for j in kept):
            kept.append(i)
    return every.where(np.array(kept, np.intp))
