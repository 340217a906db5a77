"""COCO annotation files: what is in one, and each photo's slice of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Collection as AnyOf
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from data.coco.errors import CocoError
from data.coco.members import parse
from data.coco.scan import scan
from data.coco.spans import Layout

Item = TypeVar("Item")


@dataclass(frozen=True)
class CocoFile:
    """An annotation file. The annotations themselves stay on the disk; what is held is where they stand and whose.

    root: the outermost object, its lists `images` and `annotations` emptied. images: parsed. image_ids, category_ids:
    of every annotation, as the file has them (None when absent). captions: indices of annotations with a caption.
    """

    layout: Layout
    root: dict[str, Any]
    images: list[dict[str, Any]]
    image_ids: list[Any]
    category_ids: list[Any]
    captions: frozenset[int] = frozenset()

    @property
    def path(self) -> Path:
        return self.layout.path

    @cached_property
    def persons(self) -> frozenset[int]:
        """Ids of the categories named `person`."""
        return frozenset(self._categories({"person"}))

    def is_person(self, index: int) -> bool:
        """Whether an annotation is a person (crowd included)."""
        category = self.category_ids[index]
        return _is_id(category) and category in self.persons

    def persons_by_image(self) -> Slices[dict[str, Any]]:
        """Person annotations (crowd included) of each image id, in file order."""
        return Slices(self, (i for i in range(len(self.image_ids)) if self.is_person(i)), lambda annotation: annotation)

    def objects_by_image(self, labels: AnyOf[str]) -> Slices[tuple[str, dict[str, Any]]]:
        """(category name in lower case, annotation) of each image id for the categories of these names, in file order.

        Crowds are left out: a region of many bags is not what one person carries.
        """
        names = self._categories(labels)
        of = self.category_ids

        def thing(annotation: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
            crowd = annotation.get("iscrowd") in (1, True)
            return None if crowd else (names[annotation["category_id"]], annotation)

        return Slices(self, (i for i in range(len(of)) if _is_id(of[i]) and of[i] in names), thing)

    def _categories(self, names: AnyOf[str]) -> dict[int, str]:
        """Name by id of the categories of these names; case does not count, the names given are in lower case."""
        wanted = {name.casefold() for name in names}
        categories = self.root.get("categories")
        return {
            category["id"]: str(category["name"]).casefold()
            for category in (categories if isinstance(categories, list) else [])
            if isinstance(category, dict)
            and _is_id(category.get("id"))
            and str(category.get("name", "")).casefold() in wanted
        }


class Slices(Mapping[int, list[Item]]):
    """Annotations of each image id, read from the file when they are asked for: all of them at once can be gigabytes.

    make: what becomes of an annotation; None leaves it out.
    """

    def __init__(self, coco: CocoFile, indices: Iterable[int], make: Callable[[dict[str, Any]], Item | None]) -> None:
        self.coco = coco
        self.make = make
        self.indices: dict[int, list[int]] = defaultdict(list)
        for index in indices:
            image_id = coco.image_ids[index]
            if _is_id(image_id):
                self.indices[image_id].append(index)
        self.indices = dict(self.indices)
        self.file = coco.layout.open()  # closed with the mapping

    def count(self, image_id: int) -> int:
        """How many annotations the image has, before `make` leaves any out; nothing is read."""
        return len(self.indices.get(image_id, ()))

    def __getitem__(self, image_id: int) -> list[Item]:
        made = (
            self.make(parse(self.coco.layout.pick(self.file, "annotations", index))) for index in self.indices[image_id]
        )
        return [item for item in made if item is not None]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


def load_coco(path: Path) -> CocoFile:
    """Read an annotation file in one pass. Raises CocoError when it is not one of instances, keypoints or captions."""
    layout = scan(path)
    try:
        root = json.loads(layout.skeleton)
        images = [parse(raw) for raw in layout.raw("images")]
        image_ids: list[Any] = []
        category_ids: list[Any] = []
        captions = set()
        for index, raw in enumerate(layout.raw("annotations")):
            annotation = parse(raw)
            if not isinstance(annotation, dict):
                raise CocoError(f"{path}: every entry of 'annotations' has to be an object.")
            if "segments_info" in annotation:
                raise CocoError(f"{path}: panoptic annotations are not supported; use the instances file.")
            image_ids.append(annotation.get("image_id"))
            category_ids.append(annotation.get("category_id"))
            if isinstance(annotation.get("caption"), str):
                captions.add(index)
    except ValueError as error:
        raise CocoError(f"{path}: not valid JSON ({error}).") from None
    if _is_stuff(root.get("categories")):
        raise CocoError(f"{path}: stuff annotations are not supported; use the instances file.")
    if not all(isinstance(image, dict) for image in images):
        raise CocoError(f"{path}: every entry of 'images' has to be an object.")
    return CocoFile(layout, root, images, image_ids, category_ids, frozenset(captions))


def _is_stuff(categories: Any) -> bool:
    """COCO's stuff files: every category but `other` is of a kind that ends in -stuff."""
    kinds = (
        [str(c.get("supercategory")) for c in categories if isinstance(c, dict)] if isinstance(categories, list) else []
    )
    return any(kind.endswith("-stuff") for kind in kinds) and all(k.endswith("-stuff") or k == "other" for k in kinds)


def _is_id(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)
