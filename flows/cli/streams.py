"""stdout and stderr that end no command: whatever their encoding is, and when nobody reads them any more."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

_CREDENTIALS = re.compile(r"(\b[a-zA-Z][\w+.-]+:/+)[^\s/@'\"]+@")  # one slash where a path was made of an address
_SIGNATURE = re.compile(r"(\b[a-zA-Z][\w+.-]*://[^\s?'\"]+\?)[^\s'\"]+")


@contextlib.contextmanager
def lasting_streams() -> Iterator[None]:
    """Inside, `sys.stdout` and `sys.stderr` write what their encoding lacks as escapes, print no credentials of an
    address, and go on in silence when their reader has left (`| head`)."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_lasting(stream, name) for stream, name in zip(before, ("stdout", "stderr"), strict=True))
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def without_credentials(text: str) -> str:
    """`https://name:password@host/x?signature` -> `https://***@host/x?***`."""
    return _SIGNATURE.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", text))


def _lasting(stream: TextIO | None, name: str) -> Any:
    if stream is None:  # the shell closed it
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 (it lasts as long as the process)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return _Lasting(stream, name)


class _Lasting:
    """A text stream whose reader may leave; what this class does not define is the stream's own."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name = stream, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._stream, attribute)

    def write(self, text: str) -> int:
        with self._going_on():
            self._stream.write(without_credentials(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._going_on():
            self._stream.flush()

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # From here on its bytes go nowhere, those that wait in its buffer, too.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if self._name == "stdout" and sys.stderr is not None:
                reason = "nobody reads it" if isinstance(error, BrokenPipeError) else error.strerror or str(error)
                sys.stderr.write(f"stdout ends here ({reason}); the command goes on.\n")
