"""What is doubtful about a result, in words: for the manifest, for `remove_people` and the app."""

from __future__ import annotations

from configs.words import counted
from data.types import Hole, State
from flows.facts import EarlierFacts, GivenFacts, RefineFacts, VerifyFacts

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
        doubts.append(f"{_people(cut)} who should stay lost more than 2 % of their pixels to people who leave")
    if close:
        doubts.append(f"of {_people(close)} who should stay it is not sure which pixels are theirs")
    if unmatched:
        doubts.append(f"{unmatched} of those who should stay could not be found (entries of keep that fit nobody)")
    return doubts


def _people(number: int) -> str:
    return counted(number, "person", "people")


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
        doubts.append(f"{counted(given['not_in_hole'], 'annotation')} that may be people outside the hole")
    return doubts


def photo_state(hole: Hole, facts: EarlierFacts) -> State:
    """`review` when somebody may be left, or gone who was asked to stay, when the fill looks made up or is most of the
    photo, else `removed` or, where there was nobody, `passthrough`."""
    verified, refined = facts["verify"], facts["refine"]
    doubts = [verified["left"], verified["doubts"], verified.get("invented"), verified.get("made_up")]
    if any(doubts) or refined.get("unsure") or _keep_doubts(facts) or given_doubts(facts["given"], facts["refine"]):
        return "review"
    return "removed" if hole.any() else "passthrough"


def _keep_doubts(facts: EarlierFacts) -> list[str]:
    return doubts_of_keep(facts["refine"], facts["verify"].get("matched", 0))


def doubts_of_keep(refined: RefineFacts, matched: int = 0) -> list[str]:
    """What is doubtful about those who were asked to stay. matched: entries of the keep-list that only the verifier
    fits."""
    unmatched = max(0, refined.get("unmatched", 0) - matched)
    return keep_doubts(refined.get("cut", 0), refined.get("may_be_cut", 0), unmatched)


def reasons(facts: EarlierFacts) -> list[str]:
    """Why somebody has to look at a result: parts of a sentence."""
    verified, parts = facts["verify"], []
    if verified["left"]:
        parts.append(f"{_people(verified['left'])} known and not inside the hole")
    for where, place in (("hole", "what was filled in"), ("elsewhere", "the rest of the result")):
        scores = [found["score"] for found in verified["found"] if found["where"] == where]
        if scores:
            parts.append(f"{_people(len(scores))} seen in {place} (score up to {max(scores):.2f})")
    return [*parts, *about_the_photo(facts)]


def about_the_photo(facts: EarlierFacts) -> list[str]:
    """The same without those who are seen or known to be left."""
    unsure, parts = facts["refine"].get("unsure"), doubts_of_fill(facts["verify"])
    parts += [*_keep_doubts(facts), *given_doubts(facts["given"], facts["refine"])]
    if unsure:
        parts.append(f"{_people(unsure)} of whom the keep-list does not know whether they stay")
    return parts


def doubts_of_fill(verified: VerifyFacts) -> list[str]:
    """Why a fill may not look right: parts of a sentence."""
    parts = []
    if verified.get("made_up"):
        parts.append(f"{verified['made_up']:.0%} of the photo is made up")
    if verified.get("invented"):
        parts.append(f"{verified['invented']:.0%} of the fill looks made up (nothing around it is like it)")
    return parts
