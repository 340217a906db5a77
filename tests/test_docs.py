"""The documentation: every link leads somewhere, every command it names exists with its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer

from flows.cli.main import app
from flows.facts import PhotoRecord

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks/README.md"]
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(text: str) -> Iterator[list[str]]:
    """Words after `person-removal` of every command in code, up to a pipe or a comment."""
    for fenced, inline in CODE.findall(text):
        for line in (fenced.replace("\\\n", " ") or inline).splitlines():
            if match := re.match(r"(?:\$ )?(?:\S*/)?person-removal (.+)", line.strip()):
                yield shlex.split(re.split(r" [|>&]|  #", match[1])[0], comments=True)


def unknown(words: list[str]) -> str | None:
    """The first word of a command line that the program does not know."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):  # a group; which class that is depends on typer's version
        if not words or words[0].startswith("-"):
            break
        name, *words = words
        if name in ("…", "...", "COMMAND"):
            return None
        if name not in command.commands:
            return name
        command = command.commands[name]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"--help", "-h"}
    return next((word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in options), None)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_exists(page: Path) -> None:
    found = list(commands(page.read_text(encoding="utf-8")))
    assert [(" ".join(words), wrong) for words in found if (wrong := unknown(words))] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_benchmark_exists(page: Path) -> None:
    found = re.findall(r"benchmarks/\w+\.py", page.read_text(encoding="utf-8"))
    assert [name for name in found if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("run IN OUT --preset coco", None),
        ("run IN OUT --no-such-thing", "--no-such-thing"),
        ("weights fetch --preset embedded", None),
        ("no-such-command", "no-such-command"),
        ("weights no-such-command", "no-such-command"),
    ],
)
def test_what_the_test_itself_sees(line: str, wrong: str | None) -> None:
    assert unknown(line.split()) == wrong


def test_every_field_of_the_manifest_is_described() -> None:
    page = (ROOT / "docs/output.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`(\w+)", page.partition("## `manifest.jsonl`")[2].partition("\n## ")[0]))
    assert [field for field in get_type_hints(PhotoRecord) if field not in described] == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} == set(
        re.findall(r"\((?!\.\.)([^)]+\.md)\)", index)
    )
