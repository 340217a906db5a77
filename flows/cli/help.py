"""How commands show their parameters in `--help`: without types that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


def plain(app: typer.Typer) -> typer.Typer:
    """The same commands, whose help has no `<bool>` beside a flag and no `<path>` beside an argument's name."""
    app.info.cls = _Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance:
            plain(group.typer_instance)
    return app


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return list(_without_types(super().get_params(ctx)))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return list(_without_types(super().get_params(ctx)))


def _without_types(params: list[Any]) -> Iterator[Any]:
    for param in params:
        if param.param_type_name == "argument" or param.is_flag:
            param.display_type_rich = lambda ctx: None
        yield param
