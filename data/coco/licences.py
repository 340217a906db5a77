"""The licences of the photos: which may be taken, which forbid changes, and who has to be named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.coco.errors import CocoError
from data.coco.file import CocoFile

NO_DERIVATIVES = (3, 6)
"""COCO's own licence ids that forbid changes, for files that refer to them without listing them."""
_NO_DERIVATIVES = re.compile(r"-nd\b|no[- ]?deriv", re.IGNORECASE)


@dataclass(frozen=True)
class Licence:
    """id: as the annotation file has it. name, url: "" where it does not say."""

    id: int | str
    name: str = ""
    url: str = ""

    @property
    def forbids_changes(self) -> bool:
        """Whether it is a NoDerivs licence: by its name or address, else by COCO's ids."""
        if self.name or self.url:
            return bool(_NO_DERIVATIVES.search(self.name) or _NO_DERIVATIVES.search(self.url))
        return self.id in NO_DERIVATIVES

    def __str__(self) -> str:
        return self.name or self.url or f"licence {self.id}"


def licences_of(coco: CocoFile) -> list[Licence | None]:
    """The licence of each image of a file, in its order; None where none is stated."""
    known = _listed(coco)
    out: list[Licence | None] = []
    for image in coco.images:
        stated = image.get("license")
        out.append(known.get(stated, Licence(stated)) if isinstance(stated, int | str) else None)
    return out


def allowed(coco: CocoFile, wanted: Sequence[str]) -> list[bool]:
    """Whether each image of a file has one of the licences (ids or names, case does not count). Raises CocoError for
    one that no image of it has and that it does not list."""
    licences = licences_of(coco)
    every = {*_listed(coco).values(), *(licence for licence in licences if licence)}
    chosen = set()
    for text in wanted:
        found = {licence for licence in every if text.casefold() in (str(licence.id), licence.name.casefold())}
        if not found:
            known = "; ".join(sorted(f"{licence.id} {licence.name}".strip() for licence in every)) or "none"
            raise CocoError(f"{coco.path}: there is no licence {text!r} in it; it knows: {known}.")
        chosen |= found
    return [licence in chosen for licence in licences]


def attribution(image: Mapping[str, object], licence: Licence | None) -> dict[str, str]:
    """What an annotation file knows of where an image comes from: licence, licence_url, author, source."""
    author = next((_text(image[key]) for key in ("author", "photographer", "owner", "credit") if image.get(key)), "")
    source = next((_text(image[key]) for key in ("flickr_url", "url", "coco_url") if image.get(key)), "")
    return {
        "licence": str(licence) if licence else "",
        "licence_url": licence.url if licence else "",
        "author": author,
        "source": source,
    }


def _listed(coco: CocoFile) -> dict[int | str, Licence]:
    listed = coco.root.get("licenses")
    return {
        item["id"]: Licence(item["id"], _text(item.get("name")), _text(item.get("url")))
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict) and isinstance(item.get("id"), int | str)
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
