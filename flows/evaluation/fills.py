"""Fills against the truth on pairs of scene and silhouette, each against the first of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from configs import Settings
from configs.fills import FILLS
from configs.load import load_settings, merge, parse_override, validate
from configs.methods import field_of
from data.errors import InputError
from data.types import Hole, PhotoError, Pixels
from data.weights.files import find_all
from flows.evaluation.estimates import Estimate, Parts, difference, estimate
from flows.evaluation.pairs import Case
from flows.stages import models
from flows.stages.context import resolve
from inpainting import compose, inpaint, metrics, settings_for
from inpainting.invention import invented_share

MEAN = "mean"
"""A contender that is no fill of the pipeline: the mean colour of what is known, which every fill has to beat."""
BINS = {"all": (0.0, 1.0), "< 8 %": (0.0, 0.08), "8 to 18 %": (0.08, 0.18), "> 18 %": (0.18, 1.0)}
"""Shares of the photo that the hole covers, by which figures are told."""
MOST_PSNR = 99.0
"""Counts for a hole filled with the very truth, or means would be infinite."""
FEW = 10
"""Fewer pairs decide nothing."""


@dataclass(frozen=True)
class Figure:
    """better: +1 where more is better, -1 where less is, 0 where the truth's own value is the aim."""

    title: str
    better: int
    digits: int
    what: str


FIGURES = {
    "psnr": Figure("hole-PSNR, dB", 1, 2, "signal-to-noise ratio over the hole's pixels; rewards blur"),
    "ssim": Figure("SSIM", 1, 3, "structural similarity over the hole's pixels; rewards blur"),
    "l1": Figure("L1", -1, 2, "mean absolute difference over the hole's pixels, grey levels"),
    "swd": Figure(
        "sliced Wasserstein", -1, 2, "distance of the texture from the truth's, grey levels; 0 is the truth's"
    ),
    "lpips": Figure("LPIPS", -1, 3, "perceptual distance of the filled photo from the truth (with --lpips)"),
    "yolo_features": Figure(
        "feature distance",
        -1,
        3,
        "distance of YOLOv8n's features in the hole from the truth's, 0 to 4; 0 is the truth's",
    ),
    "detail": Figure("fine detail / truth's", 0, 2, "standard deviation of the finest band, as a share of the truth's"),
    "seam": Figure("seam / truth's", 0, 2, "mean step across the hole's rim, as a share of the truth's"),
    "ring": Figure("ring ΔE − truth's", 0, 2, "colour difference along the rim beyond the truth's, CIE76"),
    "invented": Figure("made up, %", 0, 1, "share of the hole that is like nothing around it"),
    "person": Figure("person found, %", -1, 1, "share of the holes in which a segmenter finds a person"),
}

Measure = Callable[[Pixels, Case], float]
"""A further figure: of a case, and of what a fill made of it, uint8 H x W x 3."""
Values = dict[str, float]
"""What is measured of one filled hole: figures by name, and the truth's own as `seam_truth` and the like."""


@dataclass(frozen=True)
class Contender:
    """A fill with its settings. label: as it was asked for, and as in tables. settings: None for `mean`."""

    label: str
    settings: Settings | None = None

    def build(self) -> Callable[[Pixels, Hole], Pixels]:
        """What fills the hole of a photo. Raises SettingsError, WeightsError before the first one."""
        if self.settings is None:
            return fill_with_mean
        settings = resolve(self.settings).inpaint
        weights = find_all(settings.required_weights())
        models.fill(settings, weights)

        def filled(image: Pixels, hole: Hole) -> Pixels:
            able, _ = settings_for(settings, hole)
            return compose(image, hole, inpaint(image, hole, models.fill(able, weights), able))

        return filled


@dataclass
class Judged:
    """What became of one contender. values, seconds: by the pair's number; seconds of CPU, of all threads. failed: a
    sentence for each pair that it could not fill."""

    label: str
    values: dict[int, Values] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


def parse_fills(text: str, preset: str, overrides: Sequence[str]) -> list[Contender]:
    """`patchmatch,deepfillv2:FILE,patchmatch:patch_size=9+margin=2` -> contenders. Raises InputError, SettingsError."""
    given = load_settings(preset, overrides).model_dump(mode="json", exclude_unset=True)
    out: dict[str, Contender] = {}
    for spec in filter(None, (part.strip() for part in text.split(","))):
        name, _, rest = spec.partition(":")
        if name == MEAN and not rest:
            contender = Contender(MEAN)
        else:
            tree: dict[str, object] = {**given, "inpaint": {**given.get("inpaint", {}), "fill": name}}
            merge(tree, {"inpaint": _settings_of(name, rest, spec)})
            contender = Contender(spec, validate(tree))
        if contender.label in out:
            raise InputError(f"--fills {text}: {contender.label} is there twice.")
        out[contender.label] = contender
    if not out:
        raise InputError("--fills: name at least one fill, as --fills patchmatch,telea.")
    return list(out.values())


def _settings_of(name: str, rest: str, spec: str) -> dict[str, object]:
    """Nested, as in `inpaint`. The fill's own settings may be named without it: `patchmatch:patch_size=9`."""
    if not rest:
        return {}
    method = FILLS.get(name)
    if not re.match(r"[a-z_.]+=", rest):
        if method is None or not method.takes_file:
            raise InputError(f"--fills {spec}: {name} takes no file; settings are written as {name}:margin=2.")
        rest = f"weights={rest}"
    own = method.settings.model_fields if method and method.settings else {}
    tree: dict[str, object] = {}
    for part in re.split(r"\+(?=[a-z_.]+=)", rest):
        merge(tree, parse_override(f"{field_of(name)}.{part}" if part.split("=")[0] in own else part))
    return tree


def fill_with_mean(image: Pixels, hole: Hole) -> Pixels:
    out = image.copy()
    out[hole != 0] = np.rint(image[hole == 0].mean(axis=0)).astype(np.uint8)
    return out


def measure(result: Pixels, case: Case, further: Mapping[str, Measure] = MappingProxyType({})) -> Values:
    """further: figures by their names in `FIGURES`."""
    truth, hole = case.truth, case.hole
    return {
        **{name: one(result, case) for name, one in further.items()},
        "psnr": min(metrics.psnr(result, truth, hole), MOST_PSNR),
        "ssim": metrics.ssim(result, truth, hole),
        "l1": metrics.l1(result, truth, hole),
        "swd": metrics.sliced_wasserstein(result, truth, hole),
        "detail": metrics.fine_detail(result, hole),
        "detail_truth": metrics.fine_detail(truth, hole),
        "seam": metrics.seam(result, hole),
        "seam_truth": metrics.seam(truth, hole),
        "ring": metrics.ring_delta_e(result, hole),
        "ring_truth": metrics.ring_delta_e(truth, hole),
        "invented": 100 * invented_share(result, hole),
    }


def parts_of(values: Values) -> Parts:
    """One pair's part of the figures: seam and detail are ratios of sums, so that a scene without any does not count
    without bounds; the others are means over pairs."""
    measured = [name for name in FIGURES if name in values and name not in ("detail", "seam", "ring")]
    means: dict[str, tuple[float, float]] = {name: (values[name], 1.0) for name in measured}
    ratios = {name: (values[name], values[f"{name}_truth"]) for name in ("detail", "seam")}
    return {**means, **ratios, "ring": (values["ring"] - values["ring_truth"], 1.0)}


def judge_fills(
    contenders: Sequence[Contender],
    cases: Iterable[Case],
    on_case: Callable[[Case, Mapping[str, Pixels]], None] = lambda case, results: None,
    further: Mapping[str, Measure] = MappingProxyType({}),
) -> tuple[list[Judged], dict[int, float]]:
    """Every contender on every case, and the share of the photo that each case's hole covers, by the pair's number.

    on_case: is called with each case and what the contenders made of it, by label. further: figures beside the usual.
    """
    fills = [contender.build() for contender in contenders]
    judged, shares = [Judged(contender.label) for contender in contenders], {}
    for case in cases:
        number, results = case.pair.number, {}
        shares[number] = case.share
        for fill, one in zip(fills, judged, strict=True):
            started = time.process_time()  # of all threads: the same on a busy machine
            try:
                results[one.label] = fill(case.image, case.hole)
            except PhotoError as error:
                one.failed[number] = error.sentence
                continue
            one.seconds[number] = time.process_time() - started
            one.values[number] = measure(results[one.label], case, further)
        on_case(case, results)
    return judged, shares


def told(judged: Sequence[Judged]) -> dict[str, Figure]:
    """The figures that were measured, in order."""
    names = {name for one in judged for values in one.values.values() for name in values}
    return {name: figure for name, figure in FIGURES.items() if name in names}


def in_bin(shares: Mapping[int, float], name: str) -> list[int]:
    """Numbers of the pairs whose hole is of this size, in order."""
    low, high = BINS[name]
    return [number for number, share in shares.items() if low <= share < high]


def figures_of(one: Judged, numbers: Iterable[int], seed: int) -> dict[str, Estimate]:
    """The contender's figures on these pairs."""
    return estimate([parts_of(one.values[number]) for number in numbers if number in one.values], seed)


def against(first: Judged, other: Judged, numbers: Iterable[int], seed: int) -> dict[str, Estimate]:
    """Other minus first on those of these pairs that both have filled."""
    both = [number for number in numbers if number in first.values and number in other.values]
    before, after = ([parts_of(one.values[number]) for number in both] for one in (first, other))
    return difference(before, after, seed)


def verdict(name: str, change: Estimate) -> str:
    """`better` or `worse` where the 95 % interval of a difference lies on one side of 0; `` for figures without a
    better direction. Of too few pairs an interval is too narrow to go by."""
    better = FIGURES[name].better
    if not better:
        return ""
    if change.count < FEW:
        return "too few pairs"
    if change.low <= 0 <= change.high:
        return "no clear difference"
    return "better" if change.low * better > 0 else "worse"
