"""COCO annotation files: what is in one, and each photo's slice of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection as AnyOf
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from data.coco.errors import CocoError
from data.coco.spans import Layout, parse, scan

Kind = Literal["masks", "captions"]


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

    def persons_by_image(self) -> dict[int, list[dict[str, Any]]]:
        """Person annotations (crowd included) of each image id, in file order."""
        if not self.persons:
            raise CocoError(f"{self.path}: it has no category 'person', so nobody can be removed by it.")
        return self._by_image(i for i in range(len(self.image_ids)) if self.is_person(i))

    def objects_by_image(self, labels: AnyOf[str]) -> dict[int, list[tuple[str, dict[str, Any]]]]:
        """(category name in lower case, annotation) of each image id for the categories of these names, in file order.

        Crowds are left out: a region of many bags is not what one person carries.
        """
        names = self._categories(labels)
        of = self.category_ids
        found = self._by_image(i for i in range(len(of)) if _is_id(of[i]) and of[i] in names)
        return {
            image_id: [(names[a["category_id"]], a) for a in annotations if a.get("iscrowd") not in (1, True)]
            for image_id, annotations in found.items()
        }

    def _by_image(self, indices: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
        out: dict[int, list[dict[str, Any]]] = defaultdict(list)
        with self.layout.open() as file:
            for index in indices:
                image_id = self.image_ids[index]
                if _is_id(image_id):
                    out[image_id].append(parse(self.layout.pick(file, "annotations", index)))
        return dict(out)

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
    if not all(isinstance(image, dict) for image in images):
        raise CocoError(f"{path}: every entry of 'images' has to be an object.")
    return CocoFile(layout, root, images, image_ids, category_ids, frozenset(captions))


def _is_id(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)
