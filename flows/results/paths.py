"""What goes out of the house with a result says nothing of the folders of the machine that it was made on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PureWindowsPath
from typing import TypeVar, cast

from data.storage.places import is_remote

Value = TypeVar("Value")


def names_of(folders: Iterable[Path]) -> dict[str, str]:
    """The text of each folder's path -> what may be said of it: its name. The longest come first."""
    known = {str(folder): folder.name for folder in folders if not is_remote(folder) and folder.name}
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (Path.home raises where there is none)
    if home.is_absolute() and len(home.parts) > 1:
        known.setdefault(str(home), "~")
    return dict(sorted(known.items(), key=lambda item: -len(item[0])))


def without_paths(value: Value, known: Mapping[str, str]) -> Value:
    """A nested JSON value in which no text names a folder of `known`, and no text is an absolute path: its name is
    left."""
    return cast(Value, _without_paths(value, known))


def _without_paths(value: object, known: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {key: _without_paths(below, known) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_without_paths(below, known) for below in value]
    if not isinstance(value, str):
        return value
    if Path(value).is_absolute() or PureWindowsPath(value).is_absolute() or value.startswith(("~/", "../", "..\\")):
        return PureWindowsPath(value).name if "\\" in value else Path(value).name
    for path, name in known.items():
        value = value.replace(path, name)
    return value


def way_to(folder: Path, root: Path, start: Path) -> str | None:
    """`folder`, inside `root`, as a relative path from `start`, for links of a page.

    None where the way would name a folder other than `root` and what is in it, or where there is none (another drive,
    an object store).
    """
    if is_remote(start) or is_remote(folder) or not start.is_relative_to(root.parent) or not root.name:
        return None
    return Path(os.path.relpath(folder, start)).as_posix()
