"""What is doubtful about a result, in words: for the manifest, for `remove_people` and the app."""

from __future__ import annotations

from flows.facts import GivenFacts, RefineFacts

FRAMES = {"upright": "shown", "unsure": "stored, before EXIF turns it (--set input.frame=upright takes it as shown)"}
"""By frame of given masks, how the photo is that they were drawn on."""


def keep_doubts(cut: int, close: int, unmatched: int) -> list[str]:
    """What is doubtful about those who were asked to stay: parts of a sentence, none where all is well.

    cut: how many who stay lost pixels to the hole (masks.cut). close: of how many it is not
    sure which pixels are theirs (masks.may_be_cut).
    unmatched: how many entries of the keep-list fit nobody.
    """
    doubts = []
    if cut:
        doubts.append(f"{cut} person(s) who should stay lost more than 2 % of their pixels to people who leave")
    if close:
        doubts.append(f"of {close} person(s) who should stay it is not sure which pixels are theirs")
    if unmatched:
        doubts.append(f"{unmatched} of those who should stay could not be found (entries of keep that fit nobody)")
    return doubts


def given_doubts(given: GivenFacts, refined: RefineFacts) -> list[str]:
    """Why masks that came with the photo may be elsewhere than people, or not be all that there is.

    given: `frame` of the masks, `doubt` about the annotations, and how many that may be people are `not_in_hole`.
    refined: facts of the refine stage.
    """
    doubts = []
    if refined.get("spared_frame") == "unsure":
        doubts.append(
            "the mask of where nothing is removed fits it both as it is stored and as it is shown, and which is meant "
            "is not known (--set input.frame=raw or upright says it)"
        )
    frame = refined.get("frame") if refined["edited"] else given["frame"]
    if frame == "unsure":
        doubts.append("its masks fit it both as it is stored and as it is shown, and which is meant is not known")
    if refined["edited"]:  # a hand's word on the hole is the last one
        return doubts
    if given["doubt"]:
        doubts.append(given["doubt"])
    if given["not_in_hole"]:
        doubts.append(f"{given['not_in_hole']} annotation(s) that may be people outside the hole")
    return doubts
