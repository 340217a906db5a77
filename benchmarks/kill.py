"""kill -9 at random moments: python benchmarks/kill.py [--times 20] [--flow]

Each time a fresh run is killed (in turn the run itself and one of its worker processes; with --flow the Prefect flow,
its server runs on), then run again. It ends with an error at the first photo that is missing or differs from an
undisturbed run, at the first artifact that was computed twice, and at a half-written file that was left.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

sys.path[:] = [str(Path(__file__).resolve().parents[1] / "tests" / "support"), *sys.path[1:]]

from collection_with_people import contents, make_coco  # noqa: E402
from killed import check, kill, run_to_the_end  # noqa: E402

from flows.evaluation.throughput import server  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--flow", action="store_true", help="through Prefect")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        coco = make_coco(folder / "coco")
        if options.flow:
            stack.enter_context(server(folder / "prefect"))
        seconds = run_to_the_end(coco, folder / "undisturbed", {})
        expected = contents(folder / "undisturbed")
        for number in range(options.times):
            victim = "run" if options.flow or number % 2 == 0 else "worker"
            moment = random.uniform(0, seconds)
            kill(coco, folder / "out", {}, victim, moment)
            check(folder / "out", expected, partial(run_to_the_end, coco, folder / "out", {}))
            shutil.rmtree(folder / "out")
            print(f"{number + 1}: {victim} killed {moment:.2f} s after the first artifact: complete, equal", flush=True)


if __name__ == "__main__":
    main()
