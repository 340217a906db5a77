"""The weights registry as types: `configs/weights.yaml`, validated."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from configs import UserError

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""sha256 of a whole file, lower-case hex."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class WeightsError(UserError):
    """Weights that cannot be used or fetched; the message is one sentence for the user."""


class SourceError(Exception):
    """Why one source did not give the file; the message is a clause that a WeightsError quotes."""


def _encrypted(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}):
        raise ValueError(f"{url} is not an https address")
    return url


def _plain(name: str) -> str:
    # A file name from the registry becomes a path in the cache: no separators, no `..`, no hidden file.
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain file name")
    return name


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Wheel(_Frozen):
    """One exact wheel on a package index, for any platform and Python to download."""

    requirement: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+$")
    """Name and exact version, as pip writes it."""
    sha256: Digest
    """Digest of the wheel."""
    bytes: int = Field(gt=0)
    """Size of the wheel."""
    python: str
    """`--python-version` of the wheel's tag."""
    implementation: str
    """`--implementation` of the wheel's tag."""
    abi: str
    """`--abi` of the wheel's tag."""
    platform: str
    """`--platform` of the wheel's tag; must match exactly."""


class UrlSource(_Frozen):
    """A file that a web server gives."""

    url: Annotated[str, AfterValidator(_encrypted)]


class DriveSource(_Frozen):
    """A file shared on Google Drive, by its id."""

    google_drive: str = Field(pattern=r"^[A-Za-z0-9_-]+$")


class WheelSource(_Frozen):
    """A file inside a wheel."""

    wheel: str
    """Name of the wheel in the registry's `wheels`."""
    member: str
    """Path of the file inside the wheel."""


class NpmSource(_Frozen):
    """A file inside an exact npm package; the file's own sha256 decides."""

    npm: str = Field(pattern=r"^(@[a-z0-9._-]+/)?[a-z0-9][a-z0-9._-]*@[0-9][A-Za-z0-9.+-]*$")
    """Name and exact version, as npm writes it."""
    member: str
    """Path of the file inside the package."""
    tarball: int = Field(gt=0)
    """Bytes of the package."""


Source = UrlSource | DriveSource | WheelSource | NpmSource

Progress = Callable[[int, int | None], None]
"""Told (bytes so far, bytes in all or None when unknown) while a file comes in."""


Task = Literal["segmentation", "detection", "pose", "inpainting", "faces"]


class Licence(_Frozen):
    """What a licence asks of users."""

    commercial: Literal["yes", "source", "no", "unknown"] = "unknown"
    """Commercial use: free, free for those who give the source of the whole away, or forbidden."""
    asks: str = ""
    """What it asks of users beyond naming the authors, a clause."""


class Entry(_Frozen):
    """One weights file."""

    task: Task
    method: str = ""
    """Segmenter, fill or command that uses it."""
    file: Annotated[str, AfterValidator(_plain)]
    """File name in the cache."""
    licence: str
    bytes: int | None = Field(gt=0)
    """Size; None is unknown."""
    sha256: Digest | None
    """Digest; None is unknown: recorded at the first fetch, enforced afterwards."""
    sha256_begins: str | None = Field(default=None, pattern=r"^[0-9a-f]{8,63}$")
    """What an unknown digest begins with, where the publisher says that much."""
    extra: Literal["", "onnx"] = ""
    """Optional part of this program that has what runs the file."""
    note: str
    sources: tuple[Source, ...] = Field(min_length=1)
    """Tried in order."""


class Registry(_Frozen):
    """Every weights file that is known by name."""

    licences: dict[str, Licence] = {}
    wheels: dict[str, Wheel] = {}
    weights: dict[str, Entry]
    aliases: dict[str, str] = {}

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Registry:
        for alias, name in self.aliases.items():
            if name not in self.weights or alias in self.weights:
                raise ValueError(f"alias {alias!r} does not lead to exactly one entry")
        for name, entry in self.weights.items():
            if self.licences and entry.licence not in self.licences:
                raise ValueError(f"{name}: nothing says what {entry.licence} asks of users")
            for source in entry.sources:
                if isinstance(source, WheelSource) and source.wheel not in self.wheels:
                    raise ValueError(f"{name}: there is no wheel {source.wheel!r}")
        owners = [entry.file for entry in self.weights.values()]
        if len(set(owners)) != len(owners):
            raise ValueError("two entries share a file name")
        return self

    def __contains__(self, name: str) -> bool:
        return name in self.weights or name in self.aliases

    def licence(self, entry: Entry) -> Licence:
        return self.licences.get(entry.licence, Licence())

    def lacking(self, names: Iterable[str]) -> str:
        """The command that installs what runs these entries' files, where that is not here."""
        here = find_spec("onnxruntime") is not None
        wanted = not here and any(self.weights[name].extra == "onnx" for name in names)
        return "pip install 'person-removal[onnx]'" if wanted else ""

    def download_bytes(self, names: Iterable[str]) -> tuple[int, list[str]]:
        """Bytes that come over the network for these entries from their first sources, and the names of those whose
        size nobody has published. What several are in is counted once."""
        archives: dict[str, int] = {}
        unknown = []
        for name in names:
            entry, source = self.weights[name], self.weights[name].sources[0]
            if isinstance(source, WheelSource):
                archives[source.wheel] = self.wheels[source.wheel].bytes
            elif isinstance(source, NpmSource):
                archives[source.npm] = source.tarball
            elif entry.bytes is None:
                unknown.append(name)
            else:
                archives[entry.file] = entry.bytes
        return sum(archives.values()), unknown

    def resolve(self, name: str) -> tuple[str, Entry]:
        """The entry's own name (aliases resolved) and the entry; WeightsError when there is none."""
        name = self.aliases.get(name, name)
        if name not in self.weights:
            raise WeightsError(f"There are no weights named '{name}'{self.hint(name)}.")
        return name, self.weights[name]

    def hint(self, name: str) -> str:
        """Which weights were meant by a name that the registry does not have, as the end of a sentence: those of the
        method of that name, else the nearest names, else the command that lists all."""
        known = [*self.weights, *self.aliases]
        meant = [own for own, entry in self.weights.items() if entry.method == name]
        if meant or (meant := difflib.get_close_matches(name.lower(), known, n=3)):
            return f" (did you mean {', '.join(meant)}?)"
        return ": `person-removal weights list` shows all names"


@cache
def registry() -> Registry:
    """The registry that ships with the project."""
    text = (files("configs") / "weights.yaml").read_text(encoding="utf-8")
    return Registry.model_validate(yaml.safe_load(text))
