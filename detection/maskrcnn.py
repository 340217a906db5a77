"""`maskrcnn`: torchvision's Mask R-CNN ResNet-50 FPN v2. Not AGPL, slower than `yolo`, masks of finer outline."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings, SettingsError
from configs.devices import device_name
from configs.segmenters import MaskRcnnSettings
from data.rle import NOTHING, BoxMask
from data.types import Instance, People, Photo, Pixels, Weight
from detection.batches import in_batches
from detection.coco_classes import coco_names
from detection.protocol import Segmenter
from detection.tiles import tiled

if TYPE_CHECKING:
    import torch

    Network = Callable[[list[torch.Tensor]], list[dict[str, torch.Tensor]]]
    """torchvision's: float images C x H x W in 0..1 -> for each boxes, labels, scores and masks."""

SOURCE = "maskrcnn"
SHORTER, LONGER = 800, 1333
"""Sides in pixels at which the network was trained to see a photo."""
MOST_PERSONS = 300
BATCH = 4
"""Photos that a GPU takes at a time. A CPU takes one, so that results never depend on the company."""


@dataclass(frozen=True)
class Detections:
    """Persons and things of one photo. boxes: float N x 4 (x0, y0, x1, y1 in the photo's pixels). scores: float N.

    masks: float32 N x 28 x 28, probability on a grid over the box. labels: class names, N.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    masks: NDArray[np.float32]
    labels: tuple[str, ...]


class MaskRcnn:
    """Segments persons; masks are pasted back at the photo's own resolution, one person at a time."""

    def __init__(self, network: Network, device: str, things: Sequence[str] = ()) -> None:
        """network: what `load_network` gives. things: COCO's names of classes to find beside persons."""
        self._network = network
        self._device = device
        self._wanted = ("person", *things)

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo with the things wanted, the most certain first; masks at the photo's full size.

        Raises MemoryError where the device has none for one photo.
        """

        def detect(some: Sequence[Photo]) -> list[People]:
            passes = self._detect([photo.pixels for photo in some])
            return [people(one, photo.size) for photo, one in zip(some, passes, strict=True)]

        return in_batches(detect, photos, 1 if self._device == "cpu" else BATCH, lambda photo: photo.size)

    def _detect(self, images: Sequence[Pixels]) -> list[Detections]:
        import torch

        small = [_bounded(pixels) for pixels in images]
        inputs = [torch.tensor(p).to(self._device).permute(2, 0, 1).float() / 255 for p in small]
        with torch.inference_mode():
            results = self._network(inputs)
        return [
            self._wanted_ones(result, np.array([p.shape[1] / resized.shape[1], p.shape[0] / resized.shape[0]] * 2))
            for result, p, resized in zip(results, images, small, strict=True)
        ]

    def _wanted_ones(self, result: dict[str, torch.Tensor], scale: NDArray[np.float64]) -> Detections:
        # Number 1 is the person in a network of two classes too.
        names = [coco_names().get(label, "") for label in result["labels"].tolist()]
        of = [i for i, name in enumerate(names) if name in self._wanted]
        boxes, scores, masks = (result[k][of].cpu().numpy() for k in ("boxes", "scores", "masks"))
        return Detections(
            boxes.astype(np.float64) * scale, scores.astype(np.float64), masks[:, 0], tuple(names[i] for i in of)
        )


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """Raises SettingsError, before any photo, for a file that is not this network's weights."""
    device = device_name(settings.device, "segment.device")
    network = load_network(weights[settings.of(MaskRcnnSettings).weights].path, settings.score, device)
    return tiled(MaskRcnn(network, device, settings.objects), settings, sees=LONGER)


def load_network(
    path: Path, score: float, device: str = "cpu", shorter: int = SHORTER, longer: int = LONGER
) -> Network:
    """The network with the weights of a file, ready to be called with float images C x H x W in 0..1.

    The file is a state dict, by itself or under `model` as torchvision's training script saves it; it is read without
    running code. score: least confidence of a detection. shorter, longer: sides at which it sees an image. Masks come
    as 28 x 28 grids. Raises SettingsError.
    """
    import torch
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    state = _read(path)
    classes = len(state["roi_heads.box_predictor.cls_score.bias"])
    network = maskrcnn_resnet50_fpn_v2(
        weights=None,
        weights_backbone=None,
        num_classes=classes,
        min_size=shorter,
        max_size=longer,
        box_score_thresh=score,
        box_detections_per_img=MOST_PERSONS,
    )
    try:
        network.load_state_dict(state)
    except RuntimeError:  # sizes that differ, keys that are missing
        raise _not_these(path, "its layers differ from Mask R-CNN ResNet-50 FPN v2's") from None
    # torchvision would paste every mask into a full frame: 100 people in 24 megapixels are 10 GB.
    network.transform.postprocess = _resize_boxes_only
    ready: Network = network.eval().to(torch.device(device))
    return ready


def people(found: Detections, size: tuple[int, int]) -> People:
    """People and things at the photo's full `size` (height, width). A mask without a pixel is left out."""
    each = zip(found.boxes, found.scores, found.masks, found.labels, strict=True)
    return People.of(
        (
            Instance.from_box(paste(mask, box, size), size, float(score), SOURCE, label=label)
            for box, score, mask, label in each
        ),
        size,
    )


def paste(mask: NDArray[np.float32], box: NDArray[np.float64], size: tuple[int, int]) -> BoxMask:
    """The mask within the photo of a grid over `box`; one without a pixel when the box lies outside the photo.

    torchvision's `paste_masks_in_image` at threshold 0.5, without its full frame.
    """
    import torch

    side = mask.shape[0]
    grid = torch.nn.functional.pad(torch.from_numpy(mask)[None, None], (1, 1, 1, 1))  # so that edges fade out
    half = (box[2:] - box[:2]) / 2 * (side + 2) / side
    centre = (box[2:] + box[:2]) / 2
    x0, y0, x1, y1 = (int(v) for v in np.concatenate([centre - half, centre + half]))
    width, height = max(x1 - x0 + 1, 1), max(y1 - y0 + 1, 1)
    left, right, top, bottom = max(x0, 0), min(x1 + 1, size[1]), max(y0, 0), min(y1 + 1, size[0])
    if right <= left or bottom <= top:
        return NOTHING
    large = torch.nn.functional.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)[0, 0]
    return BoxMask(top, left, large[top - y0 : bottom - y0, left - x0 : right - x0].numpy() > 0.5)


def _resize_boxes_only(
    result: list[dict[str, torch.Tensor]], resized: list[tuple[int, int]], original: list[tuple[int, int]]
) -> list[dict[str, torch.Tensor]]:
    from torchvision.models.detection.transform import resize_boxes

    for one, from_size, to_size in zip(result, resized, original, strict=True):
        one["boxes"] = resize_boxes(one["boxes"], from_size, to_size)
    return result


def _bounded(pixels: Pixels) -> Pixels:
    """At most `LONGER` pixels long: the network shrinks without averaging, which would skip pixels."""
    scale = LONGER / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a file. Raises SettingsError for anything but one of this network."""
    import torch

    if not path.is_file():
        raise SettingsError(f"segment.maskrcnn.weights: {path} does not exist.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a TorchScript file, which is refused with an error
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and storage errors of many kinds
        raise SettingsError(
            f"segment.maskrcnn.weights: {path} cannot be read as a PyTorch state dict ({type(error).__name__}); "
            "it may be truncated or of another kind."
        ) from error
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise _not_these(path, "it is not a state dict")
    if "roi_heads.mask_predictor.mask_fcn_logits.bias" not in state:
        other = "it has no mask head" if any(k.startswith("roi_heads.") for k in state) else "it is another network's"
        raise _not_these(path, other)
    classes = len(state.get("roi_heads.box_predictor.cls_score.bias", ()))
    if classes not in (91, 2):
        raise _not_these(path, f"it has {classes} classes instead of COCO's 91, or 2 (background, person)")
    broken = next((k for k, v in state.items() if not torch.isfinite(v).all()), None)
    if broken:
        raise SettingsError(f"segment.maskrcnn.weights: {path} is damaged: {broken} is not finite.")
    return state


def _not_these(path: Path, found: str) -> SettingsError:
    return SettingsError(
        f"segment.maskrcnn.weights: {path} are not the weights of torchvision's maskrcnn_resnet50_fpn_v2: {found}."
    )
