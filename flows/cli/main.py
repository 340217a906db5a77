"""`person-removal`: the command line."""

from __future__ import annotations

import sys

import typer

import configs  # noqa: F401  (prepares the environment before anything heavy is imported)
from configs import UserError
from data.errors import permitted
from flows.cli import bench, cache, evaluate, weights
from flows.cli.app import photo_page
from flows.cli.demo import demo
from flows.cli.deploy import deploy
from flows.cli.doctor import doctor
from flows.cli.family import family
from flows.cli.fill import fill
from flows.cli.help import plain
from flows.cli.last_resort import EXIT_CODE, is_of_the_store, sentence_of
from flows.cli.options import errors, version
from flows.cli.run import run
from flows.cli.schedule import schedule
from flows.cli.serve import serve
from flows.cli.status import status
from flows.cli.streams import lasting_streams
from flows.cli.train import train
from flows.cli.undo import undo_annotations

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Take the people out of photo collections.\n\n"
    "Exit code 0: done; 1: some of it could not be done; 2: what was asked for cannot be done, a sentence says why; "
    "3: some photos need a look; 70: a fault of the program, a log file is named.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
WORK, LOOK, PREFECT = "Photos", "This machine, figures", "Prefect"
app.callback()(version)
app.command(rich_help_panel=WORK)(run)
app.command(rich_help_panel=WORK)(status)
app.command(rich_help_panel=WORK)(demo)
app.command("app", rich_help_panel=WORK)(photo_page)
app.command(rich_help_panel=WORK)(family)
app.command(rich_help_panel=WORK)(fill)
app.command(rich_help_panel=WORK)(train)
app.command("undo-annotations", rich_help_panel=WORK)(undo_annotations)
app.add_typer(cache.app, name="cache", rich_help_panel=WORK)
app.command(rich_help_panel=LOOK)(doctor)
app.add_typer(weights.app, name="weights", rich_help_panel=LOOK)
app.add_typer(evaluate.app, name="evaluate", rich_help_panel=LOOK)
app.add_typer(bench.app, name="bench", rich_help_panel=LOOK)
app.command(rich_help_panel=PREFECT)(serve)
app.command(rich_help_panel=PREFECT)(deploy)
app.command(rich_help_panel=PREFECT)(schedule)


def main() -> None:
    """Entry point: every error is one sentence on stderr, with exit code 2 when a user can mend it, else 70."""
    with lasting_streams():
        try:
            with permitted():
                plain(app)(prog_name="person-removal")
        except Exception as error:
            if "--verbose" in sys.argv:
                errors.print_exception()
            known = isinstance(error, UserError) or is_of_the_store(error)
            said = f"The object store: {error}" if is_of_the_store(error) else str(error)
            errors.print(f"Error: {said if known else sentence_of(error)}", markup=False)
            sys.exit(2 if known else EXIT_CODE)


if __name__ == "__main__":
    main()
