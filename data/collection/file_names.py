"""Which photo an image of an annotation file means, whatever its tool wrote as the name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import PurePosixPath
from urllib.parse import unquote

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = re.compile(r"[A-Za-z]:")


def stated_name(image: Mapping[str, object]) -> str | None:
    """What an image says of its file: `file_name`, else the end of `coco_url` (LVIS: folder and name) or `path`."""
    name = image.get("file_name")
    if isinstance(name, str) and name:
        return name
    if name is None and isinstance(address := image.get("coco_url"), str) and (parts := _parts(address)):
        return "/".join(parts[-2:])
    path = image.get("path")
    return path if name is None and isinstance(path, str) and path else None


def is_inside(name: str) -> bool:
    """Whether a `file_name` stays below its folder on every operating system."""
    path = PurePosixPath(name)
    return bool(path.parts) and not (
        path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":")
    )


def clean(name: str) -> str:
    """Without `./` and doubled slashes."""
    return PurePosixPath(name).as_posix()


def match_names(stated: Iterable[str], photos: Set[str]) -> dict[str, str]:
    """The photos that are meant by names that are no photo's as they stand; names that none or several fit are left
    out. photos: names below the folder, posix style.

    Backslashes, letter case, Unicode form and percent signs do not count, and of paths and addresses of another machine
    the end does: as much of it as fits, else the last part. A photo that another name means exactly is left to that.
    """
    names = set(stated)
    exact = {clean(name) for name in names} & photos
    others = [name for name in names if clean(name) not in exact]
    index = _Index(photos - exact) if others else None
    found = {name: index.find(name) for name in others} if index else {}
    return {name: photo for name, photo in found.items() if photo is not None}


class _Index:
    """Photos by name, by last part and by name without ending, in one letter case and Unicode form."""

    def __init__(self, photos: Iterable[str]) -> None:
        self.by_name: dict[str, list[str]] = {}
        self.by_last: dict[str, list[str]] = {}
        self.by_stem: dict[str, list[str]] = {}
        for photo in photos:
            self.by_name.setdefault(_folded(photo), []).append(photo)
            self.by_last.setdefault(_folded(PurePosixPath(photo).name), []).append(photo)
            self.by_stem.setdefault(_folded(photo.removesuffix(PurePosixPath(photo).suffix)), []).append(photo)

    def find(self, name: str) -> str | None:
        for text in _readings(name):
            parts = _parts(text)
            for start in range(len(parts)):
                if photos := self.by_name.get(_folded("/".join(parts[start:]))):
                    return photos[0] if len(photos) == 1 else None
            if not PurePosixPath(parts[-1] if parts else ".").suffix:  # as in Pascal VOC's lists
                photos = self.by_stem.get(_folded("/".join(parts)), [])
                if len(photos) == 1:
                    return photos[0]
            # A path within the folder that is not there is another photo than one of the same name elsewhere.
            if parts and _is_elsewhere(text) and (photos := self.by_last.get(_folded(parts[-1]))):
                return photos[0] if len(photos) == 1 else None
        return None


def _readings(name: str) -> Iterator[str]:
    yield name
    if "\\" in name:
        yield name.replace("\\", "/")
    if "%" in name:
        yield unquote(name.replace("\\", "/"))


def _is_elsewhere(text: str) -> bool:
    """Whether a name speaks of another machine's folders."""
    return bool(text.startswith(("/", "../")) or _ADDRESS.match(text) or _DRIVE.match(text))


def _parts(text: str) -> list[str]:
    if _ADDRESS.match(text):
        text = text.split("?")[0].split("#")[0]
    return [part for part in text.split("/") if part not in ("", ".", "..") and not _DRIVE.fullmatch(part)]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
