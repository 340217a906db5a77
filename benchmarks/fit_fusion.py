"""Fits the coefficients with which `embedded` weighs what it knows of a place (detection/fusion.py).

    python benchmarks/fit_fusion.py COCO_DIR [--write]

Samples pixels of every person box, fits a logistic regression on each half of the photos and measures it on the
other half: mean IoU, then figures as in benchmarks/tiles.py. --write also fits it on all of them and saves
detection/fusion.json. Needs the weights of `embedded`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
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
from detection.embedded import Embedded, build, crop_maps
from detection.fusion import Fusion, at_crop

PIXELS = 300
"""Sampled pixels of a person's crop."""
RIDGE = 1e-3
"""Penalty on the squares of the coefficients of standardised features."""

Array = NDArray[np.float64]


def samples(segmenter: Embedded, photo: Photo, truth: NDArray[np.bool_], seed: int) -> tuple[list[str], Array, Array]:
    """(feature names, N x F, N labels) of random places in the person boxes of one photo."""
    random = np.random.default_rng(seed)
    (found,) = segmenter._detector.find([photo.pixels], segmenter._settings.score, segmenter._settings.image_size)
    names: list[str] = []
    rows: list[Array] = []
    labels: list[NDArray[np.bool_]] = []
    for box, score, cues in zip(found.boxes.tolist(), found.scores.tolist(), found.cues or (), strict=True):
        look = crop_maps(photo.pixels, tuple(box), score, segmenter._networks)
        if look is None:
            continue
        x = random.integers(look.where.x, look.where.right, PIXELS)
        y = random.integers(look.where.y, look.where.bottom, PIXELS)
        column = ((x + 0.5 - look.centred.x) * SIDE / look.centred.width).astype(int).clip(0, SIDE - 1)
        row = ((y + 0.5 - look.centred.y) * SIDE / look.centred.height).astype(int).clip(0, SIDE - 1)
        names = [*look.features, *(f"cue {i}" for i in range(len(cues.maps)))]
        values = [np.broadcast_to(v, (SIDE, SIDE))[row, column] for v in look.features.values()]
        values += [at_crop(one, cues, look.centred)[row, column] for one in cues.maps]
        rows.append(np.stack(values, 1).astype(np.float64))
        labels.append(truth[y, x])
    return names, np.concatenate(rows) if rows else np.zeros((0, 0)), np.concatenate(labels) if labels else np.zeros(0)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="COCO_DIR")
    parser.add_argument("--write", action="store_true", help="save the coefficients of all photos")
    options = parser.parse_args()
    console = Console(stderr=True)

    settings = load_settings("embedded").segment.model_copy(update={"device": "cpu"})
    weights = {name: find(name) for name in settings.required_weights()}
    nothing = Fusion(0.0, {}, np.zeros(0, np.float32))
    segmenter = build(settings, weights, nothing)
    photos = photos_with_people(options.directory)
    truths = AnnotatedPeople().segment(photos)
    names: list[str] = []
    sampled = []
    for i, (photo, truth) in enumerate(track(list(zip(photos, truths, strict=True)), "sampling", console=console)):
        of_photo, x, y = samples(segmenter, photo, truth.union(), i)
        names = of_photo or names
        sampled.append((i, x, y))

    def of(wanted: Callable[[int], bool]) -> Fusion:
        some = [(x, y) for i, x, y in sampled if len(y) and wanted(i)]
        return fit(names, np.concatenate([x for x, _ in some]), np.concatenate([y for _, y in some]))

    if options.write:
        everyone = of(lambda i: True)
        data: dict[str, Any] = {
            "bias": round(everyone.bias, 6),
            "features": {name: round(s, 6) for name, s in everyone.features.items()},
            "cues": [round(float(s), 6) for s in everyone.cues],
        }
        path = Path(detection.__file__).parent / "fusion.json"
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
