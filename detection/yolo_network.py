"""The one file that imports ultralytics.

ultralytics and the weights it publishes are AGPL-3.0: who conveys a program with them, or offers it
over a network, owes its users the source of the whole. Nothing else in this project needs it; the
segmenters `annotations` and `mask-files` never load this file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import configs  # noqa: F401  (switches off ultralytics' network use, which it reads when it is imported)
from configs import SettingsError
from configs.devices import device_name
from data.types import Pixels
from detection.batches import in_batches
from detection.litert import without_delegate_notice

Task = Literal["detect", "segment"]
# Masks come as one full frame a person; the network makes them at a quarter of its 640 to 1280 pixels, so above this
# nothing is gained, and a crowd would fill the memory.
MOST_PIXELS = 1_500_000
MOST_PERSONS = 300
CUE_LAYER, CUE_STRIDE = 15, 8
"""YOLOv8's last layer of its finest level, and the side in pixels of its cells."""
LOGITS = (-14.0, 6.0)
"""Class logits are bounded to this: beyond, they say no more."""
BATCH = 8
"""Images that a GPU takes at a time. A CPU takes one, so that results never depend on the company."""
# Boxes that overlap more are one person; ultralytics' default, and generous to people who embrace.
SAME_PERSON_IOU = 0.7


@dataclass(frozen=True)
class Cues:
    """What a detector thinks of every place of an image: float32 K x h x w, whose cell (row, column) has its middle at
    the pixel (x, y) = (x0 + column * step, y0 + row * step)."""

    maps: NDArray[np.float32]
    x0: float
    y0: float
    step: float


@dataclass(frozen=True)
class Found:
    """Boxes, float N x 4 (x0, y0, x1, y1 in pixels of the photo), scores, float N, masks, labels and cues.

    masks: bool N x h x w over the whole photo, at most `MOST_PIXELS` each; None from a detector. labels: `person` or
    the name of a thing, N; None when all are persons. cues: those of the pass that each box is from, N; None unless
    they were asked for.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    masks: NDArray[np.bool_] | None
    labels: tuple[str, ...] | None = None
    cues: tuple[Cues, ...] | None = None

    def where(self, wanted: NDArray[np.bool_] | NDArray[np.intp]) -> Found:
        """The finds with these numbers, in their order, or those for which a mask of length N is true."""
        which = np.arange(len(self.scores))[wanted]
        return Found(
            self.boxes[which],
            self.scores[which],
            None if self.masks is None else self.masks[which],
            None if self.labels is None else tuple(self.labels[i] for i in which),
            None if self.cues is None else tuple(self.cues[i] for i in which),
        )


class YoloNetwork:
    """An ultralytics model of one task that knows persons, from a file on this machine."""

    def __init__(
        self,
        path: Path,
        task: Task,
        device: str = "auto",
        trusted: bool = False,
        things: Sequence[str] = (),
        cues: bool = False,
    ) -> None:
        """Loads the file; raises SettingsError for one that is missing, of another task or without persons.

        trusted: a `.pt` that ultralytics' own safe loader refuses may run its pickled code. things: classes to find
        beside persons, as far as the model knows them. cues: give `Found.cues`; for a YOLOv8 detector in a `.pt`.
        """
        if not path.is_file():
            raise SettingsError(f"segment.yolo.weights: {path} does not exist.")
        if path.suffix == ".onnx" and not importlib.util.find_spec("onnxruntime"):
            raise SettingsError(f"segment.yolo.weights: {path.name} needs onnxruntime; pip install onnxruntime onnx.")
        with _contained():
            self._device = device_name(device, "segment.device") if path.suffix == ".pt" else "cpu"
            self._model, known_task = _load(path, task, trusted)
            if known_task != task:
                raise SettingsError(
                    f"segment.yolo.weights: {path.name} is a model for the task {known_task}, not {task}; "
                    "choose one whose name ends in -seg."
                )
            names: dict[int, str] = dict(self._model.names)
            self._task = task
        self._labels = {i: name.lower() for i, name in names.items() if name.lower() in ("person", *things)}
        if "person" not in self._labels.values():
            known = ", ".join(list(names.values())[:8])
            raise SettingsError(f"segment.yolo.weights: {path.name} does not know the class person, only {known}.")
        self._layers: dict[int, Any] = {}
        if cues:
            layers = self._model.model.model
            for i, layer in enumerate((layers[CUE_LAYER], *layers[-1].cv3)):
                layer.register_forward_hook(lambda _, args, out, i=i: self._layers.__setitem__(i, out.float().cpu()))

    def find(self, images: Sequence[Pixels], score: float, image_size: int) -> list[Found]:
        """Persons and things of each image (uint8 H x W x 3 RGB) with at least `score`, the most certain first.

        image_size: longer side in pixels at which the network sees an image; ignored by exported files
        that have a fixed one. Raises MemoryError where the device has none for one image.
        """

        def detect(some: Sequence[Pixels]) -> list[Found]:
            return self._find(some, score, image_size)

        return in_batches(detect, images, BATCH if self._on_gpu else 1, lambda image: image.shape[:2])

    def features(self, image: Pixels, layers: Sequence[int]) -> list[NDArray[np.float32]]:
        """What these of the network's first layers make of an image, float32 C x h x w each, in the layers' order.

        image: uint8 H x W x 3 RGB, sides in multiples of 32. layers: numbers before the first layer that takes more
        than the one before it. For a model in a `.pt`, on the CPU; for one that `find` is never asked of, which changes
        the weights a little.
        """
        import torch

        found = {}
        with torch.inference_mode():
            out = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).float() / 255
            for i, layer in enumerate(self._model.model.float().eval().model[: max(layers) + 1]):
                out = found[i] = layer(out)
        return [found[i][0].numpy() for i in layers]

    @property
    def _on_gpu(self) -> bool:
        return self._device != "cpu"

    def _find(self, images: Sequence[Pixels], score: float, image_size: int) -> list[Found]:
        small = [_bounded(pixels) for pixels in images]
        with _contained():
            results = self._model.predict(
                [np.ascontiguousarray(pixels[..., ::-1]) for pixels in small],  # ultralytics takes BGR arrays
                conf=score,
                iou=SAME_PERSON_IOU,
                classes=list(self._labels),
                imgsz=image_size,
                max_det=MOST_PERSONS,
                device=self._device,
                retina_masks=True,
                augment=False,
                save=False,
                verbose=False,
                **({"half": True} if self._device.startswith("cuda") else {}),  # newer versions warn of any `half`
            )
            passes = [self._found(*of_one) for of_one in zip(results, images, small, strict=True)]
        if not self._layers:
            return passes
        sizes = [(pixels.shape[:2], resized.shape[:2]) for pixels, resized in zip(images, small, strict=True)]
        return [
            replace(found, cues=(self._cues(i, *of_one),) * len(found.scores))
            for i, (found, of_one) in enumerate(zip(passes, sizes, strict=True))
        ]

    def _cues(self, i: int, size: tuple[int, ...], resized: tuple[int, ...]) -> Cues:
        """Cues of the i-th image of the batch: how much each place looks like a person and like the likeliest other
        thing on the head's three levels (class logits), then the features of the finest level of the neck."""
        features, *heads = (self._layers[k][i].numpy() for k in range(len(self._layers)))
        height, width = features.shape[1:]
        person = next(k for k, name in self._labels.items() if name == "person")
        levels = []
        for logits in heads:
            for one in (logits[person], np.delete(logits, person, 0).max(0)):
                bounded = np.clip(one, *LOGITS)
                levels.append(cv2.resize(bounded, (width, height), interpolation=cv2.INTER_LINEAR))
        # The network saw the image enlarged by `gain`, with a border on both sides (ultralytics' LetterBox).
        gain = min(height * CUE_STRIDE / resized[0], width * CUE_STRIDE / resized[1])
        scale = size[1] / resized[1] / gain
        left, top = (
            round((n * CUE_STRIDE - round(m * gain)) / 2 - 0.1) for n, m in ((width, resized[1]), (height, resized[0]))
        )
        middle = CUE_STRIDE / 2
        maps = np.concatenate([np.stack(levels), features]).astype(np.float32)
        return Cues(maps, (middle - left) * scale - 0.5, (middle - top) * scale - 0.5, CUE_STRIDE * scale)

    def _found(self, result: Any, pixels: Pixels, small: Pixels) -> Found:
        height, width = pixels.shape[:2]
        scale = np.array([width / small.shape[1], height / small.shape[0]] * 2)
        boxes = result.boxes.xyxy.cpu().numpy().astype(np.float64) * scale
        scores = result.boxes.conf.cpu().numpy().astype(np.float64)
        masks = None
        if self._task == "segment":
            masks = np.zeros((0, *small.shape[:2]), bool)
            if result.masks is not None:
                masks = result.masks.data.cpu().numpy().astype(bool)
        labels = tuple(self._labels[int(i)] for i in result.boxes.cls.tolist())
        return Found(boxes, scores, masks, labels)


def _bounded(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    if height * width <= MOST_PIXELS:
        return pixels
    scale = (MOST_PIXELS / (height * width)) ** 0.5
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _load(path: Path, task: Task, trusted: bool) -> tuple[Any, str]:
    """(ultralytics model, the task it says it was made for)."""
    from ultralytics.models.yolo.model import YOLO

    try:
        if path.suffix == ".pt":
            model: Any = _at_once(YOLO(str(path), verbose=False))
            return model, model.task
        # An exported file is read when it first runs: run it, so that faults show before any photo.
        model = _at_once(YOLO(str(path), task=task, verbose=False))
        with without_delegate_notice():
            model.predict(np.zeros((64, 64, 3), np.uint8), device="cpu", save=False, verbose=False)
        return model, getattr(model.predictor.model, "task", task)
    except Exception as error:
        if path.suffix == ".pt" and trusted:
            model = _load_pickle(path)
            return model, model.task
        raise SettingsError(f"segment.yolo.weights: {path} cannot be loaded: {_first_line(error)}.") from error


def _load_pickle(path: Path) -> Any:
    from ultralytics.models.yolo.model import YOLO

    tasks: Any = importlib.import_module("ultralytics.nn.tasks")
    safe, tasks.SAFE_LOAD = tasks.SAFE_LOAD, False
    try:
        return _at_once(YOLO(str(path), verbose=False))
    except Exception as error:
        raise SettingsError(f"segment.yolo.weights: {path} cannot be loaded: {_first_line(error)}.") from error
    finally:
        tasks.SAFE_LOAD = safe


def _at_once(model: Any) -> Any:
    """The model without ultralytics' warm-up, of which a CPU has nothing but the import of torchvision: three seconds
    and 0.2 GB for a suppression of boxes that ultralytics has itself, with the same result."""

    def start(predictor: Any) -> None:
        if predictor.device.type == "cpu" and getattr(predictor.model, "format", "") in ("pt", "onnx"):
            predictor.done_warmup = True

    model.add_callback("on_predict_start", start)
    return model


def _first_line(error: Exception) -> str:
    line = next(iter(f"{error}".strip().splitlines()), type(error).__name__)
    line = line.split("\u274c")[-1].strip(" \ufe0f")  # without ultralytics' cross mark
    return re.split(r"\. | \(\w+: ", line)[0].rstrip(".")  # the first sentence, without other libraries' reasons


@contextmanager
def _contained() -> Iterator[None]:
    """ultralytics sets threads, printing, variables and Pillow's `open` for the whole process: put them back.

    Its `open` answers a file that is no image with a ModuleNotFoundError about a HEIF library.
    """
    import torch  # before ultralytics, which sets OMP_NUM_THREADS=1 for whoever imports torch next

    threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    printing, variables, image_open = np.get_printoptions(), dict(os.environ), Image.open
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv2_threads)
        np.set_printoptions(**printing)
        Image.open = image_open
        torch.set_printoptions(profile="default")  # type: ignore[no-untyped-call]
        for name in ("OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS", "TF_CPP_MIN_LOG_LEVEL", "TORCH_CPP_LOG_LEVEL"):
            if name in variables:
                os.environ[name] = variables[name]
            else:
                os.environ.pop(name, None)
