"""Settings that have another name now. An old name is an error that says the new one, never a guess in silence."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from configs.errors import SettingsError

MOVED: dict[str, str] = {
    "segment.weights": "segment.yolo.weights",
    "segment.trust": "segment.yolo.trust",
    "segment.maskrcnn_weights": "segment.maskrcnn.weights",
    "segment.union": "segment.union.segmenters",
    "segment.masks": "segment.mask_files.folder",
    "segment.mask_pattern": "segment.mask_files.pattern",
    "segment.mask_person": "segment.mask_files.person",
    "inpaint.weights": "inpaint.deepfillv2.weights",
    "inpaint.attention_fusion": "inpaint.deepfillv2.attention_fusion",
    "inpaint.attention_memory": "inpaint.deepfillv2.attention_memory",
    "inpaint.patch_size": "inpaint.patchmatch.patch_size",
    "inpaint.guide": "inpaint.patchmatch.guide",
    "inpaint.seed": "inpaint.patchmatch.seed",
    "inpaint.radius": "inpaint.telea.radius (or inpaint.navier_stokes.radius)",
    "inpaint.structure": "inpaint.shift_map.structure",
    "inpaint.external": "inpaint.external.weights",
    "inpaint.external_range": "inpaint.external.range",
    "inpaint.external_output": "inpaint.external.output",
    "inpaint.external_mask": "inpaint.external.mask",
    "inpaint.external_size": "inpaint.external.size",
    "inpaint.external_multiple": "inpaint.external.multiple",
    "inpaint.trust": "inpaint.external.trust",
}
"""Old name -> new name."""


def check_moved(tree: Mapping[str, object]) -> None:
    """Raises SettingsError for nested values under an old name: what it is called now, and where its value goes."""
    for old, new in MOVED.items():
        section, name = old.split(".")
        fields = tree.get(section)
        # `segment.union` and `inpaint.external` hold the settings of a method now, and held a value before.
        if isinstance(fields, Mapping) and name in fields and not isinstance(fields[name], Mapping):
            raise SettingsError(f"{old} is now {new}{_example(new.split()[0], fields[name])}.")


def _example(new: str, value: object) -> str:
    """How to write the value that was found, on the command line and in a file."""
    section, method, name = new.split(".")
    if not isinstance(value, str | int | float | list | tuple | None) or len(text := _yaml(value)) > 100:
        return ""
    return f": --set {new}={text}, or in a file {section}: {{{method}: {{{name}: {text}}}}}"


def _yaml(value: object) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
