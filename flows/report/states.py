"""What the states of a photo are called, and what they mean, wherever people read of them."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """label: on a button or badge. meaning: of a sentence that begins with the number of photos, or stands alone."""

    label: str
    meaning: str


STATE_WORDS = {
    "review": Words("Review", "somebody may be left: look at it, or at review/"),
    "failed": Words("Failed", "an error stopped this photo: run again"),
    "corrupt": Words("Corrupt", "the file is damaged"),
    "refused": Words("Refused", "not supported, not allowed, or left out by decision"),
    "removed": Words("Removed", "people taken out"),
    "passthrough": Words("Unchanged", "nobody in it, or kept by decision: copied byte for byte"),
}
"""By state, worst first: the order of the report."""

SHOWS_PEOPLE = (
    *("report/", "review/", "edited/", ".person-removal/"),
    *("people.json", "annotations/removed_annotations.json"),
)
"""What of an output directory still shows the people, or where they were: to be deleted before it is shared."""
