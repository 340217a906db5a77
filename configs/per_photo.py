"""The settings that one photo may carry: those of its masks, its hole and its fill.

Such settings come in files that people pass on (decisions.json, or a whole output directory), so this is a list of what
is allowed, not of what is forbidden. Nothing in it names a file, weights, a device or an address, allocates memory, or
switches on trust in a program. A new setting stays out of such files until it is added here.
"""

from __future__ import annotations

OwnSettings = dict[str, dict[str, object]]
"""Settings of one photo: section -> name -> value."""

PER_PHOTO: dict[str, frozenset[str]] = {
    "segment": frozenset({"segmenter", "score", "union", "image_size", "tile", "tile_overlap"}),
    "refine": frozenset(
        {
            *("speck", "close", "fill_holes", "snap", "dilate", "dilate_min", "carry", "shadow", "keep"),
            *("keep_margin", "min_size", "spare"),
        }
    ),
    "inpaint": frozenset(
        {
            *("fill", "strategy", "margin", "window", "feather", "harmony", "patch_size", "radius", "guide", "seed"),
            "attention_fusion",
        }
    ),
}
"""Section -> names. `refine.keep` is numbers, boxes or `largest` there, never a file."""
