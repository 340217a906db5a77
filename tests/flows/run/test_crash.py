"""kill -9 in the middle, run again: only what was missing is computed, and the result is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from artifacts import artifacts
from collection_with_people import contents, make_coco, remove

SCRIPT = """
import sys
from pathlib import Path
from collection_with_people import remove
if __name__ == "__main__":
    remove(Path(sys.argv[1]), Path(sys.argv[2]), "inpaint.fill=patchmatch", "run.workers=2")
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A collection, and what an undisturbed run makes of it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    coco = make_coco(folder / "coco")
    remove(coco, folder / "out", "inpaint.fill=patchmatch")
    return coco, contents(folder / "out")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("after", [1, 3, 5], ids="killed after {} filled photos".format)
def test_killed_and_run_again(undisturbed: tuple[Path, dict[str, bytes]], tmp_path: Path, after: int) -> None:
    (coco, expected), out = undisturbed, tmp_path / "out"
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    root = Path(__file__).resolve().parents[3]
    path = os.pathsep.join([str(root), str(root / "tests/support")])
    process = subprocess.Popen(
        [sys.executable, str(script), str(coco), str(out)],
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(artifacts(out, "inpaint")) < after and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # the parent alone: its workers have to leave by themselves
    process.wait()
    kept = artifacts(out, "inpaint")
    assert len(kept) >= after

    remove(coco, out, "inpaint.fill=patchmatch")
    assert kept.items() <= artifacts(out, "inpaint").items(), "what stood there was not computed again"
    assert contents(out) == expected
    _assert_no_process_of(process.pid)


def _assert_no_process_of(session: int) -> None:
    """The killed run's workers left with it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("worker processes outlived their parent")
