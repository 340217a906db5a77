"""Times of schedules: what is refused, and what they are when the clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flows.deployments import ServerError
from flows.deployments.schedules import check_times, moved_by_the_clock, next_times

SPRING, AUTUMN = datetime(2027, 3, 26, 12, tzinfo=UTC), datetime(2027, 10, 29, 12, tzinfo=UTC)
"""Two days before the clocks of Berlin are changed."""


@pytest.mark.parametrize(
    ("cron", "timezone", "sentence"),
    [
        ("0 0 2 * * *", "UTC", "has 6 fields; it takes 5: minute hour day month weekday, as in '0 2 * * *'"),
        ("0 0 2 * * * 2027", "UTC", "has 7 fields"),
        ("0 2 * *", "UTC", "has 4 fields"),
        ("", "UTC", "has 0 fields"),
        ("nightly", "UTC", "has 1 fields"),
        ("0 2 30 2 *", "UTC", "such a day never comes"),
        ("0 2 31 2 *", "Europe/Berlin", "such a day never comes"),
        ("0 2 31 4,6,9,11 *", "UTC", "such a day never comes"),
        ("61 2 * * *", "UTC", "not a time that a schedule can have"),
        ("0 25 * * *", "UTC", "not a time that a schedule can have"),
        ("R R * * *", "UTC", "not a time that a schedule can have"),
        ("@reboot", "UTC", "not a time that a schedule can have"),
        ("0 2 * * *", "Europe/Berlln", "not a time that a schedule can have"),
        ("0 2 * * *", "../etc/passwd", "not a time that a schedule can have"),
    ],
)
def test_times_that_no_schedule_can_have(cron: str, timezone: str, sentence: str) -> None:
    with pytest.raises(ServerError) as told:
        check_times(cron, timezone)
    assert sentence in str(told.value) and len(str(told.value)) < 250


@pytest.mark.parametrize("cron", ["0 2 * * *", "@daily", "*/10 1-5 * * mon-fri", "0 2 29 2 *", "0 2 L * *"])
def test_times_that_it_can_have(cron: str) -> None:
    check_times(cron, "Europe/Berlin")
    times = next_times(cron, "Europe/Berlin")
    assert len(times) == 3 and times == sorted(times)


def test_the_night_on_which_the_clock_goes_forward() -> None:
    """In Berlin a day of 23 hours comes once a year; it has no half past two, and Prefect takes the hour before."""
    moved = moved_by_the_clock("30 2 * * *", "Europe/Berlin")
    assert moved and (moved.hour, moved.minute, moved.month) == (1, 30, 3)
    for cron, timezone in (("30 2 * * *", "UTC"), ("30 4 * * *", "Europe/Berlin"), ("0 3 * * mon", "Europe/Berlin")):
        assert moved_by_the_clock(cron, timezone) is None


@pytest.mark.parametrize(
    ("cron", "eve", "nights"),
    [
        ("30 2 * * *", SPRING, ["27 02:30 CET", "28 01:30 CET", "29 02:30 CEST"]),
        ("0 3 * * *", SPRING, ["27 03:00 CET", "28 03:00 CEST", "29 03:00 CEST"]),
        ("30 2 * * *", AUTUMN, ["30 02:30 CEST", "31 02:30 CEST", "01 02:30 CET"]),
        ("0 3 * * *", AUTUMN, ["30 03:00 CEST", "31 03:00 CET", "01 03:00 CET"]),
    ],
)
def test_nights_on_which_the_clock_is_changed(cron: str, eve: datetime, nights: list[str]) -> None:
    """Once a night, in spring and in autumn."""
    assert [f"{time:%d %H:%M %Z}" for time in next_times(cron, "Europe/Berlin", 3, eve)] == nights


@pytest.mark.parametrize("eve", [SPRING, AUTUMN])
def test_a_clock_that_jumps_neither_doubles_nor_loses_a_night(eve: datetime) -> None:
    """A run bears its time, and there is one of a time: whenever the scheduler asks, it gets the same times."""
    nights = next_times("30 2 * * *", "Europe/Berlin", 5, eve)
    instants = {night.astimezone(UTC) for night in nights}
    for hours in range(72):
        moment = eve + timedelta(hours=hours, minutes=1)
        ahead = {instant for instant in instants if instant > moment}
        told = {time.astimezone(UTC) for time in next_times("30 2 * * *", "Europe/Berlin", len(ahead) + 1, moment)}
        assert ahead <= told and {instant for instant in told if instant <= max(instants)} <= instants
