"""pip and npm as programs: run with a limit, the growth of what they download as progress, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from data.weights.registry import Progress, SourceError

SECONDS = 1800.0
"""After which a client is ended."""


@dataclass(frozen=True)
class Client:
    """name: of the program. ending: of the files that it downloads. inside: whether it is started in the folder that
    it downloads to, and not where this process was. environment: over that of this process."""

    name: str
    ending: str
    inside: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: list[str], folder: Path, size: int, progress: Progress) -> tuple[int, str]:
        """Exit status and everything that it said. It downloads about `size` bytes to `folder`.

        Raises SourceError where it takes longer than `SECONDS`.
        """
        process = subprocess.Popen(
            command,
            cwd=folder if self.inside else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **self.environment},
        )
        deadline = time.monotonic() + SECONDS
        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=0.25)
                    return process.returncode, output
                except subprocess.TimeoutExpired:
                    progress(min(self._downloaded(folder), size), size)
                    if time.monotonic() > deadline:
                        raise SourceError(f"{self.name} took more than {SECONDS:g} s") from None
        finally:
            if process.poll() is None:  # an interrupted program must not leave it behind
                process.kill()
                process.communicate()

    def _downloaded(self, folder: Path) -> int:
        sizes = [0]
        for path in folder.rglob(f"*{self.ending}"):
            with suppress(OSError):  # it may just be moved
                sizes.append(path.stat().st_size)
        return max(sizes)


def copy_bounded(source: IO[bytes], target: Path, size: int | None) -> None:
    """Copy a stream into a file, at most one byte more than `size`: enough to see that it is too large."""
    left = size + 1 if size is not None else sys.maxsize
    with target.open("wb") as out:
        while left > 0 and (chunk := source.read(min(1 << 18, left))):
            out.write(chunk)
            left -= len(chunk)
