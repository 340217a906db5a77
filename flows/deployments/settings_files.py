"""Prefect's own settings, checked before Prefect reads them: it does so when it is imported, with a traceback."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from flows.deployments import ServerError
from flows.deployments.server import refuse_other_version


def check_prefect_settings() -> None:
    """Raises ServerError, one sentence that names the file, where Prefect cannot read its settings."""
    for path in _files():
        try:
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".toml":
                tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _unreadable(path, f"is not valid TOML ({error})") from None
        except (OSError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise _unreadable(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    try:
        from prefect.settings import get_current_settings

        get_current_settings()  # reads the files and the environment
    except Exception as error:  # pydantic's, Prefect's, and whatever its plugins raise
        raise ServerError(f"Prefect does not accept its settings ({_fault(error)}).") from error


def check_prefect_database() -> None:
    """Raises ServerError where a server of our own would start on a database that this version of Prefect does not
    know: it would wait for two minutes and show three tracebacks. Only SQLite files are looked at.
    """
    from prefect.settings import get_current_settings
    from sqlalchemy import make_url

    settings = get_current_settings()
    given = settings.server.database.connection_url
    url = make_url(given.get_secret_value() if given else f"sqlite:///{settings.home / 'prefect.db'}")
    path = Path(url.database or "")
    if settings.api.url or url.get_backend_name() != "sqlite" or not path.is_file():
        return
    way_out = "set PREFECT_HOME to another folder for a new one"
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            revisions = [row[0] for row in database.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            return  # a new one
        raise ServerError(f"{path}: Prefect's database cannot be read ({error}); {way_out}.") from None
    migrations = files("prefect.server.database") / "_migrations" / "versions" / "sqlite"
    known = "".join(file.read_text(encoding="utf-8") for file in migrations.iterdir() if file.name.endswith(".py"))
    if not all(str(revision) in known for revision in revisions):
        raise ServerError(
            f"{path}: Prefect's database was made by another version of Prefect than {version('prefect')}, which does "
            f"not know it; {way_out}."
        )


def check_prefect_server() -> None:
    """Raises ServerError where the server that Prefect is configured for is of another version."""
    from prefect.settings import get_current_settings

    if api := get_current_settings().api.url:
        refuse_other_version(str(api))


def _unreadable(path: Path, what: str) -> ServerError:
    return ServerError(f"{path}: Prefect reads this file, which {what}; correct it, or start from another folder.")


def _files() -> Iterator[Path]:
    """The files that Prefect reads, as far as they are here (prefect.settings.sources)."""
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").expanduser()
    for path in (Path("prefect.toml"), Path("pyproject.toml"), Path(".env"), profiles):
        if path.exists():
            yield path.absolute()


def _fault(error: Exception) -> str:
    """The first fault, and the files and variables that name its setting."""
    faults = getattr(error, "errors", None)
    if not callable(faults):
        return " ".join(str(error).split())[:300]
    first = faults()[0]
    name = str(first["loc"][-1]) if first["loc"] else ""
    places = [str(path) for path in _files() if name.lower() in path.read_text(encoding="utf-8").lower()]
    places += [key for key in os.environ if key.startswith("PREFECT_") and name.lower() in key.lower()]
    return f"{name}: {first['msg']}; look into {' and '.join(places) or 'the PREFECT_ variables'}"
