"""The keep-list: who is asked to stay in which photo."""

from __future__ import annotations

import math
from collections.abc import Collection as AnyOf
from pathlib import Path
from typing import NamedTuple

from data.errors import InputError
from data.storage.json_files import read_json
from data.types import Keep

_FORMS = "write 'largest', numbers as in people.json (0,2), or a JSON file of photo name -> such values or boxes"


class Asked(NamedTuple):
    """What a keep-list says of one photo. unsure: how many of its people may or may not be some who stay; they leave,
    and somebody has to look at the result."""

    keep: Keep = ()
    unsure: int = 0


def read_keep(text: str | None, folder: Path, names: AnyOf[str]) -> dict[str, Asked]:
    """The keep-list of each photo that has one, from the setting `refine.keep`.

    folder: where a relative file name starts. names: the collection's photos. Raises InputError.
    """
    if text is None or not text.strip():
        return {}
    if Path(text).suffix.lower() != ".json":
        keep = parse_keep(text)
        return dict.fromkeys(names, Asked(keep))
    path = folder / text
    try:
        tree = read_json(path, "keep-list")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: the keep-list cannot be read ({error.strerror}).") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path}: a keep-list is an object of photo name -> who stays, not {type(tree).__name__}.")
    for name in tree:
        if name not in names:
            raise InputError(f"{path}: there is no photo {name!r} in the collection.")
    return {name: _asked(value, f"{path}: {name}") for name, value in tree.items()}


def parse_keep(text: str) -> Keep:
    """`largest` or numbers of people, for one photo or all. Raises InputError."""
    if text.strip() == "largest":
        return "largest"
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--keep {text}: {_FORMS}.") from None
    return as_keep(list(numbers), f"--keep {text}")


def _asked(value: object, where: str) -> Asked:
    """`{"keep": ..., "unsure": ...}`, as `person-removal family` writes it, or who stays alone."""
    if not isinstance(value, dict):
        return Asked(as_keep(value, where))
    if unknown := sorted(set(value) - {"keep", "unsure"}):
        raise InputError(f"{where}: {unknown[0]!r} is neither 'keep' nor 'unsure'.")
    unsure = value.get("unsure", [])
    if not isinstance(unsure, list):
        raise InputError(f"{where}: 'unsure' is a list of numbers and boxes.")
    return Asked(as_keep(value.get("keep", []), where), len([one_person(item, where) for item in unsure]))


def as_keep(value: object, where: str) -> Keep:
    """Who stays, from a keep-list. where: for the message. Raises InputError."""
    if value == "largest":
        return "largest"
    if not isinstance(value, list):
        raise InputError(f"{where}: {value!r} says nobody; {_FORMS}.")
    return tuple(one_person(item, where) for item in value)


def one_person(item: object, where: str) -> int | tuple[float, float, float, float]:
    """A person's number or box. where: what the sentence of the InputError begins with."""
    if isinstance(item, int) and not isinstance(item, bool) and item >= 0:
        return item
    if isinstance(item, list) and len(item) == 4 and all(_is_number(v) for v in item):
        x, y, width, height = (float(v) for v in item)
        return x, y, width, height
    raise InputError(f"{where}: {item!r} is neither a person's number (from 0) nor a box [x, y, width, height].")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond what a float holds
        return False
