"""The segmenter that searches for people in the result: another one than made the masks where one can, decided when a
run is planned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from configs import SegmentSettings, Settings, VerifySettings
from configs.segmenters import SEGMENTERS
from data.weights.files import MissingWeightsError, find
from flows.stages.ready_weights import with_ready_weights

SHOWS = {"tv": "screen", "laptop": "screen", "cell phone": "screen", "book": "picture"}
"""COCO's classes of things that show people, and what a person in one of them is like."""
TAKEN_FOR = dict.fromkeys(("dog", "cat", "horse", "sheep", "cow", "bear", "teddy bear"), "animal")
"""Those of what may be taken for a person, and what it is like."""


def verifier_settings(settings: Settings) -> SegmentSettings | None:
    """Settings of the segmenter that verifies the result; None when none does.

    `auto` that is not resolved yet (see `resolve_verifier`) is what is needed at least, `same`.
    """
    name: str = settings.verify.segmenter
    if name in ("same", "auto"):
        name = _same(settings.segment)
    return None if name == "none" else _verifying(settings.segment, settings.verify, name)


def resolve_verifier(settings: Settings) -> VerifySettings:
    """`settings.verify` with the segmenter by name, or `none`; what `auto` stands for depends on the weights on
    this machine.

    Raises WeightsError for damaged ones. Weights that a setting names are taken, there or not: a run says
    that they are missing.
    """
    name: str = settings.verify.segmenter
    if name == "auto":
        name = next(_others(settings), "same")
    if name == "same":
        name = _same(settings.segment)
    found = {} if name != "none" else {"passes": 0}  # no verifier: nobody more is found
    weights = None if settings.verify.weights == "auto" else settings.verify.weights  # as the segmenter's are chosen
    return settings.verify.model_copy(update={"segmenter": name, "weights": weights, **found})


def is_independent(first: SegmentSettings, verifier: SegmentSettings | None) -> bool:
    """Whether another network verifies than those that made the masks."""
    return verifier is not None and not _networks(first) & _networks(verifier)


def finds_more(first: SegmentSettings, verifier: SegmentSettings | None) -> bool:
    """Whether the verifier may find somebody in an untouched photo whom the first one did not."""
    return verifier is not None and (
        is_independent(first, verifier) or verifier.score < first.score or verifier.image_size != first.image_size
    )


def verifier_words(settings: Settings) -> str:
    """The verifier in words; of resolved settings."""
    verifier = verifier_settings(settings)
    if verifier and is_independent(settings.segment, verifier):
        return f"results verified by {_named(verifier)}, another segmenter than the one that made the masks"
    # Where another could, somebody chose otherwise.
    alone = next(_others(settings), None) is None
    if verifier is None:
        # A network that found the people could verify, too: somebody told it not to.
        missing = alone and settings.segment.given
        fetch = "; `person-removal weights fetch --preset embedded` brings somebody" if missing else ""
        return f"results verified by no segmenter (known people only{fetch})"
    why = " (no other one's weights are on this machine)" if alone else ""
    scale = (
        "" if verifier.image_size == settings.segment.image_size else f" at another scale ({verifier.image_size} px)"
    )
    return f"results verified by {_named(verifier)} again{scale}, the segmenter that made the masks{why}"


def _named(verifier: SegmentSettings) -> str:
    names = verifier.required_weights()
    return f"{verifier.segmenter} ({Path(names[0]).name})" if len(names) == 1 else verifier.segmenter


def _same(first: SegmentSettings) -> str:
    """Given masks cannot verify a result."""
    return "none" if first.given else first.segmenter


def _verifying(first: SegmentSettings, verify: VerifySettings, name: str) -> SegmentSettings:
    verifier = first.model_copy(update={"segmenter": name, "score": verify.score, "objects": (*SHOWS, *TAKEN_FOR)})
    for part in verifier.used():
        verifier = verifier.with_own(part, **SEGMENTERS[part].verifying)
    second = SEGMENTERS[name].second_size
    if name == first.segmenter and second:  # the same network finds somebody else at another scale
        small, large = second
        sizes = (small, large) if first.image_size > small else (large, small)
        seen = getattr(first.own(name), "further_sizes", ())
        verifier = verifier.model_copy(
            update={"image_size": next((size for size in sizes if size not in seen), sizes[0])}
        )
    return verifier.with_weights(verify.weights) if verify.weights else verifier


def _others(settings: Settings) -> Iterator[str]:
    """Segmenters that did not make the masks and can verify: their weights are on this machine."""
    first = with_ready_weights(settings.segment)
    for name in (name for name, method in SEGMENTERS.items() if method.verifies):
        verifier = _verifying(first, settings.verify, name)
        named = verifier.own(name) != SegmentSettings().own(name)  # wanted: that they are missing is not passed over
        verifier = with_ready_weights(verifier)
        if is_independent(first, verifier) and (named or _there(verifier)):
            yield name


def _there(verifier: SegmentSettings) -> bool:
    try:
        for name in verifier.required_weights():
            find(name)
    except MissingWeightsError:
        return False
    return True


def _networks(settings: SegmentSettings) -> set[tuple[str, ...]]:
    """The networks, told apart by name and weights."""
    each = [settings.model_copy(update={"segmenter": name}) for name in settings.used()]
    return {(one.segmenter, *one.required_weights()) for one in each}
