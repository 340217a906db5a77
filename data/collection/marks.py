"""The marks file: who is who in a few photos, so that they are found in the others."""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from pathlib import Path
from typing import NamedTuple

from data.collection.keep_list import one_person
from data.errors import InputError
from data.storage.json_files import read_json

_FORM = (
    '{"person_removal_marks": 1, "people": '
    '{"Ann": [{"photo": "a.jpg", "person": 0}, {"photo": "b.jpg", "box": [x, y, width, height]}]}}'
)


class Mark(NamedTuple):
    """One person in one photo: a number in the list of its people (from 0), or a box x, y, width, height in pixels.
    name: who stays; None for somebody who leaves, whoever it is."""

    name: str | None
    photo: str
    who: int | tuple[float, float, float, float]


def read_marks(path: Path, photos: AnyOf[str]) -> list[Mark]:
    """The marks of a file. photos: names of the collection's. Raises InputError."""
    try:
        tree = read_json(path, "file of marks")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: the marks cannot be read ({error.strerror}).") from None
    tree = tree if isinstance(tree, dict) and tree.get("person_removal_marks") == 1 else {}
    people, leave = tree.get("people"), tree.get("leave", [])
    if not isinstance(people, dict) or not people:
        raise InputError(f"{path}: this is no marks file; write it as {_FORM}.")
    named: list[tuple[str | None, object]] = [*people.items(), *([(None, leave)] if leave else [])]
    marks = []
    for name, places in named:
        where = f"{path}: {'leave' if name is None else name}"
        if not isinstance(places, list) or not places:
            raise InputError(f"{where} is marked nowhere; write the file as {_FORM}.")
        for place in places:
            photo = place.get("photo") if isinstance(place, dict) else None
            given = [key for key in ("person", "box") if isinstance(place, dict) and key in place]
            if not isinstance(photo, str) or len(given) != 1:
                raise InputError(f"{where}: {place!r} is not a photo with either a person or a box.")
            if photo not in photos:
                raise InputError(f"{where}: there is no photo {photo!r} in the collection.")
            marks.append(Mark(name, photo, one_person(place[given[0]], f"{where} in {photo}")))
    return marks
