"""Small tflite networks on ai-edge-litert."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class LitertNetwork:
    """A network with one image in and maps out; float32, batch of one, one CPU thread.

    One thread, because a person's crop takes milliseconds and results must not depend on the machine.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with without_delegate_notice():
            self._interpreter = Interpreter(str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        shape = self._interpreter.get_input_details()[0]["shape"]
        self.side = int(shape[1])
        """Height and width of the input in pixels."""
        # A map has the input's height and width and one channel.
        maps = [
            d["index"]
            for d in self._interpreter.get_output_details()
            if tuple(d["shape"]) == (1, self.side, self.side, 1)
        ]
        if len(maps) != 1:
            raise ValueError(f"{path} has {len(maps)} outputs of the input's size instead of one")
        self._map = maps[0]

    def __call__(self, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        """The map, float32 side x side in the network's own units, for an RGB crop side x side x 3 in 0..1."""
        self._interpreter.set_tensor(self._input, crop[None])
        self._interpreter.invoke()
        out: NDArray[np.float32] = self._interpreter.get_tensor(self._map)[0, ..., 0]
        return out


@contextmanager
def without_delegate_notice() -> Iterator[None]:
    """Drops "INFO: Created TensorFlow Lite XNNPACK delegate", which the C library prints without a switch.

    Everything else that is written to stderr meanwhile follows afterwards.
    """
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # a service without stderr
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            for line in caught:
                if b"XNNPACK delegate" not in line:
                    os.write(2, line)
