"""Detections of several passes become one person each: literal masks on a photo of 4 x 8 pixels."""

from dataclasses import replace

import numpy as np
import pytest

from data.geometry import Box
from data.types import Instance, People
from detection.merge import Overlap, groups_of_same, merged

SIZE = (4, 8)


def people(*seen: tuple[str, float], source: str = "a") -> People:
    """People from pictures: rows are separated by spaces, # is the person."""
    persons = []
    for picture, score in seen:
        mask = np.array([[c == "#" for c in row] for row in picture.split()])
        assert mask.shape == SIZE
        persons.append(Instance.from_mask(mask, score, source))
    return People(SIZE, tuple(persons))


def pictures(found: People) -> list[str]:
    return [" ".join("".join(".#"[int(v)] for v in row) for row in found.mask(p)) for p in found.persons]


LEFT = ".##..... .##..... .##..... ........"
LEFT_LONGER = ".##..... .##..... .##..... .##....."
RIGHT = "......## ......## ......## ........"
HEAD_OF_LEFT = ".##..... ........ ........ ........"
WIDE = ".####... .####... .####... ........"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param([LEFT], [LEFT_LONGER], [LEFT_LONGER], id="the same person: one, with all of its pixels"),
        pytest.param([LEFT], [RIGHT], [LEFT, RIGHT], id="two people"),
        pytest.param([LEFT], [HEAD_OF_LEFT], [LEFT], id="a part inside the whole"),
        pytest.param([LEFT, WIDE], [LEFT_LONGER], [LEFT_LONGER, WIDE], id="the most alike are joined"),
        pytest.param([LEFT, HEAD_OF_LEFT], [LEFT], [LEFT, HEAD_OF_LEFT], id="two of one pass stay two"),
        pytest.param([], [RIGHT], [RIGHT], id="seen by one alone"),
        pytest.param([], [], [], id="nobody"),
    ],
)
def test_looks_at_the_whole_photo(first: list[str], second: list[str], expected: list[str]) -> None:
    passes = [people(*((p, 0.5) for p in first)), people(*((p, 0.5) for p in second), source="b")]
    assert sorted(pictures(merged(passes))) == sorted(expected)


def test_who_saw_whom_and_the_highest_score_are_kept() -> None:
    found = merged(
        [
            people((LEFT, 0.3), source="yolo"),
            people((LEFT_LONGER, 0.8), (RIGHT, 0.9), source="embedded"),
            people((LEFT, 0.4), source="yolo"),
        ]
    )
    assert [(p.score, p.source) for p in found.persons] == [(0.9, "embedded"), (0.8, "yolo+embedded")]
    assert found.persons[1].bbox == (1.0, 0.0, 2.0, 4.0)


def test_people_cut_by_a_border_are_compared_where_both_looks_saw() -> None:
    left, right = Box.at(0, 0, 5, 4), Box.at(3, 0, 5, 4)  # two columns are seen by both
    found = merged(
        [people(("..###... ..###... ........ ........", 0.6)), people(("...####. ...####. ........ ........", 0.7))],
        [left, right],
    )
    assert pictures(found) == ["..#####. ..#####. ........ ........"]
    # Seen as wholes they would be two: their IoU is 2/5.
    assert len(merged([People(SIZE, found.persons[:1]), people((".#...... .#...... ........ ........", 0.5))])) == 2


def test_pieces_cut_off_by_a_border_join_the_whole_even_several() -> None:
    whole, tile = Box.at(0, 0, 8, 4), Box.at(0, 0, 4, 4)
    pieces = people(("..##.... ........ ........ ........", 0.5), ("........ ........ ..##.... ........", 0.4))
    everyone = people(("..####.. ..####.. ..####.. ........", 0.9))
    assert pictures(merged([everyone, pieces], [whole, tile])) == ["..####.. ..####.. ..####.. ........"]


def test_a_piece_of_a_tile_that_lies_in_two_people_does_not_make_them_one() -> None:
    """Two who stand close: each box holds most of the piece between them."""
    alike = {(0, 1): 0.3, (0, 2): 0.4, (1, 2): 0.4}
    pairs = lambda i, j: Overlap(alike[i, j], 0.9 if j == 2 else 0.5)  # noqa: E731
    assert groups_of_same([0, 0, 1], [False, False, True], pairs) == [[0, 2], [1]]


def test_things_are_merged_by_label() -> None:
    def one_pass(label: str, picture: str) -> People:
        return People(SIZE, (), (replace(people((picture, 0.5)).persons[0], label=label),))

    found = merged([one_pass("kite", LEFT), one_pass("kite", LEFT_LONGER), one_pass("tie", LEFT)])
    assert [(thing.label, thing.bbox) for thing in found.objects] == [
        ("kite", (1.0, 0.0, 2.0, 4.0)),
        ("tie", (1.0, 0.0, 2.0, 3.0)),
    ]


def test_groups_do_not_chain_through_one_look() -> None:
    alike = {(0, 1): 0.9, (1, 2): 0.6, (0, 2): 0.0}
    pairs = lambda i, j: Overlap(alike[i, j], alike[i, j])  # noqa: E731
    assert groups_of_same([0, 1, 0], [False] * 3, pairs) == [[0, 1], [2]]
    assert groups_of_same([0, 1, 2], [False] * 3, pairs) == [[0, 1, 2]]
