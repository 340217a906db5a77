"""Fits the coefficients with which `embedded` weighs what it knows of a place (detection/fusion.py).

    python benchmarks/fit_fusion.py COCO_DIR [--write]

Samples pixels of every person box, fits logistic regressions (people whose crop the mask networks see, and small ones)
on each half of the photos and measures them on the other half: mean IoU, then figures as in benchmarks/tiles.py.
--write also fits them on all photos and saves detection/fusion.json. Needs the weights of `embedded`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tiles import Figures, photos_with_people

import detection
from configs.load import load_settings
from data.types import Photo
from data.weights.files import find
from detection.annotations import AnnotatedPeople
from detection.crops import SIDE
from detection.embedded import SMALL, Embedded, build, crop_maps
from detection.fusion import Fusion, Fusions, at_crop

PIXELS = 300
"""Sampled pixels of a person's crop."""
RIDGE = 1e-3
"""Penalty on the squares of the coefficients of standardised features."""
AROUND = 2.25
"""The regression of small people is fitted on boxes up to this factor of `SMALL`: the small alone are few."""

Array = NDArray[np.float64]


@dataclass
class Samples:
    """Feature names, values N x F and labels N."""

    names: list[str] = field(default_factory=list)
    x: list[Array] = field(default_factory=list)
    y: list[NDArray[np.bool_]] = field(default_factory=list)


def samples(segmenter: Embedded, photo: Photo, truth: NDArray[np.bool_], seed: int) -> tuple[Samples, Samples]:
    """Random places in the person boxes of one photo: of large and of small ones."""
    random = np.random.default_rng(seed)
    (found,) = segmenter._detector.find([photo.pixels], segmenter._settings.score, segmenter._settings.image_size)
    large, small = Samples(), Samples()
    for box, score, cues in zip(found.boxes.tolist(), found.scores.tolist(), found.cues or (), strict=True):
        side = max(box[2] - box[0], box[3] - box[1])
        wanted = [(large, segmenter._networks)] if side >= SMALL else []
        for out, networks in [*wanted, *([(small, None)] if side < SMALL * AROUND else [])]:
            maps = crop_maps(photo.pixels, tuple(box), score, networks)
            if maps is None:
                continue
            x = random.integers(maps.where.left, maps.where.right, PIXELS)
            y = random.integers(maps.where.top, maps.where.bottom, PIXELS)
            column = ((x + 0.5 - maps.centred.left) * SIDE / maps.centred.width).astype(int).clip(0, SIDE - 1)
            row = ((y + 0.5 - maps.centred.top) * SIDE / maps.centred.height).astype(int).clip(0, SIDE - 1)
            out.names = [*maps.features, *(f"cue {i}" for i in range(len(cues.maps)))]
            values = [np.broadcast_to(v, (SIDE, SIDE))[row, column] for v in maps.features.values()]
            values += [at_crop(one, cues, maps.centred)[row, column] for one in cues.maps]
            out.x.append(np.stack(values, 1).astype(np.float64))
            out.y.append(truth[y, x])
    return large, small


def fit(names: list[str], x: Array, y: Array) -> Fusion:
    """Newton's method on the penalised likelihood; features are standardised for the fit only."""
    mean, deviation = x.mean(0), x.std(0) + 1e-9
    z = np.concatenate([np.ones((len(x), 1)), (x - mean) / deviation], 1)
    w = np.zeros(z.shape[1])
    penalty = np.full(z.shape[1], 2 * RIDGE * len(x))
    penalty[0] = 0
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(z @ w, -30, 30)))
        gradient = z.T @ (p - y) + penalty * w
        curvature = (z * (p * (1 - p))[:, None]).T @ z + np.diag(penalty)
        w -= np.linalg.solve(curvature, gradient)
    slopes = w[1:] / deviation
    bias = float(w[0] - slopes @ mean)
    of = {name: float(np.float32(s)) for name, s in zip(names, slopes, strict=True)}
    cues = np.array([s for name, s in of.items() if name.startswith("cue ")], np.float32)
    return Fusion(bias, {name: s for name, s in of.items() if not name.startswith("cue ")}, cues)


def as_json(fusion: Fusion) -> dict[str, Any]:
    return {
        "bias": round(fusion.bias, 6),
        "features": {name: round(s, 6) for name, s in fusion.features.items()},
        "cues": [round(float(s), 6) for s in fusion.cues],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="COCO_DIR")
    parser.add_argument("--write", action="store_true", help="save the coefficients of all photos")
    options = parser.parse_args()
    console = Console(stderr=True)

    settings = load_settings("embedded").segment.model_copy(update={"device": "cpu"})
    weights = {name: find(name) for name in settings.required_weights()}
    nothing = Fusion(0.0, {}, np.zeros(0, np.float32))
    segmenter = build(settings, weights, Fusions(nothing, nothing))
    photos = photos_with_people(options.directory)
    truths = AnnotatedPeople().segment(photos)
    sampled = [
        samples(segmenter, photo, truth.union(), i)
        for i, (photo, truth) in enumerate(track(list(zip(photos, truths, strict=True)), "sampling", console=console))
    ]

    def of(wanted: Callable[[int], bool]) -> Fusions:
        def one(group: int) -> Fusion:
            some = [of_photo[group] for i, of_photo in enumerate(sampled) if wanted(i) and of_photo[group].x]
            x, y = [x for each in some for x in each.x], [y for each in some for y in each.y]
            return fit(some[0].names, np.concatenate(x), np.concatenate(y))

        return Fusions(one(0), one(1))

    if options.write:
        everyone = of(lambda i: True)
        path = Path(detection.__file__).parent / "fusion.json"
        data = {"large": as_json(everyone.large), "small": as_json(everyone.small)}
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        print(f"saved {path.name}")

    figures = Figures()
    halves = [build(settings, weights, of(lambda i, h=h: i % 2 != h)) for h in (0, 1)]
    for i, (photo, truth) in enumerate(track(list(zip(photos, truths, strict=True)), "measuring", console=console)):
        figures.add(halves[i % 2].segment([photo])[0].union(), truth)
    recall, covered, outside, _ = figures.row()
    print(
        f"each half by the other: mean IoU {np.mean(figures.ious):.3f}, recall {recall}, covered {covered}, "
        f"outside {outside}"
    )


if __name__ == "__main__":
    main()
