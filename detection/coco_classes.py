"""COCO's names by the 91 numbers that its annotations use."""

from __future__ import annotations

from functools import cache


@cache
def coco_names() -> dict[int, str]:
    """Name by number: 1 is `person`; numbers without a class are `N/A`."""
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights as Published

    return dict(enumerate(Published.COCO_V1.meta["categories"]))
