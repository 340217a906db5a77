"""The shift map as a fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings
from configs.fills import FILLS, MiganSettings, ShiftMapSettings
from data.types import Hole, Pixels, Weight
from inpainting import lama, patchmatch
from inpainting.compositing import paste
from inpainting.mending import MendedFill
from inpainting.protocol import Builder, Fill
from inpainting.shift_map.blending import composite_and_correction
from inpainting.shift_map.full_size import at_full_size, enlarged_part
from inpainting.shift_map.labels import Bools, Floats, Labelling, box_of, features, moved
from inpainting.shift_map.level import Level, reduced
from inpainting.shift_map.seams import aligned, cut_again, enlarged_labels, scaled
from inpainting.shift_map.shifts import candidate_shifts, worth_trying
from inpainting.windows import hole_groups, only_groups, plan_windows, touched, within

GUIDE_LONG = {"lama": lama.GUIDE_LONG, "migan": 768, "patchmatch": 256}
"""Longer side in pixels of the window that a guide is given: of a network about what it can say, since its own pixels
are used too; of patchmatch a coarse view, which continues what surrounds a hole."""

REPAIR_WINDOW = 128
"""Longer side in pixels at which what a network made up is filled again: a guide says what goes where, no more."""

SMALL = 48 * 48
"""Pixels of a hole below which `ShiftMapFill.second` guides: a network that sees a whole photo leaves a blot there."""

_MORE_DETAIL, _NO_DETAIL = 1.7, 0.015
"""So many times the guide's contrast, and so much more, costs nothing: a network paints smoother than a photo."""


@dataclass(frozen=True)
class Options:
    """Parameters of the cut. Costs are those of one pixel of the label map, colours in 0..1.

    map_long: longer side in pixels of the label map. map_hole: most pixels of the hole there. middle_long: longer side
    of the picture on which seams are cut again and light is evened out. nearest, frequent: how many shifts of either
    kind are compared with the guide. tried: how many of them, and the guide's own pixels, the cut chooses from. data:
    cost of looking unlike the guide, at most `most` times that. near: cost of a shift as long as the window. busy: cost
    of more contrast than the guide has there, for each unit of it (keys or letters of its colours on a plain wall).
    own: cost of the guide's own pixel, more where its picture is smaller than the window. unfit: mean cost of the
    hole's pixels, each by its cheapest label, above which a second guide takes over that pieces fit: what a network
    paints and nothing in the photo looks like, it has mostly made up. Where pieces fit neither, the guide's own pixel
    costs only `own_unfit` times as much: broken pieces look worse. blur: sigma of the pictures that are compared.
    slack: a label that costs this much more than the best one at a pixel is not tried there. sweeps: how often the
    labels are gone through.
    """

    map_long: int = 192
    map_hole: int = 9000
    middle_long: int = 768
    nearest: int = 60
    frequent: int = 10
    tried: int = 30
    data: float = 2.0
    most: float = 1.0
    near: float = 0.02
    busy: float = 4.0
    own: float = 0.4
    unfit: float = 0.13
    own_unfit: float = 0.6
    blur: float = 0.7
    slack: float = 0.3
    sweeps: int = 2


@dataclass(frozen=True)
class ShiftMapFill:
    """guide: the fill that says roughly what goes where. guide_long: longer side in pixels of what it is given.
    margin: context around a group of holes that its pieces come from, as a share of the group's longer side.
    second: the fill that says it where all groups of a window are small, or where pieces fit what it says and not what
    `guide` says (`Options.unfit`). It sees that window alone, at most `second_long` pixels long; None is `guide`."""

    guide: Fill
    guide_long: int
    margin: float = 1.0
    options: Options = Options()
    second: Fill | None = None
    second_long: int = GUIDE_LONG["patchmatch"]

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`. The same arguments give the same bytes."""
        unknown = hole if exclude is None else np.maximum(hole, exclude)
        out, known = image.copy(), unknown == 0
        labels, boxes = hole_groups(hole)
        # The guide may see much more than a piece can come from: the cut has the more detail the less it sees.
        windows = plan_windows(unknown, boxes, InpaintSettings(margin=self.margin))
        sizes = [np.count_nonzero(labels[group.box.slices] == n) for n, group in enumerate(boxes, 1)]
        is_small = [self.second is not None and max(sizes[n - 1] for n in w.groups) < SMALL for w in windows]
        if not all(is_small):
            large = [n for window, few in zip(windows, is_small, strict=True) if not few for n in window.groups]
            theirs = only_groups(labels, large) if any(is_small) else hole
            picture = _guided(self.guide, self.guide_long, image, theirs, unknown)
        for window, few in zip(windows, is_small, strict=True):
            box = window.box.slices
            theirs = only_groups(labels[box], window.groups)
            own, second = theirs != 0, None
            if self.second:
                second = partial(_guided, self.second, self.second_long, image[box], theirs, unknown[box])
            if few and second:
                seen, second = second(), None
            else:
                seen = picture if window.box.shape == hole.shape else enlarged_part(picture, box, hole.shape)
            paste(shift_map(image[box], own, known[box], seen, self.options, second), own, out[box])
        return out


def _guided(guide: Fill, long: int, image: Pixels, hole: Hole, unknown: Hole) -> Pixels:
    """What a fill makes of the hole in a view whose longer side has at most `long` pixels, uint8 h x w x 3."""
    shape = within(hole.shape, long)
    small, small_unknown = reduced(image, unknown, shape)
    small_hole = np.minimum(touched(hole, shape), small_unknown)
    others = small_unknown - small_hole
    return guide.fill(small, small_hole, others if others.any() else None)


def shift_map(
    image: Pixels, hole: Bools, known: Bools, guide: Pixels, options: Options,
    second: Callable[[], Pixels] | None = None,
) -> Pixels:  # fmt: skip
    """The window with its hole made of pieces of the photo, uint8 H x W x 3.

    image: uint8 H x W x 3. hole, known: bool H x W, what to fill and what may be copied. guide: uint8 h x w x 3, the
    window of any size with its hole filled. second: gives the guide that is followed where pieces fit the first badly.
    """
    plan = Plan.of(image, hole, known, guide, options)
    if second and plan.misfit > options.unfit:
        other = Plan.of(image, hole, known, second(), options)
        plan = min(plan, other, key=lambda one: one.misfit > options.unfit)
    level, map_shape = plan.level, plan.small.hole.shape
    labels, shifts = chosen(plan, options)
    shape = level.hole.shape
    step = max(shape[0] / map_shape[0], shape[1] / map_shape[1])
    labels, shifts = np.where(level.hole, enlarged_labels(labels, shape), 0), scaled(shifts, map_shape, shape)
    if step > 1.2:
        box = box_of(level.hole)
        shifts = aligned(level.base, level.hole, level.known, labels[box], box, shifts, int(np.ceil(step / 2)) + 1)
    labels = cut_again(level.base, level.hole, level.known, labels, shifts, max(1, round(step)))
    pieces, correction, box = composite_and_correction(level.base, level.hole, level.known, labels, shifts)
    small = level.base.copy()
    small[box] = np.clip(np.rint((pieces + correction) * 255), 0, 255).astype(np.uint8)
    if shape == hole.shape:
        return small
    return at_full_size(image, hole, known, small, labels, shifts, correction, box)


@dataclass(frozen=True)
class Plan:
    """What a guide asks for. level: the window with its picture; small: the same at the label map's size. shifts: int32
    K x 2, the first (0, 0), the guide's own pixel; costs: float32 K x h x w, of each at each pixel of the small hole's
    box. misfit: mean over the hole of its cheapest label's cost."""

    level: Level
    small: Level
    shifts: NDArray[np.int32]
    costs: Floats
    misfit: float

    @classmethod
    def of(cls, image: Pixels, hole: Bools, known: Bools, guide: Pixels, options: Options) -> Plan:
        """Arguments as of `shift_map`."""
        level = Level.at(image, hole, known, guide, within(hole.shape, options.middle_long))
        few = max(hole.shape) * float(np.sqrt(options.map_hole / max(1, int(np.count_nonzero(hole)))))
        map_shape = within(hole.shape, max(32, int(min(options.map_long, few))))
        small = Level.at(level.base, level.hole, level.known, guide, map_shape)
        shifts = candidate_shifts(small.base, small.hole, small.known, options.nearest, options.frequent)
        shifts = np.concatenate([np.zeros((1, 2), np.int32), shifts])
        costs = label_costs(small, shifts, options)
        smaller = max(1.0, max(hole.shape) / max(guide.shape[:2]))
        costs[0] = options.own * float(np.sqrt(smaller))  # enlarged so much, it is less sharp than a piece
        misfit = float(costs.min(axis=0)[small.hole[box_of(small.hole)]].mean())
        return cls(level, small, shifts, costs, misfit)


def chosen(plan: Plan, options: Options) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Labels (int h x w, 0 outside the small hole) and the shifts they stand for (int32 K x 2, the first (0, 0))."""
    level, costs = plan.small, plan.costs.copy()
    box = box_of(level.hole)
    inside = level.hole[box]
    if plan.misfit > options.unfit:
        costs[0] *= options.own_unfit
    few = worth_trying(costs[:, inside], options.tried)
    shifts, costs = plan.shifts[few], costs[few]
    own = costs[0].copy()
    labels = np.zeros(level.hole.shape, np.intp)
    labels[box] = np.where(inside, costs.argmin(axis=0), 0)
    graph = Labelling(features(level.base), level.hole, level.known, shifts, labels)
    costs[costs > costs.min(axis=0) + options.slack] = np.inf
    costs[0] = own
    for sweep in range(options.sweeps):
        used = np.bincount(graph.labels[inside], minlength=len(shifts))
        changed = False
        for label in np.argsort(-used, kind="stable"):
            if sweep == 0 or used[label]:
                present = np.take_along_axis(costs, graph.labels[None], axis=0)[0]
                changed |= graph.expand(int(label), costs[label] - present)
        if not changed:
            break
    labels[box] = graph.labels
    return labels, shifts


def label_costs(level: Level, shifts: NDArray[np.int32], options: Options) -> Floats:
    """What each label costs at each pixel of the hole's box, float32 K x h x w; infinite without a source."""
    import cv2

    picture = cv2.GaussianBlur(level.base.astype(np.float32) / 255, (0, 0), options.blur)
    planes = np.ascontiguousarray(np.moveaxis(picture, 2, 0))
    box = box_of(level.hole)
    here = planes[:, *box]
    detail = contrast(level.base)
    enough = detail[box] * _MORE_DETAIL + _NO_DETAIL
    side = max(level.hole.shape)
    costs = np.empty((len(shifts), *here.shape[1:]), np.float32)
    costs[0] = 0
    for label, (dy, dx) in enumerate(shifts[1:].tolist(), 1):
        unlike = here - moved(planes, box, dy, dx)
        unlike = cv2.blur(np.sqrt((unlike * unlike).sum(axis=0)), (3, 3))
        cost = options.data * np.minimum(unlike, options.most) + options.near * (abs(dy) + 0.3 * abs(dx)) / side
        cost += options.busy * np.maximum(moved(detail, box, dy, dx) - enough, 0)
        costs[label] = np.where(moved(level.known, box, dy, dx), cost, np.inf)
    return costs


def contrast(image: Pixels) -> Floats:
    """Standard deviation of the grey levels of the 5 x 5 pixels around each one, float32 H x W in 0..0.5."""
    import cv2

    grey = image.astype(np.float32).mean(axis=2) / 255
    mean = cv2.blur(grey, (5, 5))
    return np.asarray(np.sqrt(np.maximum(cv2.blur(grey * grey, (5, 5)) - mean * mean, 0)), np.float32)


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> ShiftMapFill:
    """The fill of these settings; with `structure` auto the weights that are given decide who guides.

    Raises SettingsError where the guide cannot be built.
    """
    name = settings.of(ShiftMapSettings).structure
    if name == "auto":
        name = "migan" if settings.of(MiganSettings).weights in weights else "patchmatch"
    builder: Builder = getattr(import_module(FILLS[name].module), FILLS[name].build)
    guide = builder(settings, weights)
    second = patchmatch.build(settings, {}) if FILLS[name].learned else None
    if second and (settings.repair or settings.texture):
        guide = MendedFill(guide, second if settings.repair else guide, settings, REPAIR_WINDOW)
    return ShiftMapFill(guide, GUIDE_LONG[name], settings.margin, second=second)
