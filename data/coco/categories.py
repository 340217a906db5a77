"""Which categories of an annotation file mean people, and which only may."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from configs import PERSONS
from data.coco.ids import Id, id_of

PARTS = frozenset(
    ("face", "faces", "head", "heads", "hand", "hands", "arm", "arms", "leg", "legs", "foot", "feet", "body", "bodies")
)
"""What only people have, so that somebody is there: but not all of them is outlined."""
_FIRST = frozenset(("person", "persons", "people", "pedestrian", "human", "man", "woman"))
_LAST = frozenset(PERSONS) - {"player", "players"}  # of compact discs
_BETWEEN_PARTS = re.compile(r"--|[./,;|:>]")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def categories_of(root: Mapping[str, Any]) -> list[tuple[Id, str, str]]:
    """(id, name, supercategory) of every category that has an id and a name."""
    listed = root.get("categories")
    return [
        (category_id, str(category["name"]), str(category.get("supercategory") or ""))
        for category in (listed if isinstance(listed, list) else [])
        if isinstance(category, dict)
        and isinstance(category.get("name"), str | int)
        and (category_id := id_of(category.get("id"))) is not None
    ]


def plain(name: str) -> str:
    """A name without case, underscores and dashes."""
    return _BETWEEN_WORDS.sub(" ", name).strip().casefold()


def means_people(name: str, persons: Sequence[str] = ()) -> bool:
    """Whether a category of this name is people: one of `persons` or, with none given, of `PERSONS`."""
    if persons:
        return plain(name) in {plain(word) for word in persons}
    return any(plain(part) in _PERSONS for part in (name, *_BETWEEN_PARTS.split(name)))


def may_mean_people(name: str, supercategory: str) -> bool:
    """Whether a category that is not on the list may be people or show that they are there (`Person_sitting`, `site
    worker`, `face`, a category below `person`)."""
    words = plain(name).split()
    if not words:
        return False
    return plain(name) in PARTS or words[0] in _FIRST or words[-1] in _LAST or plain(supercategory) in _PERSONS


def roots(categories: Sequence[tuple[Id, str, str]], used: Set[Id | None]) -> frozenset[Id]:
    """Ids of categories that only stand above the others (Roboflow writes one, named like the data set)."""
    above = {over for _, name, over in categories if over != name}
    return frozenset(i for i, name, over in categories if name in above and over in ("", "none") and i not in used)


_PERSONS = frozenset(map(plain, PERSONS))
