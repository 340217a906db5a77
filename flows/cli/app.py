"""`person-removal app`: photos in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from configs.load import USUAL, load_settings
from flows.cli.options import Preset, Set, console
from flows.cli.signals import stopped_by_signals


def photo_page(
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Of the page; 0 takes a free one.")] = 7860,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser; the address is printed.")] = False,
    preset: Preset = USUAL,
    set_: Set = None,
) -> None:
    """Photos in the browser: choose who goes, brush, compare, download the result. Until Ctrl-C.

    The page is served to this machine alone, and nothing of a photo is kept when its tab is closed.

    \b
    person-removal app
    person-removal app --port 8000 --no-browser
    """
    from flows.app import server

    settings = load_settings(preset, set_ or ())
    with stopped_by_signals():
        try:
            console.print("Starting the page ...", markup=False)
            with server.serving(settings, set_ or (), port, not no_browser) as address:
                console.print(f"Open {address} (Ctrl-C ends it).", markup=False, soft_wrap=True)
                server.keep_going()
        except KeyboardInterrupt:
            console.print("Ended; nothing was kept.", markup=False)
