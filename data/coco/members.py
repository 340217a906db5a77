"""One JSON object's text: read, and given other members without being written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def parse(raw: bytes) -> Any:
    """A JSON value, fast where that loses nothing: what orjson is too strict for (NaN, 1e400, lone surrogates) the
    standard library reads as Python does. Raises ValueError, RecursionError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)


def members(raw: bytes) -> list[tuple[str, int, int, str]]:
    """(key, start, end, text of the value) of every member of an object's text; start and end enclose key and value,
    in characters. Raises ValueError, RecursionError."""
    text = raw.decode("utf-8")
    out: list[tuple[str, int, int, str]] = []
    at = _skip(text, _skip(text, 0) + 1)  # behind the brace
    while text[at : at + 1] == '"':
        start = at
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # behind the colon
        value = at
        _, at = _DECODER.raw_decode(text, at)
        out.append((key, start, at, text[value:at]))
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return out


def with_members(raw: bytes, values: Mapping[str, bytes]) -> bytes:
    """The object's text with these members set: replaced where they stand, new ones at the end. All else is kept."""
    if b"\\u" not in raw and not any(json.dumps(key).encode() in raw for key in values) and raw.endswith(b"}"):
        # None of them is there (the usual case): nothing has to be read.
        added = b", ".join(json.dumps(key).encode() + b": " + value for key, value in values.items())
        return raw[:-1] + (b", " if raw[1:-1].strip() else b"") + added + b"}"
    text, out, at = raw.decode("utf-8"), [], 0
    found = members(raw)
    names = {key for key, *_ in found}
    for key, start, end, _ in found:
        if key in values:
            out += [text[at:start], json.dumps(key), ": ", values[key].decode("utf-8")]
            at = end
    if new := [f"{json.dumps(key)}: {value.decode('utf-8')}" for key, value in values.items() if key not in names]:
        end = found[-1][2] if found else text.index("{") + 1
        if at < end:
            out.append(text[at:end])
            at = end
        out.append((", " if found else "") + ", ".join(new))
    return "".join([*out, text[at:]]).encode("utf-8")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
