"""Segmenters and fills, built once a process: loading a network takes longer than using it.

A network that cannot be built (a damaged checkpoint, a device that is not there) is a SettingsError: it ends the run,
because every photo would meet it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

import detection
import inpainting
from configs import InpaintSettings, SegmentSettings, SettingsError
from configs.fills import FILLS
from data.types import Weight
from data.weights.files import find_all, trusted
from detection.faces import WEIGHTS as FACES
from detection.faces import FaceReader
from detection.protocol import Segmenter
from inpainting.protocol import Fill

_one_build = threading.Lock()  # two tasks of one worker must not both load a network
_Weights = tuple[tuple[str, Weight], ...]
_Settings = TypeVar("_Settings")
_Network = TypeVar("_Network")


def segmenter(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """The process's segmenter of these settings. weights: all of the run's, by the name the settings use."""
    with _one_build:
        return _segmenter(settings, tuple((name, weights[name]) for name in settings.required_weights()))


def fill(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    """The process's fill of these settings."""
    with _one_build:
        return _fill(settings, tuple((name, weights[name]) for name in settings.required_weights()))


def check_fill(settings: InpaintSettings, weights: Mapping[str, Weight]) -> None:
    """Read the fill's network once before the first photo: shards overlap, and one without people would be published
    before another finds the checkpoint damaged. On the CPU: the process that plans holds no GPU. Raises SettingsError.

    A network's own file as the registry states it is known to load: reading it would only import torch once more.
    """
    if settings.required_weights() and not _as_published(settings, weights):
        _built(inpainting.build_fill, settings.model_copy(update={"device": "cpu"}), weights)


def _as_published(settings: InpaintSettings, weights: Mapping[str, Weight]) -> bool:
    """Whether each file is the one that its fill takes by default, byte for byte the registry's."""
    own = [(FILLS[name].settings, settings.own(name)) for name in settings.used() if FILLS[name].takes_file]
    usual = all(getattr(mine, "weights", "") == getattr(kind(), "weights", "") for kind, mine in own if kind)
    return usual and all(trusted(weights[name]) for name in settings.required_weights())


def _built(
    build: Callable[[_Settings, Mapping[str, Weight]], _Network], settings: _Settings, weights: Mapping[str, Weight]
) -> _Network:
    try:
        return build(settings, weights)
    except ValueError as error:
        raise SettingsError(str(error)) from error


@lru_cache(maxsize=1)
def face_reader() -> FaceReader:
    """The process's reader of faces. Raises SettingsError, WeightsError."""
    return FaceReader(find_all(FACES))


@lru_cache(maxsize=2)  # the run's and the verifier's
def _segmenter(settings: SegmentSettings, weights: _Weights) -> Segmenter:
    return _built(detection.build_segmenter, settings, dict(weights))


@lru_cache(maxsize=3)  # the run's, that of very large holes, and that of photos with settings of their own
def _fill(settings: InpaintSettings, weights: _Weights) -> Fill:
    return _built(inpainting.build_fill, settings, dict(weights))
