"""JSON files that people pass on, read with a limit on everything that a file can do to its reader."""

from __future__ import annotations

import json
from pathlib import Path

from data.errors import InputError
from data.storage.files import read_regular

LARGEST = 1 << 28
"""Bytes, 256 MiB: the decisions of a hundred thousand photos are about 40 MB."""


def read_json(path: Path, kind: str, *, follow: bool = True) -> object:
    """The value in a JSON file. kind: what the file is, for the message. follow: whether it may be a link.

    Raises InputError for what cannot be read (devices, pipes and files beyond `LARGEST` included), for what is not
    JSON, and for an object that has a key twice; FileNotFoundError and NotADirectoryError where nothing is.
    """
    try:
        return json.loads(read_regular(path, LARGEST, follow=follow), object_pairs_hook=_object)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise InputError(f"{path}: the {kind} cannot be read ({error.strerror or error}).") from None
    except _Twice as error:
        raise InputError(f"{path}: the {kind} has {error.args[0]!r:.80} twice; leave one of them.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: the {kind} is not valid JSON ({error!s:.200}).") from None


class _Twice(Exception):
    """A key that stands twice in an object."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        raise _Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return made
