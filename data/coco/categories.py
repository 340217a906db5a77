"""Which categories of an annotation file mean people, and which only may."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence, Set

from configs import PERSONS
from data.coco.ids import Id, id_of

PARTS = frozenset(
    ("face", "faces", "head", "heads", "hand", "hands", "arm", "arms", "leg", "legs", "foot", "feet", "body", "bodies")
)
"""What only people have, so that somebody is there: but not all of them is outlined."""
_OTHER_LANGUAGES = frozenset(("kind", "ember", "om", "mand"))
"""Words for people that are another thing elsewhere, as `kind`, German for a child."""
_ANYWHERE = frozenset(
    (
        *("person", "persons", "people", "pedestrian", "pedestrians", "human", "humans", "woman", "women", "men"),
        *("children", "passenger", "passengers", "cyclist", "cyclists", "bystander", "bystanders", "worker", "workers"),
    )
)
_NO_PEOPLE = ("机器人", "機器人", "机械人")
_FIRST = frozenset(("person", "persons", "people", "pedestrian", "human", "man", "woman"))
_LAST = frozenset(PERSONS) - {"player", "players"}  # of compact discs
_BETWEEN_PARTS = re.compile(r"--|[./,;|:>]")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_NUMBER = re.compile(r"\s*\d+\Z")
_NO_LETTERS = re.compile(r"[\W\d_]+")


def categories_of(root: Mapping[str, object]) -> list[tuple[Id, str, str]]:
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
    """A name without case, underscores, dashes, wide letters and characters that nobody sees."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", _BETWEEN_WORDS.sub(" ", seen).strip().casefold())


def means_people(name: str, persons: Sequence[str] = ()) -> bool:
    """Whether a category of this name is people: one of `persons` or, with none given, of `PERSONS`."""
    if persons:
        return plain(name) in {plain(word) for word in persons}
    return any(_is_listed(part) for part in (name, *_BETWEEN_PARTS.split(name)))


def _is_listed(name: str) -> bool:
    return plain(name) in _PERSONS or _NUMBER.sub("", plain(name)) in _PERSONS


def may_mean_people(name: str, supercategory: str) -> bool:
    """Whether a category that is not on the list may be people or show that they are there (`Person_sitting`, `site
    worker`, `face`, a category below `person`)."""
    words = [word for word in _NO_LETTERS.split(plain(name)) if word]
    if not words:
        return False
    return (
        " ".join(words) in PARTS | _OTHER_LANGUAGES
        or words[0] in _FIRST
        or words[-1] in _LAST
        or not _ANYWHERE.isdisjoint(words)
        or (words[-1].endswith("人") and words[-1] not in _NO_PEOPLE)
        or plain(supercategory) in _PERSONS
    )


def roots(categories: Sequence[tuple[Id, str, str]], used: Set[Id | None]) -> frozenset[Id]:
    """Ids of categories that only stand above the others (Roboflow writes one, named like the data set)."""
    above = {over for _, name, over in categories if over != name}
    return frozenset(i for i, name, over in categories if name in above and over in ("", "none") and i not in used)


_PERSONS = frozenset(map(plain, PERSONS))
