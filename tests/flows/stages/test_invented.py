"""A network's fill that looks made up is for review, first in the report, and says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flows.report.page import badness
from flows.stages.doubts import photo_state

HOLE = np.full((4, 4), 255, np.uint8)


def facts(**verified: Any) -> dict[str, dict[str, Any]]:
    verify = {"left": 0, "doubts": 0, "found": [], **verified}
    given = {"frame": None, "doubt": None, "not_in_hole": 0}
    return {"refine": {"kept": 0, "edited": False}, "verify": verify, "inpaint": {}, "given": given}


@pytest.mark.parametrize(("verified", "state"), [({}, "removed"), ({"invented": 0.6}, "review")])
def test_a_fill_that_looks_made_up_is_for_review(verified: dict[str, float], state: str) -> None:
    assert photo_state(HOLE, facts(**verified)) == state


def test_the_report_shows_what_looks_made_up_first() -> None:
    def row(name: str, share: float, **quality: float) -> dict[str, Any]:
        verify = {"left": 0, "found": [], "quality": quality}
        return {"file_name": name, "state": "removed", "hole_share": share, "verify": verify}

    rows = [row("large.jpg", 0.4), row("odd.jpg", 0.1, invented=0.3), row("fine.jpg", 0.2, invented=0.0)]
    assert [one["file_name"] for one in sorted(rows, key=badness)] == ["odd.jpg", "large.jpg", "fine.jpg"]
