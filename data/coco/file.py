"""COCO annotation files: what is in one, and each photo's slice of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Collection as AnyOf
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeVar

from data.coco.categories import categories_of, may_mean_people, means_people, roots
from data.coco.errors import CocoError
from data.coco.ids import Id, id_of
from data.coco.members import parse
from data.coco.scan import scan
from data.coco.spans import Layout
from data.types import Annotation

Item = TypeVar("Item")


@dataclass(frozen=True)
class CocoFile:
    """An annotation file. The annotations themselves stay on the disk; what is held is where they stand and whose.

    root: the outermost object, its lists `images` and `annotations` emptied. images: parsed. image_ids, category_ids:
    of every annotation, joined with those of images and categories whatever their JSON type (`id_of`); None when
    absent or no id. captions: indices of annotations with a caption. words: names of the categories that mean people,
    in place of the list.
    """

    layout: Layout
    root: Mapping[str, object]
    images: list[Annotation]
    image_ids: list[Id | None]
    category_ids: list[Id | None]
    captions: frozenset[int] = frozenset()
    words: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return self.layout.path

    @cached_property
    def categories(self) -> list[tuple[Id, str, str]]:
        """(id, name, supercategory)."""
        return categories_of(self.root)

    @cached_property
    def persons(self) -> frozenset[Id]:
        """Ids of the categories that mean people."""
        return frozenset(i for i, name, _ in self.categories if means_people(name, self.words))

    @cached_property
    def doubtful(self) -> frozenset[Id]:
        """Ids of the categories that may mean people; none where the user said which ones do."""
        if self.words:
            return frozenset()
        return frozenset(
            i for i, name, above in self.categories if i not in self.persons and may_mean_people(name, above)
        )

    @cached_property
    def only_people(self) -> bool:
        """Whether every category means people, so that an annotation without one can be nothing else."""
        return bool(self.persons) and {i for i, _, _ in self.categories} - self._roots <= self.persons

    @cached_property
    def _roots(self) -> frozenset[Id]:
        return roots(self.categories, frozenset(self.category_ids))

    @cached_property
    def _known(self) -> frozenset[Id]:
        return frozenset(i for i, _, _ in self.categories)

    def is_person(self, index: int) -> bool:
        """Whether an annotation is a person (crowd included)."""
        category = self.category_ids[index]
        if category is None:
            return self.only_people and index not in self.captions
        return category in self.persons

    def may_be_person(self, index: int) -> bool:
        """Whether an annotation that is no person may be one: nobody can tell by its category."""
        category = self.category_ids[index]
        if index in self.captions or self.is_person(index):
            return False
        return category is None or category in self.doubtful or category not in self._known

    def persons_by_image(self) -> Slices[Annotation]:
        """Person annotations (crowd included) of each image id, in file order."""
        return self.slices(self.is_person)

    def doubtful_by_image(self) -> Slices[Annotation]:
        """Annotations of each image id that may be persons, in file order."""
        return self.slices(self.may_be_person)

    def slices(self, wanted: Callable[[int], bool]) -> Slices[Annotation]:
        return Slices(self, (i for i in range(len(self.image_ids)) if wanted(i)), lambda index, annotation: annotation)

    def objects_by_image(self, labels: AnyOf[str]) -> Slices[tuple[str, Annotation]]:
        """(category name in lower case, annotation) of each image id for the categories of these names, in file order.

        Crowds are left out: a region of many bags is not what one person carries.
        """
        wanted, of = {label.casefold() for label in labels}, self.category_ids
        names = {i: name.casefold() for i, name, _ in self.categories if name.casefold() in wanted}

        def thing(index: int, annotation: Annotation) -> tuple[str, Annotation] | None:
            category, crowd = of[index], annotation.get("iscrowd") in (1, True)
            return None if crowd or category is None else (names[category], annotation)

        return Slices(self, (i for i in range(len(of)) if of[i] in names and not self.is_person(i)), thing)


class Slices(Mapping[Id, list[Item]]):
    """Annotations of each image id, read from the file when they are asked for: all of them at once can be gigabytes.

    make: what becomes of an annotation, by its place in the list and its content; None leaves it out.
    """

    def __init__(self, coco: CocoFile, indices: Iterable[int], make: Callable[[int, Annotation], Item | None]) -> None:
        self.coco = coco
        self.make = make
        self.indices: dict[Id, list[int]] = defaultdict(list)
        for index in indices:
            image_id = coco.image_ids[index]
            if image_id is not None:
                self.indices[image_id].append(index)
        self.indices = dict(self.indices)
        self.file = coco.layout.open()  # closed with the mapping

    def count(self, image_id: Id) -> int:
        """How many annotations the image has, before `make` leaves any out; nothing is read."""
        return len(self.indices.get(image_id, ()))

    def __getitem__(self, image_id: Id) -> list[Item]:
        made = (
            self.make(index, parse(self.coco.layout.pick(self.file, "annotations", index)))
            for index in self.indices[image_id]
        )
        return [item for item in made if item is not None]

    def __iter__(self) -> Iterator[Id]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


def load_coco(path: Path, persons: Sequence[str] = ()) -> CocoFile:
    """Read an annotation file in one pass. persons: names of the categories that mean people, in place of the list.
    Raises CocoError when it is not one of instances, keypoints or captions."""
    layout = scan(path)
    try:
        root = json.loads(layout.skeleton)
        images = [parse(raw) for raw in layout.raw("images")]
        if not all(isinstance(image, dict) for image in images):
            raise CocoError(f"{path}: every entry of 'images' has to be an object.")
        image_of = _Joined([image.get("id") for image in images], lambda: _names(images))
        category_of = _Joined(
            [i for i, _, _ in categories_of(root)], lambda: [(name, i) for i, name, _ in categories_of(root)]
        )
        image_ids: list[Id | None] = []
        category_ids: list[Id | None] = []
        captions = set()
        for index, raw in enumerate(layout.raw("annotations")):
            annotation: object = parse(raw)
            if not isinstance(annotation, dict):
                raise CocoError(f"{path}: every entry of 'annotations' has to be an object.")
            if "segments_info" in annotation:
                raise CocoError(f"{path}: panoptic annotations are not supported; use the instances file.")
            image_ids.append(image_of(annotation.get("image_id")))
            category_ids.append(category_of(annotation.get("category_id")))
            if isinstance(annotation.get("caption"), str):
                captions.add(index)
    except ValueError as error:
        raise CocoError(f"{path}: not valid JSON ({error}).") from None
    if _is_stuff(root.get("categories")):
        raise CocoError(f"{path}: stuff annotations are not supported; use the instances file.")
    return CocoFile(layout, root, images, image_ids, category_ids, frozenset(captions), tuple(persons))


class _Joined:
    """From what an annotation refers to, to the id that is meant: of any JSON type, or a unique name."""

    def __init__(self, ids: Iterable[object], names: Callable[[], Iterable[tuple[str, object]]]) -> None:
        self.ids = frozenset(id_of(value) for value in ids)
        self.read_names = names

    def __call__(self, value: object) -> Id | None:
        found = id_of(value)
        if found in self.ids or not isinstance(found, str):
            return found
        named = self.names.get(found)
        return found if named is None else named

    @cached_property
    def names(self) -> dict[str, Id | None]:
        """Ids by name, None for a name of several."""
        out: dict[str, Id | None] = {}
        for name, value in self.read_names():
            if out.setdefault(name, id_of(value)) != id_of(value):
                out[name] = None
        return out


def _names(images: Sequence[dict[str, object]]) -> Iterator[tuple[str, object]]:
    """By which some tools refer to an image in place of its id: its file name, with or without its ending."""
    for image in images:
        if isinstance(name := image.get("file_name"), str):
            yield name, image.get("id")
            yield PurePosixPath(name).stem, image.get("id")


def _is_stuff(categories: object) -> bool:
    """COCO's stuff files: every category but `other` is of a kind that ends in -stuff."""
    kinds = (
        [str(c.get("supercategory")) for c in categories if isinstance(c, dict)] if isinstance(categories, list) else []
    )
    return any(kind.endswith("-stuff") for kind in kinds) and all(k.endswith("-stuff") or k == "other" for k in kinds)
