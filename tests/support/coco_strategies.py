"""Random COCO files for property tests: every form of segmentation, and what strangers put into JSON."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st
from pycocotools import mask as coco_mask

HEIGHT, WIDTH = 12, 16

odd_numbers = st.sampled_from([math.nan, math.inf, 10**30, -0.0, 1e-320, 0.1, 2**63, -(2**64), True, False])
scalars = st.one_of(st.none(), st.booleans(), st.integers(), odd_numbers, st.floats(), st.text(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)
coordinates = st.one_of(st.integers(-3, 20), st.floats(-3, 20).map(lambda v: round(v, 2)))


@st.composite
def polygon(draw: st.DrawFn) -> list[float]:
    corners = draw(st.integers(3, 6))
    return draw(st.lists(coordinates, min_size=2 * corners, max_size=2 * corners))


@st.composite
def run_lengths(draw: st.DrawFn, compressed: bool) -> dict[str, Any]:
    runs, left = [], HEIGHT * WIDTH
    for _ in range(draw(st.integers(0, 6))):
        runs.append(draw(st.integers(0, left)))
        left -= runs[-1]
    runs.append(left)
    rle = {"size": [HEIGHT, WIDTH], "counts": runs}
    if compressed:
        rle["counts"] = coco_mask.frPyObjects(rle, HEIGHT, WIDTH)["counts"].decode()
    return rle


broken = st.sampled_from(
    [
        [],
        [[]],
        [[1, 2, 3]],
        [[1, 1, 5, 1, math.nan, 5]],
        [[1, 1, 1e300, 1, 5, 5]],
        [["1", 1, 5, 1, 5, 5]],
        {},
        {"size": [10**9, 10**9], "counts": "0"},
        {"size": [HEIGHT, WIDTH], "counts": "\x00\xff"},
        {"size": [HEIGHT, WIDTH], "counts": [5]},
        {"size": [HEIGHT, WIDTH], "counts": "P" * 300},
        "polygon",
        7,
        None,
    ]
)
segmentations = st.one_of(
    st.lists(polygon(), min_size=1, max_size=3), run_lengths(False), run_lengths(True), broken, values
)
boxes = st.one_of(st.lists(coordinates, min_size=4, max_size=4), values)


@st.composite
def annotations(draw: st.DrawFn, image_ids: list[Any]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": draw(st.one_of(st.integers(0, 50), values)),
        "image_id": draw(st.one_of(st.sampled_from(image_ids or [1]), values)),
        "category_id": draw(st.one_of(st.sampled_from([1, 1, 2, 3]), values)),
        "segmentation": draw(segmentations),
        "bbox": draw(boxes),
        "area": draw(st.one_of(st.floats(0, 99), values)),
        "iscrowd": draw(st.sampled_from([0, 1])),
        "caption": draw(st.one_of(st.sampled_from(["A man and his dog", "a dog", ""]), values)),
    }
    gone = draw(st.sets(st.sampled_from(sorted(out)), max_size=3))
    return {
        **{k: v for k, v in out.items() if k not in gone},
        **draw(st.dictionaries(st.text(max_size=5), values, max_size=2)),
    }


@st.composite
def coco_trees(draw: st.DrawFn) -> dict[str, Any]:
    image_ids = draw(st.lists(st.integers(0, 9), max_size=5, unique=True))
    tree: dict[str, Any] = {
        "images": [
            {
                "id": i,
                "file_name": f"{i}.png",
                "height": HEIGHT,
                "width": WIDTH,
                **draw(st.dictionaries(st.text(max_size=5), values, max_size=2)),
            }
            for i in image_ids
        ],
        "annotations": draw(st.lists(annotations(image_ids), max_size=8)),
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "bench"}],
        **draw(
            st.dictionaries(
                st.text(max_size=6).filter(lambda k: k not in ("images", "annotations", "categories")),
                values,
                max_size=2,
            )
        ),
    }
    if draw(st.booleans()):
        tree["info"] = draw(st.one_of(st.just({"year": 2017}), values))
    if draw(st.booleans()):
        tree["licenses"] = [{"id": 3, "name": "no derivatives"}]
    names = draw(st.permutations(sorted(tree)))
    return {name: tree[name] for name in names}
