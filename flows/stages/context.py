"""What every stage of a run needs to know, saved beside the artifacts so that any process can load it."""

from __future__ import annotations

import json
import os
import secrets
import stat
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

import inpainting
from configs import InpaintSettings, Settings
from configs.devices import device_name
from configs.fills import FILLS
from configs.load import with_own
from configs.segmenters import SEGMENTERS
from data.storage.files import canonical_json, read_own, sha256
from data.storage.places import Listed, Stamp, as_path, is_remote, list_files
from data.storage.store import Store
from data.types import Weight
from data.weights.files import MissingWeightsError, find, find_all
from flows.stages.ready_weights import with_ready_weights
from flows.stages.verifier import resolve_verifier, verifier_settings

STORE = ".person-removal"


@dataclass(frozen=True)
class RunContext:
    """One run. settings: resolved (no `auto`, no `same`). weights: by the name the settings use.

    token: another one for each run, so that what a process remembers of an object store's content ends with it.
    """

    output: Path
    settings: Settings
    weights: dict[str, Weight]
    token: str = field(default_factory=lambda: secrets.token_hex(8), compare=False)

    @property
    def store(self) -> Store:
        return Store(self.output / STORE)

    @property
    def workers(self) -> int:
        """Processes on which one task computes its photos; a task of Dask or Ray stays on its worker."""
        return self.tasks if self.settings.run.runner == "threads" else 1

    @property
    def tasks(self) -> int:
        """Processes of the whole run. The size of a cluster that runs already is not known when work is planned."""
        unknown = self.settings.run.runner != "threads" and self.settings.run.address
        return self.settings.run.workers or (16 if unknown else os.cpu_count() or 1)

    def for_photo(self, own: Mapping[str, object] | None) -> RunContext:
        """The run as a photo meets it that has settings of its own."""
        return replace(self, settings=_with_own(self.settings, canonical_json(own))) if own else self

    def digests(self, names: list[str]) -> list[str]:
        """sha256 of the named weights, in order."""
        return [self.weights[name].sha256 for name in names]

    def stamp(self, name: str) -> Stamp | None:
        """Stamp of a file of the output directory, None when it is not there or is a link.

        An object store is listed once a run and process and then answered from memory, also for what this run has
        written since: only what stood there before is asked for.
        """
        if not is_remote(self.output):
            try:
                status = os.lstat(f"{self.output}/{name}")  # see Store
            except OSError:
                return None
            return [status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else None
        folder, _, rest = name.partition("/")
        found = _listing(self.output / folder, self.token).get(rest)
        return found.stamp if found else None

    def listed(self, stage: str, key: str) -> bool:
        """Whether an object store had the artifact when it was listed (see `stamp`)."""
        return f"{key[:2]}/{key}" in _listing(self.store.root / stage, self.token)

    def manifests(self, stage: str, number: str) -> list[Path]:
        """Shard manifests that earlier runs left in an object store, where they spare a request for every artifact;
        none on a disk, whose artifacts are asked themselves."""
        if not is_remote(self.output):
            return []
        folder = self.store.root / "shards"
        return [folder / name for name in _manifests(folder, self.token).get(f"{stage}-{number}", ())]

    def save(self) -> Path:
        """Write it into the store; returns the path that stages are given."""
        data = canonical_json(
            {
                "output": str(self.output),
                "token": self.token,
                "settings": self.settings.model_dump(mode="json"),
                "weights": {n: [w.name, str(w.path), w.sha256] for n, w in self.weights.items()},
            }
        )
        return self.store.put(f"runs/{sha256(data)[:16]}.json", data)


@lru_cache(maxsize=64)
def _with_own(settings: Settings, own: bytes) -> Settings:
    found = with_own(settings, json.loads(own))
    return found.model_copy(
        update={"segment": with_ready_weights(found.segment), "inpaint": _guided(resolve_fill(found.inpaint))}
    )


class _Saved(TypedDict):
    """weights: name, path and sha256 by the name the settings use."""

    output: str
    token: str
    settings: dict[str, object]
    weights: dict[str, list[str]]


@lru_cache(maxsize=4)
def load_run(path: str) -> RunContext:
    """The context that `RunContext.save` wrote."""
    data: _Saved = json.loads(read_own(as_path(path)))
    return RunContext(
        output=as_path(data["output"]),
        token=data["token"],
        settings=Settings.model_validate(data["settings"]),
        weights={n: Weight(w[0], Path(w[1]), w[2]) for n, w in data["weights"].items()},
    )


_one_listing = threading.Lock()


def _listing(folder: Path, token: str) -> dict[str, Listed]:
    with _one_listing:  # shards come on several threads; one of them lists
        return _listed(folder, token)


@lru_cache(maxsize=2)
def _manifests(folder: Path, token: str) -> dict[str, list[str]]:
    """Names of the shard manifests by stage and shard number."""
    out: dict[str, list[str]] = {}
    for name in _listing(folder, token):
        out.setdefault(name.rpartition("-")[0], []).append(name)
    return out


@lru_cache(maxsize=16)
def _listed(folder: Path, token: str) -> dict[str, Listed]:
    return list_files(folder)


def required_weights(settings: Settings) -> list[str]:
    """Registry names or paths of every weights file that these settings need, each once."""
    verifier = verifier_settings(settings)
    names = [
        *with_ready_weights(settings.segment).required_weights(),
        *with_ready_weights(settings.inpaint).required_weights(),
        *(verifier.required_weights() if verifier else []),
    ]
    return list(dict.fromkeys(names))


def find_weights(settings: Settings, *others: Settings) -> dict[str, Weight]:
    """The files of `required_weights`, of a run's settings and of those of single photos.

    Raises data.weights.files.MissingWeightsError, which names all that are missing and, to whoever chose no preset, one
    that needs less.
    """
    needed = dict.fromkeys(name for tree in (settings, *others) for name in required_weights(tree))
    instead = ", or take `--preset embedded`, which needs files from a package index alone"
    return find_all(needed, instead if settings.preset == "default" and settings.segment.segmenter == "yolo" else "")


def resolve(settings: Settings) -> Settings:
    """Settings without open choices: devices, the fill and the verifier by name.

    Raises SettingsError, and data.weights.files.WeightsError for damaged weights of who may look.
    """
    verify = resolve_verifier(settings)
    finds_people = any(
        SEGMENTERS[name].neural for name in (settings.segment.segmenter, verify.segmenter) if name in SEGMENTERS
    )
    segment = _device(settings.segment.device, "segment.device", finds_people)
    fill = resolve_fill(settings.inpaint)
    inpaint = _device(fill.device, "inpaint.device", FILLS[fill.fill].neural)
    return settings.model_copy(
        update={
            "segment": with_ready_weights(settings.segment, verify.segmenter).model_copy(update={"device": segment}),
            "inpaint": _guided(fill).model_copy(update={"device": inpaint}),
            "verify": verify,
        }
    )


def resolve_fill(inpaint: InpaintSettings) -> InpaintSettings:
    """The settings with the fill by name: `auto` is the best one whose weights are on this machine.

    Raises WeightsError for damaged weights of it.
    """
    return _first_ready(inpainting.choices(inpaint))


def wished_weights(settings: Settings) -> list[str]:
    """Weights that the settings can do without, and with which the fill is better."""
    names = [name for one in inpainting.choices(settings.inpaint) for name in one.required_weights()]
    needed = required_weights(settings)
    return [name for name in dict.fromkeys(names) if name not in needed]


def _guided(inpaint: InpaintSettings) -> InpaintSettings:
    """The settings with the fill that guides by name: of those that can, the first whose weights are on this machine.

    Raises WeightsError for damaged weights of one.
    """
    if inpaint.guide != "auto":
        return with_ready_weights(inpaint)
    each = [inpaint.guided_by(name) for name in FILLS[inpaint.fill].guides]
    return _first_ready(each)


def _first_ready(each: Sequence[InpaintSettings]) -> InpaintSettings:
    """The first whose weights are on this machine, else the last. Raises WeightsError for damaged ones."""
    *better, last = map(with_ready_weights, each)
    for chosen in better:
        try:
            for name in chosen.required_weights():
                find(name)
        except MissingWeightsError:
            continue
        return chosen
    return last


def _device(wanted: str, setting: str, neural: bool) -> str:
    return device_name(wanted, setting) if neural else "cpu"
