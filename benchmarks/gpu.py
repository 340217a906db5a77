"""Every path of ours that runs on a GPU against the same on the CPU: how far apart, how long, how much memory.

    python benchmarks/gpu.py [--weights FOLDER] [--photos FILES] [--only PART ...] [--tiny]

About two minutes on a machine with one CUDA device; without one it says so and fills the CPU's columns alone. A part
whose packages or weights are missing is named and left out. Ends with 1 if a part failed.

FOLDER has the files of MI-GAN and YOLOv8n (unless given: where `person-removal weights fetch` puts them); others are
random, of the published sizes. FILES: photos with people (those of the ultralytics package, unless given).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import gpu_parts
import torch
from gpu_measure import HEAD, Row, on_gpu, timed


def compared(case: gpu_parts.Case, gpu: bool) -> Row:
    """The row of a case. An alone-standing network has no result to compare, and is timed on the GPU alone."""
    expected, cpu = (None, None) if case.apart is None else timed(case.make("cpu"), "cpu")
    if not gpu:
        return Row(case.part, cpu=None if cpu is None else cpu / case.photos)
    torch.backends.cudnn.allow_tf32 = case.tf32
    try:
        found, milliseconds, memory = on_gpu(case.make)
    finally:
        torch.backends.cudnn.allow_tf32 = True
    largest, mean, note = (None, None, case.note) if case.apart is None else case.apart(expected, found)
    each = None if cpu is None else cpu / case.photos
    said = ", ".join(filter(None, (note, case.note if case.apart else "")))
    return Row(case.part, largest, mean, case.unit, each, milliseconds / case.photos, memory, said)


def rows(
    name: str, part: Callable[[gpu_parts.Given], Iterator[gpu_parts.Case | Row]], given: gpu_parts.Given
) -> Iterator[Row]:
    """The rows of a part; one that says why, where it cannot run or fails."""
    try:
        for case in part(given):
            yield case if isinstance(case, Row) else compared(case, given.gpu)
    except (ImportError, gpu_parts.Missing) as error:
        yield Row(name, note=f"skipped: {error}")
    except Exception as error:  # the other parts are still worth running
        traceback.print_exc()
        yield Row(name, note=f"FAILED: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    parser.add_argument("--only", nargs="*", choices=list(gpu_parts.PARTS), default=list(gpu_parts.PARTS))
    parser.add_argument("--tiny", action="store_true", help="small pictures and networks: does it run?")
    arguments = parser.parse_args()
    gpu = torch.cuda.is_available()
    print(f"torch {torch.__version__}, {os.cpu_count()} CPU cores, {torch.get_num_threads()} threads; ", end="")
    print(f"{torch.cuda.get_device_name(0)}\n" if gpu else "torch finds no CUDA device here: the CPU alone\n")
    given = gpu_parts.gather(arguments.weights, arguments.photos, gpu, arguments.tiny)
    print(HEAD, flush=True)
    failed, began = False, time.monotonic()
    for name in arguments.only:
        for row in rows(name, gpu_parts.PARTS[name], given):
            failed |= row.note.startswith("FAILED")
            print(row, flush=True)
    print(f"\n{time.monotonic() - began:.0f} s", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
