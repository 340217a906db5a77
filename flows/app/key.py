"""The key in the page's address: whoever has it may open tabs, and other accounts of the machine do not have it."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from configs.environment import cache_dir

NAME = "page-key"


def page_key(folder: Path | None = None) -> str:
    """The same at every start, so that a page which was open before goes on when the server is back. It is in a file
    that this account alone can read, in `folder` (by default the cache); where there can be none, a new key each time.
    """
    path = (folder or cache_dir()) / NAME
    try:
        if known := _read(path):
            return known
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        made = secrets.token_urlsafe(18)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(made)
        return made
    except OSError:
        return secrets.token_urlsafe(18)


def _read(path: Path) -> str:
    """ "" for none, and for one that another account can read or has put there."""
    try:
        with path.open(encoding="ascii") as file:
            about = os.fstat(file.fileno())
            text = file.read(100)
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    others = about.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    mine = os.name != "posix" or (about.st_uid == os.getuid() and not others)
    fit = len(text) == 24 and all(letter.isalnum() or letter in "-_" for letter in text)
    return text if mine and fit and not path.is_symlink() else ""
