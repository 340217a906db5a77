"""What `benchmarks/gpu.py` runs on both devices."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from fill_speed import Job, export_weights, figures, filler, photo
from gpu_measure import Row, on_gpu, small_device

from configs import InpaintSettings, SegmentSettings
from configs.training import TrainSettings, load_training
from data.types import Hole, Photo, Pixels, Weight
from data.weights.files import folder
from inpainting import build_fill, compose, inpaint

BATCH = 8
NO_TF32 = "without TF32"


class Missing(Exception):
    """Something that a part needs is not on this machine."""


@dataclass(frozen=True)
class Given:
    """weights: their folder. photos: with people. scratch: for files with random weights. tiny: small everything."""

    weights: Path
    photos: list[Pixels]
    scratch: Path
    gpu: bool
    tiny: bool

    def weight(self, name: str) -> Path:
        path = self.weights / name
        if not path.is_file():
            raise Missing(f"{name} is not in {self.weights.name}/")
        return path


@dataclass(frozen=True)
class Case:
    """make: for a device, the work to time. apart: (the CPU's result, CUDA's) -> largest and mean difference and a
    note; None for a peer that is only timed. photos: that the work takes at once. tf32: whether CUDA's convolutions may
    round their inputs to ten bits, torch's default."""

    part: str
    make: Callable[[str], Callable[[], Any]]
    apart: Callable[[Any, Any], tuple[float, float, str]] | None = None
    unit: str = ""
    photos: int = 1
    note: str = ""
    tf32: bool = True


def gather(weights: Path | None, paths: list[Path], gpu: bool, tiny: bool) -> Given:
    if not paths and (found := importlib.util.find_spec("ultralytics")) and found.origin:
        paths = sorted((Path(found.origin).parent / "assets").glob("*.jpg"))
    photos = [np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]) for path in paths]
    return Given(weights or folder(), photos, Path(tempfile.mkdtemp()), gpu, tiny)


def levels(hole: Hole) -> Callable[[Pixels, Pixels], tuple[float, float, str]]:
    """Differences in grey levels in the hole."""

    def apart(a: Pixels, b: Pixels) -> tuple[float, float, str]:
        if (a != b)[hole == 0].any():
            raise ValueError("pixels outside the hole differ")
        by = np.abs(a[hole > 0].astype(int) - b[hole > 0])
        return float(by.max()), float(by.mean()), f"{(by > 1).mean():.2%} of values differ by more than 1"

    return apart


def boxes_apart(a: list[Any], b: list[Any]) -> tuple[float, float, str]:
    """Differences in pixels between the boxes of people whom both found (lists of N x 4, a photo each)."""
    far, all_found = [], 0
    for ours, theirs in zip(a, b, strict=True):
        all_found += max(len(ours), len(theirs))
        free = list(theirs)
        for box in ours:
            distances = [float(np.abs(box - other).max()) for other in free]
            if distances and min(distances) < 0.1 * max(box[2:] - box[:2]):
                far.append(min(distances))
                free.pop(int(np.argmin(distances)))
    if not far:
        raise ValueError("no box was found on both devices")
    return max(far), float(np.mean(far)), f"{len(far)} of {all_found} people found by both"


def people_apart(a: list[Any], b: list[Any]) -> tuple[float, float, str]:
    """Shares of the photo's pixels, in percent, that only one device takes for people."""
    shares = []
    for ours, theirs in zip(a, b, strict=True):
        if not len(ours):
            raise ValueError("the CPU found nobody")
        one, other = (np.any([found.mask(p) for p in found.persons], axis=0) for found in (ours, theirs))
        shares.append(100 * float((one ^ other).mean()))
    return max(shares), float(np.mean(shares)), f"{sum(map(len, a))} people on the CPU, {sum(map(len, b))} on CUDA"


def needs_photos(given: Given) -> list[Pixels]:
    if not given.photos:
        raise Missing("no photos: give --photos, or install ultralytics")
    return given.photos[:1] if given.tiny else (given.photos * BATCH)[:BATCH]


def detector(given: Given) -> Iterator[Case]:
    """The detector of `embedded`, with the cues for its masks."""
    from detection.yolo_network import YoloNetwork

    photos, path = needs_photos(given), given.weight("yolov8n.pt")
    side = 320 if given.tiny else 960

    def make(device: str) -> Callable[[], list[Any]]:
        network = YoloNetwork(path, "detect", device, cues=True)
        return lambda: network.find(photos, 0.25, side)

    def cues_apart(a: list[Any], b: list[Any]) -> tuple[float, float, str]:
        maps = [
            np.abs(x.cues[0].maps - y.cues[0].maps)
            for x, y in zip(a, b, strict=True)
            if x.cues and y.cues and x.cues[0].maps.shape == y.cues[0].maps.shape
        ]
        if len(maps) < len(a):
            raise ValueError("cues of other shapes on CUDA")
        return max(float(m.max()) for m in maps), float(np.mean([m.mean() for m in maps])), ""

    together = {"photos": len(photos), "note": f"CUDA: half precision, {len(photos)} at a time"}
    boxes = lambda a, b: boxes_apart([f.boxes for f in a], [f.boxes for f in b])  # noqa: E731
    yield Case("`embedded`: YOLOv8n's boxes", make, boxes, "px", **together)
    yield Case("`embedded`: its cues", make, cues_apart, "logits, features", **together)

    def bare(device: str) -> Callable[[], Any]:
        from ultralytics.models.yolo.model import YOLO

        model = YOLO(str(path)).model.to(device).half().fuse().eval()
        x = torch.zeros(len(photos), 3, side, side, device=device, dtype=torch.half)
        return torch.inference_mode()(lambda: model(x))

    yield Case("peer: ultralytics' network alone, half, one batch", bare, photos=len(photos))


def yolo(given: Given) -> Iterator[Case]:
    """The segmenter `yolo`: YOLOv8n's boxes with random masks, which need no further file."""
    from ultralytics.models.yolo.model import YOLO

    from detection import yolo as ours

    photos = [Photo(str(i), str(i), pixels) for i, pixels in enumerate(needs_photos(given))]
    torch.manual_seed(0)
    path = given.scratch / "seg.pt"
    model = YOLO("yolov8n-seg.yaml", verbose=False)
    model.model.load(YOLO(str(given.weight("yolov8n.pt")), verbose=False).model, verbose=False)
    model.model.names = dict(YOLO(str(given.weight("yolov8n.pt")), verbose=False).names)
    model.save(path)

    def make(device: str) -> Callable[[], list[Any]]:
        settings = SegmentSettings(weights=str(path), trust=True, device=device, score=0.25)
        segmenter = ours.build(settings, {str(path): Weight("seg", path, "")})
        return lambda: segmenter.segment(photos)

    yield Case("`yolo`", make, people_apart, "% of pixels", len(photos), "random mask layers, CUDA: half precision")


def maskrcnn(given: Given) -> Iterator[Case]:
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    from detection import maskrcnn as ours

    photos = [Photo(str(i), str(i), pixels) for i, pixels in enumerate(needs_photos(given)[:4])]
    torch.manual_seed(0)
    network = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=2)
    with torch.no_grad():  # scores and masks that differ from place to place
        network.rpn.head.cls_logits.weight.mul_(100)
        network.roi_heads.box_predictor.cls_score.weight.mul_(30)
        network.roi_heads.mask_predictor.mask_fcn_logits.weight.mul_(10)
    path = given.scratch / "maskrcnn.pth"
    torch.save(network.state_dict(), path)

    def make(device: str) -> Callable[[], list[Any]]:
        settings = SegmentSettings(segmenter="maskrcnn", device=device, score=0.5).with_weights(str(path))
        segmenter = ours.build(settings, {str(path): Weight("maskrcnn", path, "")})
        return lambda: segmenter.segment(photos)

    yield Case("`maskrcnn`", make, people_apart, "% of pixels", len(photos), "random weights")
    if given.gpu:
        note = f"random weights, {NO_TF32}"
        yield Case("`maskrcnn`", make, people_apart, "% of pixels", len(photos), note, tf32=False)


def migan(given: Given) -> Iterator[Case]:
    """Real weights, on people of random noise pictures; `whole` is the bare fill, `windows` mends with patchmatch."""
    path = given.weight("migan_pipeline_v2.onnx")
    weights = {"migan": Weight("migan", path, "")}
    for side in (512,) if given.tiny else (512, 1024):
        image, hole = photo(side, side), figures(side, side, 1)
        for settings in (
            InpaintSettings(fill="migan", strategy="whole"),
            InpaintSettings(fill="migan"),
            InpaintSettings(fill="shift-map").guided_by("migan"),
        ):
            part = f"`shift-map` guided by it, {side}²" if settings.fill == "shift-map" else ""
            part = part or f"`migan` `{settings.strategy}`, {side}²"
            yield Case(part, filled(image, hole, settings, weights), levels(hole), "levels")

    if given.gpu:
        image, hole = photo(512, 512), figures(512, 512, 1)
        work = filled(image, hole, InpaintSettings(fill="migan"), weights)
        yield Case("`migan` `windows`, 512²", work, levels(hole), "levels", note=NO_TF32, tf32=False)

    def bare(count: int) -> Callable[[str], Callable[[], Any]]:
        def make(device: str) -> Callable[[], Any]:
            from inpainting.migan.network import build_generator
            from inpainting.migan.onnx_tensors import read_tensors

            generator = build_generator(read_tensors(path)).to(device).to(memory_format=torch.channels_last)
            x = torch.zeros(count, 4, 512, 512, device=device).contiguous(memory_format=torch.channels_last)
            return torch.inference_mode()(lambda: generator.at_once(x))

        return make

    for count in (1, BATCH):
        yield Case(f"peer: MI-GAN's network alone, {count} at a time", bare(count), photos=count)


def filled(
    image: Pixels, hole: Hole, settings: InpaintSettings, weights: dict[str, Weight]
) -> Callable[[str], Callable[[], Pixels]]:
    def make(device: str) -> Callable[[], Pixels]:
        chosen = settings.model_copy(update={"device": device})
        fill = build_fill(chosen, weights)
        return lambda: compose(image, hole, inpaint(image, hole, fill, chosen))

    return make


def deepfillv2(given: Given) -> Iterator[Case]:
    for layout in ("pt", "tf"):
        weights = str(export_weights(given.scratch / f"{layout}.pth", layout, 8 if given.tiny else 48))
        for side in (64,) if given.tiny else (512, 1024):
            hole = figures(side, side, 2)
            for way in ("whole", "windows", "plain"):
                job = Job(way, layout, side, side, 2, 1, "", weights)
                apart = None if way == "plain" else levels(hole)
                name = f"`deepfillv2` `{layout}`, {way}, {side}²"
                name = f"peer: plain torch, `{layout}`, {side}²" if way == "plain" else name
                yield Case(name, speed_job(job, hole), apart, "levels")
        if given.gpu:
            side = 64 if given.tiny else 512
            hole = figures(side, side, 2)
            for way in ("whole", "windows"):
                job = speed_job(Job(way, layout, side, side, 2, 1, "", weights), hole)
                yield Case(
                    f"`deepfillv2` `{layout}`, {way}, {side}²", job, levels(hole), "levels", note=NO_TF32, tf32=False
                )


def speed_job(job: Job, hole: Hole) -> Callable[[str], Callable[[], Pixels]]:
    from dataclasses import replace

    image = photo(job.height, job.width)

    def make(device: str) -> Callable[[], Pixels]:
        fill = filler(replace(job, device=device))
        return lambda: fill(image, hole)

    return make


def out_of_memory(given: Given) -> Iterator[Any]:
    """A device too small for the photo: the fill must go on in smaller windows, the detector say MemoryError."""
    if not given.gpu:
        raise Missing("only a CUDA device can be told to be small")
    from flows.stages.photo_steps import inpaint_within_memory
    from inpainting.deepfillv2.fill import build

    side, path = (256, "tiny.pth") if given.tiny else (1024, "large.pth")
    weights = str(export_weights(given.scratch / path, "pt", 8 if given.tiny else 48))
    settings = InpaintSettings(weights=weights, device="cuda", strategy="whole")
    image, hole = photo(side, side), figures(side, side, 2)
    fill = build(settings, {weights: Weight("pt", Path(weights), "")})
    _, _, peak = on_gpu(lambda device: lambda: inpaint(image, hole, fill, settings))
    with small_device(0.6 * peak):
        began = time.perf_counter()
        patches, lower = inpaint_within_memory(image, hole, fill, settings)
        took = 1000 * (time.perf_counter() - began)
    if not lower:
        raise ValueError("the whole photo was filled in less memory than it takes")
    on_cpu = settings.model_copy(update={"device": "cpu", "strategy": "windows", "window": int(lower.split("=")[1])})
    other = build(on_cpu, {weights: Weight("pt", Path(weights), "")})
    expected = compose(image, hole, inpaint(image, hole, other, on_cpu))
    largest, mean, _ = levels(hole)(expected, compose(image, hole, patches))
    yield Row(
        f"out of memory: `deepfillv2`, {side}²",
        largest,
        mean,
        "levels",
        None,
        took,
        0.6 * peak,
        f"went on with `{lower}`",
    )

    from detection.yolo_network import YoloNetwork

    network = YoloNetwork(given.weight("yolov8n.pt"), "detect", "cuda", cues=True)
    photos = needs_photos(given)
    expected = network.find(photos, 0.25, 960)
    with small_device(40):
        try:
            network.find(photos, 0.25, 4096)
            raise ValueError("the detector found its way through no memory")
        except MemoryError:
            note = "one photo too large: `MemoryError`"
    again = network.find(photos, 0.25, 960)
    largest, mean, _ = boxes_apart([f.boxes for f in expected], [f.boxes for f in again])
    yield Row("out of memory: `embedded`'s detector", largest, mean, "px, before and after", note=note)


def training(given: Given) -> Iterator[Any]:
    """One step in single precision on both devices, then steps a second as docs/training.md advises for a GPU."""
    from inpainting.training.data import Items
    from inpainting.training.loop import batches_of
    from inpainting.training.state import fresh
    from inpainting.training.step import as_batch, take_step

    if not given.photos:
        raise Missing("no photos")
    paths = []
    for i, pixels in enumerate(given.photos):
        paths.append(given.scratch / f"{i}.jpg")
        cv2.imwrite(str(paths[-1]), pixels[..., ::-1])
    size, width, batch = (64, 8, 2) if given.tiny else (256, 48, 16)
    common = [f"data.size={size}", f"network.width={width}", f"network.discriminator={width}"]

    def settings(*more: str) -> TrainSettings:
        return load_training(overrides=[*common, *more])

    def same(number: int, truth: Pixels, hole: Hole) -> Pixels:
        return truth

    small = settings("data.size=64", "optimiser.batch=2")
    items = next(Items(tuple(paths), (), small).batches(0, same))

    def one_step(device: str) -> Callable[[], Any]:
        def work() -> dict[str, float]:
            state = fresh(small, torch.device(device))
            return take_step(state, as_batch(items, state.device), small)

        return work

    def losses_apart(a: dict[str, float], b: dict[str, float]) -> tuple[float, float, str]:
        by = [abs(a[k] - b[k]) for k in a]
        return max(by), float(np.mean(by)), ", ".join(a)

    yield Case("training: losses of a first step", one_step, losses_apart, "losses", note="start included")
    if not given.gpu:
        return
    for name, more in {
        "as docs/training.md": ("run.bf16=true", "run.channels_last=true"),
        "photos on the device": ("run.bf16=true", "run.channels_last=true", "data.resident=true"),
        "bf16 alone": ("run.bf16=true",),
        "single precision": (),
    }.items():
        chosen = settings(f"optimiser.batch={batch}", "data.workers=12", "data.scales=[1.0,3.0]", *more)
        state = fresh(chosen, torch.device("cuda"))
        batches = batches_of(Items(tuple(paths), (), chosen), None, 0, state.device)
        torch.cuda.reset_peak_memory_stats()
        fixed = next(batches)
        alone = per_step(lambda: take_step(state, fixed, chosen))  # noqa: B023
        whole = per_step(lambda: take_step(state, next(batches), chosen))  # noqa: B023
        batches.close()
        peak = torch.cuda.max_memory_allocated() / 1e6
        note = (
            f"{1000 / whole:.1f} steps/s of {batch} at {size}², network alone {1000 / alone:.1f}: {alone / whole:.0%}"
        )
        yield Row(f"training, {name}", gpu=whole / batch, memory=peak, note=note)


def per_step(step: Callable[[], Any], runs: int = 15) -> float:
    """Milliseconds a step after five others."""
    for _ in range(5):
        step()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(runs):
        step()
    torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start) / runs


PARTS: dict[str, Callable[[Given], Iterator[Any]]] = {
    "detector": detector,
    "yolo": yolo,
    "maskrcnn": maskrcnn,
    "migan": migan,
    "deepfillv2": deepfillv2,
    "out-of-memory": out_of_memory,
    "training": training,
}
"""In the order in which they run; the most telling first, should the time run out."""
