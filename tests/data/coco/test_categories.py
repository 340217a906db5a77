"""Which categories are people, and ids of every JSON type."""

from __future__ import annotations

from typing import Any

import pytest

from data.coco.categories import may_mean_people, means_people, roots
from data.coco.ids import id_of, size_of


@pytest.mark.parametrize(
    "name",
    [
        *(
            "person",
            "Person",
            " PEOPLE ",
            "pedestrian",
            "rider",
            "man",
            "woman",
            "human",
            "Human body",
            "police_officer",
        ),
        *(
            "human.pedestrian.adult",
            "human--rider--bicyclist",
            "person/pedestrian",
            "person, individual, someone",
            "crowd",
        ),
        *("Menschen", "personne", "行人", "Fußgänger"),
        *(
            "Mann",
            "hombre",
            "femme",
            "niño",
            "nin\u0303o",
            "男",
            "女人",
            "子供",
            "شخص",
            "אדם",
            "člověk",
            "henkilö",
            "kişi",
        ),
        *("person1", "Person_2", "bystanders 2", "ｐｅｒｓｏｎ", "person\u200b", "human_being"),
    ],
)
def test_people(name: str) -> None:
    assert means_people(name)


@pytest.mark.parametrize(
    "name",
    [
        "mannequin",
        "car",
        "baby_buggy",
        "manhole",
        "CD_player",
        "snowman",
        "scarecrow",
        "",
        "12",
        "机器人",
        "人行道",
    ],
)
def test_no_people(name: str) -> None:
    assert not means_people(name) and not may_mean_people(name, "")


@pytest.mark.parametrize(
    ("name", "above"),
    [
        ("Person_sitting", ""),
        ("site worker", ""),
        ("head", ""),
        ("Human face", ""),
        ("barista", "person"),
        ("x", "Human"),
        ("cyclists group", ""),
        ("Person (adult)", ""),
        ("3 people", ""),
        ("Kind", ""),
        ("骑马的人", ""),
    ],
)
def test_may_be_people(name: str, above: str) -> None:
    assert not means_people(name) and may_mean_people(name, above)


def test_the_users_words_go_in_place_of_the_list() -> None:
    assert means_people("Site-Worker", ("site worker",)) and not means_people("person", ("site worker",))


def test_a_category_above_the_others() -> None:
    people = [(0, "people-set", "none"), (1, "person", "people-set")]
    assert roots(people, frozenset([1])) == {0} and roots(people, frozenset([0, 1])) == frozenset()
    assert roots([(1, "person", "person")], frozenset()) == frozenset()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((1, 1), (1.0, 1), ("1", 1), (" 1.0 ", 1), ("000000000139", 139), ("a1", "a1"), (-3, -3), (10**30, 10**30)),
        *((None, None), (True, None), (1.5, None), (float("nan"), None), (float("inf"), None), ("", None), ([1], None)),
        (2.0**53, None),
    ],
)
def test_ids(value: Any, expected: Any) -> None:
    assert id_of(value) == expected and type(id_of(value)) is type(expected)


def test_sizes() -> None:
    assert size_of(150.0, "200") == (150, 200)
    assert size_of(None, 200) is None and size_of(150.5, 200) is None and size_of("wide", 200) is None
