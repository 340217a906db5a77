"""The keep-list: who is asked to stay in which photo."""

from __future__ import annotations

import json
import math
from collections.abc import Collection as AnyOf
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.types import Keep

_FORMS = "write 'largest', numbers as in people.json (0,2), or a JSON file of photo name -> such values or boxes"


def read_keep(text: str | None, folder: Path, names: AnyOf[str]) -> dict[str, Keep]:
    """The keep-list of each photo that has one, from the setting `refine.keep`.

    folder: where a relative file name starts. names: the collection's photos. Raises InputError.
    """
    if text is None or not text.strip():
        return {}
    if Path(text).suffix.lower() != ".json":
        keep = parse_keep(text)
        return dict.fromkeys(names, keep)
    path = folder / text
    try:
        tree = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: the keep-list cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise InputError(f"{path}: the keep-list is not valid JSON ({error}).") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path}: a keep-list is an object of photo name -> who stays, not {type(tree).__name__}.")
    for name in tree:
        if name not in names:
            raise InputError(f"{path}: there is no photo {name!r} in the collection.")
    return {name: as_keep(value, f"{path}: {name}") for name, value in tree.items()}


def parse_keep(text: str) -> Keep:
    """`largest` or numbers of people, for one photo or all. Raises InputError."""
    if text.strip() == "largest":
        return "largest"
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--keep {text}: {_FORMS}.") from None
    return as_keep(list(numbers), f"--keep {text}")


def as_keep(value: Any, where: str) -> Keep:
    """A value of a keep-list. where: for the message. Raises InputError."""
    if value == "largest":
        return "largest"
    if not isinstance(value, list):
        raise InputError(f"{where}: {value!r} says nobody; {_FORMS}.")
    out: list[int | tuple[float, float, float, float]] = []
    for item in value:
        if isinstance(item, int) and not isinstance(item, bool) and item >= 0:
            out.append(item)
        elif isinstance(item, list) and len(item) == 4 and all(_is_number(v) for v in item):
            x, y, width, height = (float(v) for v in item)
            out.append((x, y, width, height))
        else:
            raise InputError(
                f"{where}: {item!r} is neither a person's number (from 0) nor a box [x, y, width, height]."
            )
    return tuple(out)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
