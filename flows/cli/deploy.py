"""`person-removal deploy`: the flow's deployments on a Prefect server, and what they work on when nobody says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from configs.load import USUAL, load_settings, merge, parse_override, preset_names
from data.errors import InputError
from data.sample_photos import SAMPLE_SOURCE
from data.storage.places import as_path
from data.weights.registry import WeightsError
from flows.cli.options import Preset, Set, console
from flows.deployments import ServerError
from flows.deployments.settings_files import check_prefect_settings
from flows.run.checks import check_places
from flows.run.job import absolute
from flows.stages.context import find_weights, resolve

ON_CPU = ("segment.device=cpu", "inpaint.device=cpu")
"""To ask for a GPU loads torch, whose memory `serve` would hold for as long as it runs."""
MaybeInput = Annotated[
    Path | None, typer.Argument(metavar="[IN]", parser=as_path, help="What runs work on if not told.")
]
MaybeOutput = Annotated[Path | None, typer.Argument(metavar="[OUT]", parser=as_path, help="Where they write it.")]


def deploy(source: MaybeInput = None, output: MaybeOutput = None, preset: Preset = "", set_: Set = None) -> None:
    """Register the deployments with the server of PREFECT_API_URL.

    With IN and OUT, `prefect deployment run person-removal` works on these; without, on sample photos.

    \b
    PREFECT_API_URL=http://server:4200/api person-removal deploy
    person-removal deploy /data/coco /data/coco-clean --preset coco
    """
    defaults = default_parameters(source, output, preset, set_)
    for line in register_with_server(defaults):
        console.print(f"  {line}", markup=False)
    say_how()


def default_parameters(
    source: Path | None, output: Path | None, preset: str, overrides: list[str] | None
) -> dict[str, object]:
    """Parameters of deployments, checked: what is wrong is refused here rather than at night. {} without places."""
    if source is None or output is None:
        if source or preset or overrides:
            raise InputError("Give IN and OUT both; --preset and --set are of a run from IN to OUT.")
        return {}
    load_settings(preset or USUAL, overrides or ())
    source, output = absolute(source), absolute(output)
    check_places(source, output)
    settings: dict[str, object] = {}
    for assignment in overrides or ():
        merge(settings, parse_override(assignment))
    parameters: dict[str, object] = {"source": str(source), "output": str(output), "settings": settings}
    if preset:
        parameters["preset"] = preset if preset in preset_names() else str(absolute(Path(preset)))
    return parameters


def register_with_server(defaults: dict[str, object] | None = None) -> list[str]:
    """Pool, automations and deployments, as far as they are not there; a line for each one. Raises ServerError."""
    check_prefect_settings()
    from prefect.settings import get_current_settings

    from flows.deployments.server import answers, refuse_other_version

    api = get_current_settings().api.url
    if not api:
        raise ServerError(
            "No Prefect server is configured: set PREFECT_API_URL, or start one with person-removal serve."
        )
    if not answers(str(api), patience=90):  # more than the minute for which Prefect's SQLite waits for a lock
        raise ServerError(f"No Prefect server answers at {api}; start it, or correct PREFECT_API_URL.")
    refuse_other_version(str(api))
    from flows.deployments.register import register

    return register(defaults or {})


def say_how() -> None:
    """How a run is started, what the bare command works on, and what it lacks."""
    from flows.deployments.register import places_of_the_bare_name

    source, output = places_of_the_bare_name()
    console.print(
        f"  prefect deployment run person-removal      ({source} -> {output})\n"
        "  prefect deployment run person-removal --param source=/PHOTOS --param output=/NEW --param preset=embedded\n",
        markup=False,
    )
    if source == SAMPLE_SOURCE:
        try:
            find_weights(resolve(load_settings("embedded", ON_CPU)))
        except WeightsError as error:
            console.print(f"The sample photos need weights first. {error}", markup=False)
