"""The preset `commercial`: nothing in it is under AGPL or forbids commercial use, and it runs without the rest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from red_detr import red_detr

from configs.fills import FILLS
from configs.load import load_settings
from configs.segmenters import SEGMENTERS
from data.weights import files as weights
from data.weights.registry import registry
from flows import remove_people
from flows.stages import ready_weights
from flows.stages.context import required_weights, resolve, wished_weights
from flows.stages.verifier import verifier_settings


def test_every_licence_allows_commercial_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready_weights, "state", lambda name: "missing")  # whatever is on this machine
    settings = load_settings("commercial")
    needed = [*required_weights(settings), *wished_weights(settings)]
    assert set(needed) == {"rf-detr-seg-medium", "migan"}
    known = registry()
    assert {known.licence(known.weights[name]).commercial for name in needed} == {"yes"}
    resolved = resolve(settings)
    verifier = verifier_settings(resolved)
    assert verifier is not None and verifier.segmenter == "rf-detr"
    methods = (SEGMENTERS["rf-detr"], FILLS["shift-map"], FILLS["migan"], FILLS["patchmatch"])
    assert not [method for method in methods if "AGPL" in method.licence or "NC" in method.licence]


def test_it_runs_with_a_network_of_the_published_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    entry = registry().weights["rf-detr-seg-medium"]
    (tmp_path / "weights").mkdir()
    path = red_detr(tmp_path / "weights" / entry.file, side=432)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    entries = {**registry().weights, "rf-detr-seg-medium": entry.model_copy(update={"sha256": sha})}
    found = registry().model_copy(update={"weights": entries})
    monkeypatch.setattr(weights, "registry", lambda: found)
    photo = np.random.default_rng(0).integers(90, 110, (240, 320, 3), np.uint8)
    photo[60:160, 100:140] = (250, 20, 30)
    result = remove_people(photo, preset="commercial")
    assert len(result.people) == 1
    assert (result.hole[60:160, 100:140] == 255).all()
    assert np.abs(result.image.astype(int) - 100).max() <= 40  # nobody in red
    assert np.array_equal(result.image[result.hole == 0], photo[result.hole == 0])
