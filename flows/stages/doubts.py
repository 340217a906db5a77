"""What is doubtful about those who were asked to stay, in words: for the manifest, for `remove_people` and the app."""

from __future__ import annotations


def keep_doubts(cut: int, unmatched: int) -> list[str]:
    """Parts of a sentence, none where all is well.

    cut: how many who stay lost pixels to the hole (masks.cut). unmatched: how many entries of the keep-list fit nobody.
    """
    doubts = []
    if cut:
        doubts.append(f"{cut} person(s) who should stay lost more than 2 % of their pixels to people who leave")
    if unmatched:
        doubts.append(f"{unmatched} of those who should stay could not be found (entries of keep that fit nobody)")
    return doubts
