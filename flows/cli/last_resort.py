"""What no sentence was written for: one sentence, a log file, exit code 70."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from configs.environment import log_dir
from flows.cli.streams import without_credentials

EXIT_CODE = 70
"""EX_SOFTWARE of BSD's sysexits.h: a fault of the program."""


def is_of_the_store(error: BaseException) -> bool:
    """Whether an object store's client raised it: no connection, no credentials, no permission. Raised in many kinds
    by botocore, which is imported only where it is used."""
    return type(error).__module__.split(".")[0] in ("botocore", "aiobotocore", "aiohttp")


def sentence_of(error: BaseException) -> str:
    """One sentence for an error that nobody expected; the traceback goes to a file that the sentence names."""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    what = what if len(what) < 300 else f"{what[:300]} ..."
    try:
        where = f"the traceback is in {_write_log(error)}; please report it with what you did"
    except OSError as failed:
        where = f"run it again with --verbose for the traceback (no log can be written: {failed})"
    return f"This is a fault of the program ({what.rstrip('.')}); {where}."


def _write_log(error: BaseException) -> Path:
    """A file of its own for each error, in the user's log folder, that only the user can read. Raises OSError."""
    folder = log_dir()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    text = without_credentials("".join(traceback.format_exception(error)))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
        file.write(text.encode("utf-8", "backslashreplace"))
    return path
