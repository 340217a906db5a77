"""Which photo a file name means that some tool wrote on another machine."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.collection.file_names import match_names, stated_name

PHOTOS = {"a.jpg", "sub/b.jpg", "sub/c.jpg", "other/c.jpg", "x:y.jpg", "caf\u00e9.jpg", "d e.jpg"}


@pytest.mark.parametrize(
    ("name", "photo"),
    [
        ("images\\a.jpg", "a.jpg"),
        ("C:\\set\\images\\a.jpg", "a.jpg"),
        ("C:/set/a.jpg", "a.jpg"),
        ("/home/me/a.jpg", "a.jpg"),
        ("../images/a.jpg", "a.jpg"),
        ("images/a.jpg", "a.jpg"),
        ("file:///set/a.jpg", "a.jpg"),
        ("https://host/a.jpg?token=x/y.jpg#z", "a.jpg"),
        ("s3://bucket/sub/b.jpg", "sub/b.jpg"),
        ("/home/me/b.jpg", "sub/b.jpg"),
        ("A.JPG", "a.jpg"),
        ("Sub/B.jpg", "sub/b.jpg"),
        (unicodedata.normalize("NFD", "caf\u00e9.jpg"), "caf\u00e9.jpg"),
        ("images/d%20e.jpg", "d e.jpg"),
        ("/home/me/sub/c.jpg", "sub/c.jpg"),  # more of it fits one
        ("A", "a.jpg"),
        ("sub/c", "sub/c.jpg"),
        ("c", None),
        ("/home/me/c.jpg", None),  # two are called so
        ("b.jpg", None),  # a name in the folder itself, and there is none
        ("third/c.jpg", None),  # another photo of the folder, which is not there
        ("/etc/passwd", None),
        ("", None),
        ("/", None),
        ("..", None),
        ("\0", None),
        ("a.jpg.png", None),
    ],
)
def test_a_name_that_is_none_as_it_stands(name: str, photo: str | None) -> None:
    assert match_names([name], PHOTOS) == ({} if photo is None else {name: photo})


def test_a_photo_is_left_to_the_name_that_means_it_exactly() -> None:
    assert match_names(["a.jpg", "/old/a.jpg", "./sub/b.jpg", "x:y.jpg"], PHOTOS) == {}


def test_a_photo_whose_name_is_no_name() -> None:
    assert match_names(["", "a"], {"/", ".", "a.jpg"}) == {"a": "a.jpg"}


def test_letter_case_that_two_photos_share() -> None:
    assert match_names(["A.jpg"], {"a.jpg", "a.JPG"}) == {}
    assert match_names(["A.jpg", "a.jpg"], {"a.jpg", "a.JPG"}) == {"A.jpg": "a.JPG"}


@given(st.lists(st.text(max_size=12)), st.sets(st.text(min_size=1, max_size=8)))
def test_only_photos_that_are_there_are_meant(names: list[str], photos: set[str]) -> None:
    found = match_names(names, photos)
    assert set(found.values()) <= photos and set(found) <= set(names)


def test_where_the_name_stands() -> None:
    assert stated_name({"file_name": "a.jpg", "coco_url": "http://x/b.jpg"}) == "a.jpg"
    assert (
        stated_name({"coco_url": "http://images.cocodataset.org/val2017/000000000139.jpg"})
        == "val2017/000000000139.jpg"
    )
    assert stated_name({"path": "/datasets/set/a.jpg"}) == "/datasets/set/a.jpg"
    assert stated_name({"file_name": 7, "path": "a.jpg"}) is None and stated_name({}) is None
