"""The settings tree as a form: every field open, so that what is left open is as the preset says."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from configs import Settings
from configs.moved import check_moved


class Open:
    """Marks a model: its JSON schema, and those of the models in it, have no defaults but name them.

    A form made from a schema with defaults sends all of them back, and they would go before the preset's values.
    """

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        _open(schema, handler, set())
        return schema


def _open(schema: JsonSchemaValue, handler: GetJsonSchemaHandler, seen: set[int]) -> None:
    model = handler.resolve_ref_schema(schema)
    if id(model) in seen:
        return
    seen.add(id(model))
    model.get("properties", {}).pop("preset", None)  # has a field of its own beside the tree
    for field in model.get("properties", {}).values():
        default = field.pop("default", None)
        if "$ref" in field or "allOf" in field:
            _open(field if "$ref" in field else field["allOf"][0], handler, seen)
        elif default is not None:
            field["description"] = f"{field.get('description', '')} (default: {_text(default)})".strip()
        _simplify(field)


def _taken(value: object) -> object:
    """What a form or a deployment's kept parameters say. Raises SettingsError for a name of an earlier version."""
    said = _without_nulls(value)
    if isinstance(said, dict):
        check_moved(said)
    return said


def _without_nulls(value: object) -> object:
    """A field that was filled in and emptied again comes back as null."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


def _simplify(field: JsonSchemaValue) -> None:
    """Choices that a form can show as one: `X or nothing` is X that is left open, lists of words are one list."""
    choices = [choice for choice in field.get("anyOf", []) if choice.get("type") != "null"]
    words = [choice.get("enum") or [choice["const"]] for choice in choices if "enum" in choice or "const" in choice]
    if len(choices) == 1:
        del field["anyOf"]
        field.update(choices[0])
    elif choices and len(words) == len(choices):
        del field["anyOf"]
        field |= {"enum": [word for some in words for word in some], "type": "string"}
    if field.get("type") == "boolean":  # a switch is sent back as "off" when nobody touched it, a choice is not
        del field["type"]
        field["enum"] = [True, False]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


SettingsForm = Annotated[Settings, BeforeValidator(_taken), Open()]
"""Settings of which only what somebody has set is set."""
