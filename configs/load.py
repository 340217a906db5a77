"""Presets and overrides -> Settings, with errors of one sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from configs.errors import SettingsError
from configs.moved import check_moved
from configs.settings import Settings

USUAL = "embedded"
"""The preset of every command that is given none, unless its help says another: a package index is all it needs."""
_LARGEST = 1 << 20
"""Bytes of a preset."""


def preset_names() -> list[str]:
    """Names of the presets that come with the package."""
    folder = files("configs.presets")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_settings(
    preset: str = "default", overrides: Sequence[str] = (), *, base: Mapping[str, object] | None = None
) -> Settings:
    """The settings of a preset (name or YAML file) with `section.field=value` overrides on top.

    base: nested values between the preset and the overrides (what a caller sets by option).
    Raises SettingsError.
    """
    tree = _read_preset(preset)
    merge(tree, base or {})
    for assignment in overrides:
        if "preset" in (override := parse_override(assignment)):
            raise SettingsError(f"--set {assignment}: a preset is not set but chosen: --preset NAME.")
        merge(tree, override)
    tree["preset"] = preset
    return validate(tree)


def with_preset(settings: Settings | dict[str, object], preset: str) -> Settings:
    """What was set in `settings` on top of a preset; the one that they name themselves, if they do. Raises
    SettingsError."""
    given = validate(settings) if isinstance(settings, dict) else settings
    tree = given.model_dump(mode="json", exclude_unset=True)
    return load_settings(tree.get("preset", preset), base=tree)


def with_own(settings: Settings, own: Mapping[str, object]) -> Settings:
    """Settings of a run with a photo's own over them, by section; who stays in it (`refine.keep`) stands in the plan.
    Raises SettingsError."""
    tree = settings.model_dump(mode="json")
    keep = tree["refine"]["keep"]
    merge(tree, own)
    tree["refine"]["keep"] = keep
    return validate(tree)


def validate(tree: Mapping[str, object]) -> Settings:
    """Settings from nested values. Raises SettingsError with the first fault and the nearest field name,
    and for a setting that has another name now."""
    check_moved(tree)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(sentence(error)) from None


def parse_override(assignment: str) -> dict[str, object]:
    """`refine.dilate=0.08` -> {"refine": {"dilate": 0.08}}; the value is read as YAML."""
    key, equals, text = assignment.partition("=")
    path = key.strip().replace("-", "_").split(".")
    if not equals or not all(path):
        raise SettingsError(f"--set {assignment}: write it as SECTION.FIELD=VALUE, for example refine.dilate=0.08.")
    try:
        value = yaml.load(text, _OnceLoader) if text.strip() else None
    except _UNREADABLE:
        value = text
    for part in reversed(path):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def _read_preset(preset: str) -> dict[str, object]:
    if preset in preset_names():
        return read_yaml(preset, (files("configs.presets") / f"{preset}.yaml").read_text(encoding="utf-8"))
    if Path(preset).suffix in {".yaml", ".yml"}:
        return read_yaml(preset)
    raise SettingsError(
        f"There is no preset {preset!r}{_nearest(preset, preset_names())}; "
        f"the presets are {', '.join(preset_names())}, or give a .yaml file."
    )


def read_yaml(name: str, text: str | None = None, kind: str = "preset") -> dict[str, object]:
    """The nested values of the file `name`, or of its `text` where that was read. Raises SettingsError."""
    try:
        tree = yaml.load(_text_of(name) if text is None else text, _OnceLoader) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: the {kind} file cannot be read ({error}).") from None
    except _UNREADABLE as error:
        raise SettingsError(f"{name}: not valid YAML ({' '.join(str(error).split()):.300}).") from None
    if not isinstance(tree, dict):
        raise SettingsError(f"{name}: a {kind} is a mapping of sections to fields.")
    return tree


def _text_of(name: str) -> str:
    """The text of a file that is no larger than such files are: a device may have no end."""
    with Path(name).open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise OSError(f"it is larger than {_LARGEST >> 20} MB")
    return data.decode("utf-8")


_UNREADABLE = (yaml.YAMLError, ValueError, OverflowError, RecursionError)
"""What PyYAML raises for what it cannot read: also for 5,000 digits, the 30th of February, a thousand brackets."""


class _OnceLoader(yaml.SafeLoader):
    """YAML in which a mapping says one thing under a key; the standard takes the last of several without a word.

    Without aliases: a few lines of them stand for billions of values.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken", None)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r:.80} stands there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def merge(tree: dict[str, object], more: Mapping[str, object]) -> None:
    """Put the nested values of `more` into `tree`, over what stands there."""
    for key, value in more.items():
        below = tree.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merge(below, value)
        else:
            tree[key] = value


def sentence(error: ValidationError, model: type[BaseModel] = Settings) -> str:
    """The first fault of values that were to be a `model`, with the nearest field's name."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    where = ".".join(path)
    if first["type"] == "extra_forbidden":
        return f"There is no setting {where!r}{_hint(model, path, first['input'])}."
    if not path:  # a rule between two fields
        return str(first["msg"]).removeprefix("Value error, ").rstrip(".") + "."
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        message += _nearest(first["input"], re.findall("'([^']+)'", first["ctx"]["expected"]))
    return f"{where} = {_short(first['input'])}: {message[0].lower()}{message[1:]}."


def _hint(model: type[BaseModel], path: Sequence[str], value: object) -> str:
    """Which setting was meant: the same name in another section, else the nearest name in this one, else anywhere."""
    while isinstance(value, Mapping) and len(value) == 1:  # `patchmatch.seed` stands under `inpaint`
        (inner, value), *_ = value.items()
        path = [*path, str(inner)]
    known = list(setting_names(model))
    fields = _fields(model, path[:-1])
    for end in (".".join(path), path[-1]):
        if same := [name for name in known if name.endswith(f".{end}")][:3]:
            return f" (did you mean {' or '.join(map(repr, same))}?)"
    if fields and len(path) > 1:
        return _nearest(path[-1], fields, path[:-1])
    last = {name.rpartition(".")[2]: name for name in reversed(known)}
    if len(path) == 1 and (close := difflib.get_close_matches(path[0], last, n=1, cutoff=0.7)):
        return f" (did you mean {last[close[0]]!r}?)"
    return _nearest(path[0], list(model.model_fields))


def _short(value: object) -> str:
    """A value in a sentence. Numbers may have more digits than Python writes, lists may be as deep as they like."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"({type(value).__name__})"
    return text if len(text) <= 200 else f"{text[:200]} ..."


def setting_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """`segment.score`, `inpaint.patchmatch.seed`, ... of the settings tree or of a part of it."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_names(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def _fields(model: type[BaseModel], path: Iterable[str]) -> list[str]:
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type):
            return []
        model = field.annotation
    return list(model.model_fields)


def _nearest(word: str, known: Sequence[str], prefix: Sequence[str] = ()) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f" (did you mean {'.'.join([*prefix, close[0]])!r}?)"
    return f" (known: {', '.join(known)})" if prefix and known else ""
