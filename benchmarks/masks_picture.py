"""The picture of docs/masks.md: python benchmarks/masks_picture.py

From the photo bus.jpg that the ultralytics package carries, with the weights of the preset `embedded`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import ultralytics
from PIL import Image, ImageDraw

from configs import RefineSettings
from configs.load import load_settings
from data.types import People, Pixels
from data.weights.files import find
from flows.stages import models
from flows.stages.context import resolve
from flows.stages.segment import detect
from masks import choose, refine

HEIGHT = 480
COLOURS = ((255, 80, 80), (80, 200, 255), (255, 210, 60), (170, 110, 255), (90, 230, 120))


def people_in(pixels: Pixels) -> People:
    settings = resolve(load_settings("embedded")).segment
    weights = {name: find(name) for name in settings.required_weights()}
    return detect(models.segmenter(settings, weights), "bus.jpg", pixels)


def tinted(pixels: Pixels, mask: np.ndarray, colour: tuple[int, int, int]) -> Pixels:
    out = pixels.copy()
    out[mask] = (out[mask] * 0.4 + np.array(colour) * 0.6).astype(np.uint8)
    return out


def main() -> None:
    pixels = np.asarray(Image.open(Path(ultralytics.__file__).parent / "assets/bus.jpg").convert("RGB"))
    people, settings = people_in(pixels), RefineSettings()
    found = pixels
    for person, colour in zip(people.persons, COLOURS * 9, strict=False):
        found = tinted(found, people.mask(person), colour)
    cleaned = refine(people, settings.model_copy(update={"dilate": 0, "dilate_min": 0}))
    hole = refine(people, settings)
    grown = tinted(tinted(pixels, hole > 0, (255, 170, 40)), cleaned > 0, (255, 45, 120))
    keep = choose(people, "largest", settings)
    kept = tinted(pixels, refine(people, settings, choice=keep) > 0, (255, 45, 120))
    edge = cv2.dilate(keep.kept.view(np.uint8), np.ones((9, 9), np.uint8)) > keep.kept
    kept[edge] = (90, 230, 120)
    panels = (("people found", found), ("cleaned and grown", grown), ("the hole", np.repeat(hole[..., None], 3, 2)))
    panels += (("--keep largest", kept),)
    width = round(HEIGHT * pixels.shape[1] / pixels.shape[0])
    strip = Image.new("RGB", (len(panels) * (width + 6) - 6, HEIGHT + 24), "white")
    draw = ImageDraw.Draw(strip)
    for number, (caption, panel) in enumerate(panels):
        x = number * (width + 6)
        strip.paste(Image.fromarray(panel).resize((width, HEIGHT), Image.Resampling.LANCZOS), (x, 24))
        draw.text((x + 4, 6), caption, fill="black")
    strip.save("docs/masks.jpg", quality=88)


if __name__ == "__main__":
    main()
