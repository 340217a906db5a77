"""COCO annotation files: read, cut into one slice a photo, and edited (never re-exported)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection as AnyOf
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class CocoError(Exception):
    """An annotation file that cannot be used; one sentence for the user."""


@dataclass(frozen=True)
class CocoFile:
    """A parsed annotation file. tree: the whole JSON object, every unknown key kept."""

    path: Path
    tree: dict[str, Any]

    @property
    def images(self) -> list[dict[str, Any]]:
        images: list[dict[str, Any]] = self.tree["images"]
        return images

    @property
    def annotations(self) -> list[dict[str, Any]]:
        annotations: list[dict[str, Any]] = self.tree["annotations"]
        return annotations

    def person_category(self) -> int | None:
        """Id of the category named `person`; None when there is none."""
        for category in self.tree.get("categories") or []:
            if isinstance(category, dict) and str(category.get("name", "")).casefold() == "person":
                return int(category["id"])
        return None

    def persons_by_image(self) -> dict[int, list[dict[str, Any]]]:
        """Person annotations (crowd included) of each image id, in file order."""
        person = self.person_category()
        if person is None:
            raise CocoError(f"{self.path}: it has no category 'person', so nobody can be removed by it.")
        out: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in self.annotations:
            if annotation.get("category_id") == person:
                out[annotation.get("image_id", -1)].append(annotation)
        return dict(out)

    def objects_by_image(self, labels: AnyOf[str]) -> dict[int, list[tuple[str, dict[str, Any]]]]:
        """(category name, annotation) of each image id for the categories of these names, in file order.

        Crowds are left out: a region of many bags is not what one person carries.
        """
        names = {
            category.get("id"): str(category.get("name"))
            for category in self.tree.get("categories") or []
            if isinstance(category, dict) and category.get("name") in labels
        }
        out: dict[int, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        for annotation in self.annotations:
            label = names.get(annotation.get("category_id"))
            if label is not None and annotation.get("iscrowd") not in (1, True):
                out[annotation.get("image_id", -1)].append((label, annotation))
        return dict(out)


def load_coco(path: Path) -> CocoFile:
    """Raises CocoError when the file is not a COCO instances file."""
    try:
        tree = json.loads(path.read_bytes())
    except OSError as error:
        raise CocoError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise CocoError(f"{path}: not valid JSON ({error}).") from None
    lists = ("images", "annotations")
    if not isinstance(tree, dict) or not all(isinstance(tree.get(key), list) for key in lists):
        raise CocoError(f"{path}: not a COCO annotation file (it needs the lists 'images' and 'annotations').")
    for key in lists:
        if not all(isinstance(item, dict) for item in tree[key]):
            raise CocoError(f"{path}: every entry of '{key}' has to be an object.")
    if any("segments_info" in annotation for annotation in tree["annotations"][:1]):
        raise CocoError(f"{path}: panoptic annotations are not supported; use the instances file.")
    return CocoFile(path, tree)


def without_people(
    coco: CocoFile, published: AnyOf[str], about: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The annotation tree for the published photos, and what was taken out of it (for audit and undo).

    published: file names that `images/` holds. about: goes to `info.person_removal`.
    Persons leave; photos that are not published leave with their annotations; all else stays as it was.
    """
    person = coco.person_category()
    kept_images, gone_images = _split(coco.images, lambda image: image.get("file_name") in published)
    ids = {image.get("id") for image in kept_images}
    kept, gone = _split(
        coco.annotations,
        lambda a: a.get("image_id") in ids and (person is None or a.get("category_id") != person),
    )
    info = coco.tree.get("info")
    info = dict(info) if isinstance(info, dict) else {}
    tree = {
        **coco.tree,
        "info": {**info, "person_removal": about},
        "images": kept_images,
        "annotations": kept,
    }
    return tree, {"file": coco.path.name, "images": gone_images, "annotations": gone}


def _split(items: list[dict[str, Any]], keep: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    kept: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    for item in items:
        (kept if keep(item) else gone).append(item)
    return kept, gone
