"""What the flow tells Prefect's server of its work."""

from __future__ import annotations

from flows.orchestration.artifacts import wait_until_heard


def test_a_server_that_is_away_when_the_work_is_done_is_waited_for() -> None:
    said = iter([ConnectionError(), TimeoutError(), None, None])
    wait_until_heard(lambda: next(said), between=0)
    assert [*said] == [None], "asked until it answered"
