"""Errors of the input and output as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager

from configs import UserError


class InputError(UserError):
    """An input or output directory that cannot be used; one sentence for the user."""


@contextmanager
def permitted() -> Iterator[None]:
    """Inside, a file that this user may not read or write is an InputError: another user made it."""
    try:
        yield
    except PermissionError as error:
        where = error.filename2 or error.filename
        if where is None:
            raise
        raise InputError(f"{where}: {error.strerror}; run as a user that may read and write it.") from error
