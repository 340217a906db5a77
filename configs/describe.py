"""`docs/settings.md`, from the settings classes and the presets: `python -m configs.describe` writes it anew."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from configs.load import preset_names
from configs.methods import Section, field_of
from configs.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

_HEAD = """# Settings

(Written by `python -m configs.describe` from [configs/settings.py](../configs/settings.py); change it there.)

```sh
person-removal run IN OUT --preset embedded --set refine.dilate=0.08 --set segment.tile=none
person-removal run IN OUT --preset mine.yaml       # SECTION: {FIELD: VALUE}, only what differs from the defaults
```

A preset is a file of settings; `--set` goes before it, and other options (`--fill`, `--keep`, `--workers` ...) are
short for settings. A run saves its settings with the result, and its report shows them. Lists are written as
`--set 'segment.union.segmenters=[yolo, embedded]'`; `null` is nothing. An unknown name or a value out of bounds is an
error that names the nearest right one.

Settings that only one segmenter or fill reads bear its name (`inpaint.patchmatch.seed`). Only those of the chosen one
count: another seed of `patchmatch` computes no fill of `telea` anew. Settings of `run` never change a byte of a result.
"""


def settings_page() -> str:
    """The whole page, Markdown."""
    presets = {name: _preset(name) for name in preset_names()}
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts.append(f"## {name}\n\n{inspect.getdoc(section)}\n")
            given = {preset: dict(_flat(tree, "")) for preset, tree in presets.items()}
            parts.append(_table({name: section}, given))
            if issubclass(section, Section):
                parts.append(_methods(section))
                own = {field_of(one): method.settings for one, method in section.methods.items() if method.settings}
                parts.append(_table({f"{name}.{method}": settings for method, settings in own.items()}, given))
    return "\n".join(parts)


def _methods(section: type[Section]) -> str:
    """What there is to choose from."""
    lines = [f"| {section.chooser} | is | runs on | licence |", "|---|---|---|---|"]
    for name, method in section.methods.items():
        device = f"`{section.section}.device`" if method.neural else "the CPU"
        lines.append(f"| **{name}** | {method.label} | {device} | {method.licence} |")
    return "\n".join(lines) + "\n"


def _table(models: Mapping[str, type[BaseModel]], presets: Mapping[str, Mapping[str, object]]) -> str:
    """The fields of these models, by the start of their names."""
    lines = ["| setting | values | default | what |", "|---|---|---|---|"]
    for section, name, field in ((s, n, f) for s, model in models.items() for n, f in model.model_fields.items()):
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue  # has a table of its own
        setting = f"{section}.{name}"
        default = _code(field.default)
        default += "".join(f"; {preset}: {_code(tree[setting])}" for preset, tree in presets.items() if setting in tree)
        what = " ".join((field.description or "").split())
        lines.append(" | ".join((f"| `{setting}`", _values(field), default, f"{what} |")))
    return "\n".join(lines) + "\n"


def _flat(tree: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _values(field: FieldInfo) -> str:
    """`0 to 1`, `yolo, maskrcnn, ...`, `text`."""
    return _kind(field.annotation, field.metadata).replace("|", "\\|")


def _kind(kind: object, bounds: Sequence[object] = ()) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(parts[0], [b for item in parts[1:] for b in getattr(item, "metadata", [item])])
    if origin is Literal:
        return ", ".join(map(str, parts))
    if origin is tuple:
        return f"list of: {_kind(parts[0])}"
    if parts:  # a union
        return " or ".join(_kind(part, bounds) for part in parts if part is not type(None))
    if kind in (int, float):
        return f"{'whole ' if kind is int else ''}number{_bounds(bounds)}"
    words: dict[object, str] = {bool: "true, false", str: "text"}
    return words[kind]


def _bounds(bounds: Sequence[object]) -> str:
    known = {name: getattr(b, name) for b in bounds for name in ("ge", "gt", "le", "multiple_of") if hasattr(b, name)}
    words = {"ge": "from {:g}", "gt": "above {:g}", "le": "to {:g}", "multiple_of": "in steps of {:g}"}
    return "".join(" " + words[name].format(known[name]) for name in words if name in known)


def _code(value: object) -> str:
    if value is None or value == ():
        return "nothing"
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    return f"`{text}`"


def _preset(name: str) -> dict[str, dict[str, object]]:
    text = (files("configs.presets") / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text) or {})


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
