"""How commands show their parameters in `--help`: without types that say nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
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
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A folder or a photo where a command is expected: `run` was forgotten."""
        if not ctx.parent and self.get_command(ctx, args[0]) is None and Path(args[0]).exists():
            ctx.fail(f"No command is named. Did you mean 'person-removal run {shlex.join(args)}'?")
        return super().resolve_command(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        return list(_without_types(super().get_params(ctx)))


def _without_types(params: list[Any]) -> Iterator[Any]:
    for param in params:
        if param.param_type_name == "argument" or param.is_flag:
            param.display_type_rich = lambda ctx: None
        yield param
