"""What every stage of a run needs to know, saved beside the artifacts so that any process can load it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import detection
import inpainting
from configs import GIVEN_MASKS, SegmentSettings, Settings
from configs.devices import device_name
from data.files import canonical_json, sha256, write_atomic
from data.store import Store
from data.types import Weight
from data.weights import find

STORE = ".person-removal"


@dataclass(frozen=True)
class RunContext:
    """One run. settings: resolved (no `auto`, no `same`). weights: by the name the settings use."""

    output: Path
    settings: Settings
    weights: dict[str, Weight]

    @property
    def store(self) -> Store:
        return Store(self.output / STORE)

    @property
    def workers(self) -> int:
        return self.settings.run.workers or os.cpu_count() or 1

    def digests(self, names: list[str]) -> list[str]:
        """sha256 of the named weights, in order."""
        return [self.weights[name].sha256 for name in names]

    def save(self) -> Path:
        """Write it into the store, under its content; returns the path that stages are given."""
        data = canonical_json(
            {
                "output": str(self.output),
                "settings": self.settings.model_dump(mode="json"),
                "weights": {n: [w.name, str(w.path), w.sha256] for n, w in self.weights.items()},
            }
        )
        path = self.store.root / "runs" / f"{sha256(data)[:16]}.json"
        write_atomic(path, data)
        return path


@lru_cache(maxsize=4)
def load_run(path: Path) -> RunContext:
    """The context that `RunContext.save` wrote."""
    data: dict[str, Any] = json.loads(path.read_bytes())
    return RunContext(
        output=Path(data["output"]),
        settings=Settings.model_validate(data["settings"]),
        weights={n: Weight(w[0], Path(w[1]), w[2]) for n, w in data["weights"].items()},
    )


def second_look(settings: Settings) -> SegmentSettings | None:
    """Settings of the segmenter that looks at the result; None when nobody does."""
    name = _looker(settings)
    if name == "none":
        return None
    return settings.segment.model_copy(update={"segmenter": name, "score": settings.verify.score})


def _looker(settings: Settings) -> str:
    """`verify.segmenter` by name: given masks cannot look a second time."""
    if settings.verify.segmenter != "same":
        return settings.verify.segmenter
    return "none" if settings.segment.segmenter in GIVEN_MASKS else settings.segment.segmenter


def required_weights(settings: Settings) -> list[str]:
    """Registry names or paths of every weights file that these settings need, each once."""
    look = second_look(settings)
    names = [
        *detection.required_weights(settings.segment),
        *inpainting.required_weights(settings.inpaint),
        *(detection.required_weights(look) if look else []),
    ]
    return list(dict.fromkeys(names))


def find_weights(settings: Settings) -> dict[str, Weight]:
    """The files of `required_weights`. Raises data.weights.WeightsError for one that is missing."""
    return {name: find(name) for name in required_weights(settings)}


def resolve(settings: Settings) -> Settings:
    """Settings without open choices: devices and the second look by name."""
    looker = _looker(settings)
    looks = settings.segment.segmenter not in GIVEN_MASKS or looker != "none"
    segment = _device(settings.segment.device, "segment.device", looks)
    inpaint = _device(settings.inpaint.device, "inpaint.device", settings.inpaint.fill == "deepfillv2")
    return settings.model_copy(
        update={
            "segment": settings.segment.model_copy(update={"device": segment}),
            "inpaint": settings.inpaint.model_copy(update={"device": inpaint}),
            "verify": settings.verify.model_copy(update={"segmenter": looker}),
        }
    )


def _device(wanted: str, setting: str, neural: bool) -> str:
    return device_name(wanted, setting) if neural else "cpu"
