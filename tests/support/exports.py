"""Annotated photos as tools export them: two photos with a red person each, in the layout and the words of the tool."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collection_with_people import box_annotation, save_photo

Tree = dict[str, Any]
PERSONS = {"a.jpg": (20, 30, 16, 40), "b.jpg": (70, 20, 24, 60)}


def photos(folder: Path, *names: str) -> None:
    for number, (name, person) in enumerate(PERSONS.items()):
        if not names or name in names:
            save_photo(folder / name, number, person, quality=95)


def coco(*names: str, category: str = "person") -> Tree:
    """A plain COCO tree of these photos (both if none is named), each with its person."""
    chosen = [name for name in PERSONS if not names or name in names]
    return {
        "info": {"description": "two people"},
        "images": [{"id": n, "file_name": name, "height": 96, "width": 128} for n, name in enumerate(chosen, 1)],
        "annotations": [box_annotation(n, n, 1, PERSONS[name]) for n, name in enumerate(chosen, 1)],
        "categories": [{"id": 1, "name": category, "supercategory": ""}],
    }


def write(path: Path, tree: Tree, encode: Callable[[str], bytes] = str.encode, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(json.dumps(tree, **options)))


@dataclass(frozen=True)
class Export:
    """make: writes it below a folder. states: of its photos by name in the collection. says: a part of what a run says;
    of an error where there are no states. settings: that it takes."""

    tool: str
    make: Callable[[Path], None]
    states: dict[str, str] | None
    says: str = ""
    settings: tuple[str, ...] = ()
