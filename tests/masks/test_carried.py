"""What leaves with a person: P is a person, K one who stays, o a thing."""

from __future__ import annotations

import pytest
from literal_masks import mask, picture

from configs import RefineSettings
from data.types import Instance, People
from masks import choose, refine

PLAIN = RefineSettings(speck=0, close=0, fill_holes=0, snap=0, dilate=0, dilate_min=0, carry=0.45, keep_margin=0)


def people(text: str) -> People:
    persons = tuple(Instance.from_mask(mask(text, c), 0.9, "annotations") for c in "PK" if c in text)
    things = (Instance.from_mask(mask(text, "o"), 0.9, "annotations", label="backpack"),)
    return People(mask(text).shape, persons, things)


CASES = {
    "what touches a person leaves": (
        "........ ..PP.... .oPP.... .oPP.... ..PP.... ..PP.... ........ ........",
        "........ ..##.... .###.... .###.... ..##.... ..##.... ........ ........",
    ),
    "what is near by the person's size leaves": (
        "........ PPPP.... PPPP.... PPPP.oo. PPPP.oo. PPPP.... PPPP.... ........",
        "........ ####.... ####.... ####.##. ####.##. ####.... ####.... ........",
    ),
    "what is as near to a small person stays": (
        "........ ........ PP...... PP...oo. ........ ........ ........ ........",
        "........ ........ ##...... ##...... ........ ........ ........ ........",
    ),
    "a bag on the bench stays": (
        "........ PP...... PP...... PP....oo PP....oo PP...... ........ ........",
        "........ ##...... ##...... ##...... ##...... ##...... ........ ........",
    ),
    "what is much larger than the person stays": (
        "oooooooo oooooooo oooooooo ooPPoooo ...P.... ........ ........ ........",
        "........ ........ ........ ..##.... ...#.... ........ ........ ........",
    ),
    "what somebody who stays carries stays": (
        "........ .PP..... .PP..... .PP.oKK. .PP.oKK. .PP..KK. ........ ........",
        "........ .##..... .##..... .##..... .##..... .##..... ........ ........",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    before, after = CASES[name]
    found = people(before)
    keep = (1,) if "K" in before else ()
    assert picture(refine(found, PLAIN, choice=choose(found, keep, PLAIN))) == after


def test_nothing_is_carried_when_it_is_off() -> None:
    before, _ = CASES["what touches a person leaves"]
    hole = refine(people(before), PLAIN.model_copy(update={"carry": 0}))
    assert picture(hole) == picture(mask(before, "P"))
