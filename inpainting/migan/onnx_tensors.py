"""The tensors of an ONNX file, without the onnx package: only what a file of weights needs to be read.

An ONNX file is one protobuf message. Three of its fields matter here: ModelProto.graph (7), GraphProto.initializer (5)
and, of each TensorProto, dims (1), data_type (2), name (8) and raw_data (9).
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FLOAT = 1
"""TensorProto.DataType.FLOAT."""


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The float32 initializers of the file by name, read-only arrays of the shapes that it states.

    Tensors of other types are left out. Raises ValueError for bytes that are no ONNX file.
    """
    tensors = {}
    try:
        for field, graph in _fields(memoryview(path.read_bytes())):
            if field != 7 or not isinstance(graph, memoryview):
                continue
            for inner, tensor in _fields(graph):
                if inner == 5 and isinstance(tensor, memoryview):
                    name, array = _tensor(tensor)
                    if array is not None:
                        tensors[name] = array
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path} is no readable ONNX file ({error}).") from error
    if not tensors:
        raise ValueError(f"{path} is no ONNX file with weights.")
    return tensors


def _tensor(message: memoryview) -> tuple[str, NDArray[np.float32] | None]:
    """A TensorProto's name and values; None where they are not float32 bytes."""
    shape: list[int] = []
    name, kind, raw = "", 0, memoryview(b"")
    for field, value in _fields(message):
        if field == 1:  # packed into bytes, or one by one
            shape += list(_varints(value)) if isinstance(value, memoryview) else [value]
        elif field == 2 and isinstance(value, int):
            kind = value
        elif field == 8 and isinstance(value, memoryview):
            name = bytes(value).decode()
        elif field == 9 and isinstance(value, memoryview):
            raw = value
    if kind != _FLOAT or not raw:
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(shape)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field of a protobuf message as (number, value): a whole number, or the bytes of anything longer."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"field of an unknown kind {kind}")
        if at + length > len(message):
            raise ValueError("it ends too early")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The whole number that begins at a place, 7 bits a byte, and the place after it."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number without an end")


def _varints(message: memoryview) -> Iterator[int]:
    at = 0
    while at < len(message):
        value, at = _varint(message, at)
        yield value
