"""`person-removal app`: one photo in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from configs.load import load_settings
from flows.cli.options import Preset, Set, console
from flows.cli.signals import stopped_by_signals


def photo_page(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 takes a free one.")] = 7860,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser; the address is printed.")] = False,
    preset: Preset = "embedded",
    set_: Set = None,
) -> None:
    """One photo in the browser: choose who goes, touch up the hole, download the result. Until Ctrl-C.

    The page is served to this machine alone, and nothing of a photo is kept when its tab is closed.

    \b
    person-removal app
    person-removal app --port 8000 --no-browser
    """
    from flows.app import server

    segmenters, fills = server.prepare(load_settings(preset, set_ or ()), set_ or ())
    with stopped_by_signals():
        try:
            console.print("Starting the page ...", markup=False)
            with server.serving(segmenters, fills, port, browser=not no_browser) as address:
                console.print(f"Open {address} (Ctrl-C ends it).", markup=False)
                server.keep_going()
        except KeyboardInterrupt:
            console.print("Ended; nothing was kept.", markup=False)
