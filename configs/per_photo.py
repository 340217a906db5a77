"""The settings that one photo may carry: those of its masks, its hole and its fill.

Such settings come in files that people pass on (decisions.json, or a whole output directory), so this is a list of what
is allowed, not of what is forbidden. Nothing in it names a file, weights, a device or an address, allocates memory, or
switches on trust in a program. A new setting stays out of such files until it is added here, or, where it is a method's
own, to the `per_photo` of the method's entry.
"""

from __future__ import annotations

from collections.abc import Mapping

from configs.fills import FILLS
from configs.methods import Method, field_of
from configs.segmenters import SEGMENTERS

OwnSettings = dict[str, dict[str, object]]
"""Settings of one photo: section -> name -> value; the value of a method's name holds its own settings."""


def _of_methods(methods: Mapping[str, Method]) -> frozenset[str]:
    return frozenset(f"{field_of(name)}.{one}" for name, method in methods.items() for one in method.per_photo)


PER_PHOTO: dict[str, frozenset[str]] = {
    "segment": _of_methods(SEGMENTERS) | {"segmenter", "score", "image_size", "tile", "tile_overlap"},
    "refine": frozenset(
        {
            *("speck", "close", "fill_holes", "snap", "dilate", "dilate_min", "carry", "shadow", "keep"),
            *("keep_margin", "min_size", "spare"),
        }
    ),
    "inpaint": _of_methods(FILLS) | {"fill", "strategy", "margin", "window", "feather", "harmony"},
}
"""Section -> names. `refine.keep` is numbers, boxes or `largest` there, never a file."""
