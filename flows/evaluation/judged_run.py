"""A finished run judged by a verifying segmenter: figures of `removal` for every photo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypedDict

import cv2
import numpy as np

from configs import GIVEN_MASKS, Settings
from configs.load import validate
from configs.segmenters import SEGMENTERS
from data.errors import InputError
from data.types import People, Pixels, State
from data.weights.files import find_all
from detection.protocol import Segmenter
from flows.evaluation.estimates import Estimate, Parts, estimate
from flows.evaluation.finished import FinishedRun, Published, exactness
from flows.evaluation.reference import AnnotatedPhoto
from flows.evaluation.removal import SCORES, lies_inside, masks_from, measure
from flows.evaluation.sheet import marked
from flows.stages import models
from flows.stages.context import resolve
from flows.stages.segment import detect
from flows.stages.verifier import verifier_settings

_DETECTED = (255, 210, 0)


@dataclass(frozen=True)
class Verifier:
    """The segmenter that judges results. name: which; network: built."""

    name: str
    network: Segmenter

    def detect(self, photo: AnnotatedPhoto, pixels: Pixels) -> People:
        """Whom it finds in `pixels`, which lie as the photo's do."""
        return detect(self.network, photo.name, pixels)


def build_verifier(spec: str, settings: Settings) -> Verifier:
    """The segmenter of `NAME` or `NAME:FILE`, with the segment settings but for its weights, at the least of `SCORES`.
    The weights are the settings' too where no file is named. Raises InputError, SettingsError, WeightsError."""
    name, _, file = spec.partition(":")
    if name not in SEGMENTERS or name in GIVEN_MASKS:
        raise InputError(f"--verifier {name}: name a segmenter that finds people by itself, such as yolo or embedded.")
    if file and not SEGMENTERS[name].takes_file:
        able = " and ".join(name for name, method in SEGMENTERS.items() if method.takes_file)
        raise InputError(f"--verifier {spec}: {name} takes no file; {able} do.")
    asked = {"segmenter": name, "score": min(SCORES), **({"weights": file} if file else {})}
    tree = settings.model_dump(mode="json", exclude_unset=True)
    tree["verify"] = {**tree.get("verify", {}), **asked}
    judge = verifier_settings(resolve(validate(tree)))
    assert judge is not None  # `none` is refused above
    return Verifier(name, models.segmenter(judge, find_all(judge.required_weights())))


class FoundLine(TypedDict):
    """Somebody whom the verifier finds in a result."""

    bbox: list[float]
    score: float
    where: Literal["hole", "elsewhere"]


class PhotoLine(TypedDict):
    """Figures of one photo. residual: people in its hole. found: what a verifier found."""

    file_name: str
    state: State
    persons: int
    left: int
    residual: int
    found: NotRequired[list[FoundLine]]


@dataclass
class JudgedRun:
    """Figures of one run.

    photos: one line each, for whoever wants to know more. makers: segmenters that made the masks. verifiers: those that
    verified the results in the run itself. worst: (caption, picture) of photos with the most confident detections in
    a hole, or people left.
    """

    label: str
    parts: list[Parts] = field(default_factory=list)
    photos: list[PhotoLine] = field(default_factory=list)
    makers: set[str] = field(default_factory=set)
    verifiers: set[str] = field(default_factory=set)
    worst: list[tuple[str, Pixels]] = field(default_factory=list)

    def figures(self, seed: int) -> dict[str, Estimate]:
        """With intervals from photos drawn anew."""
        return estimate(self.parts, seed)


def judge_run(
    label: str,
    run: FinishedRun,
    photos: Iterable[AnnotatedPhoto],
    verifier: Verifier | None,
    before: Callable[[AnnotatedPhoto], People | None],
    worst: int = 0,
) -> JudgedRun:
    """Every published photo judged; one in memory at a time. before: whom the verifier finds in the original."""
    out = JudgedRun(label)
    kept: list[tuple[float, int, str, Pixels]] = []
    for number, one in enumerate(run.published(photos)):
        truth = one.photo.truth
        found = verifier.detect(one.photo, one.result) if verifier else None
        parts = {**measure(truth, one.hole, found, before(one.photo)), **exactness(one)}
        out.parts.append(parts)
        out.makers |= {person.source for person in one.found.persons}
        if verified := one.row["verify"]:
            out.verifiers.add(verified["looked"])
        out.photos.append(_line(one, parts, found))
        badness = _badness(out.photos[-1])
        if worst and badness:
            kept.append((-badness, number, one.photo.name, _picture(one, found)))
            kept = sorted(kept, key=lambda item: item[:2])[:worst]
    out.worst = [(name, picture) for _, _, name, picture in kept]
    return out


def _line(one: Published, parts: Parts, found: People | None) -> PhotoLine:
    inside = one.hole > 0
    left, persons = parts["left"]
    line: PhotoLine = {
        "file_name": one.photo.name,
        "state": one.row["state"],
        "persons": int(persons),
        "left": int(left),
        "residual": int(parts["residual"][0]),
    }
    if found is not None:
        line["found"] = [
            {
                "bbox": list(person.bbox),
                "score": round(person.score, 4),
                "where": "hole" if lies_inside(found.mask(person), inside) else "elsewhere",
            }
            for person in found.persons
        ]
    return line


def _badness(line: PhotoLine) -> float:
    return float(line["left"] + sum(f["score"] for f in line.get("found", ()) if f["where"] == "hole"))


def _picture(one: Published, found: People | None) -> Pixels:
    """The result: people left in red, the hole's edge in green, outlines of whom the verifier finds in yellow."""
    picture = marked(one.result, one.photo.truth.union(), one.hole)
    width = max(1, round(max(one.hole.shape) / 320))
    for mask in masks_from(found, min(SCORES)) if found is not None else ():
        contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, _DETECTED, width)
    return picture
