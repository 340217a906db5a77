"""Errors of the input and output as a whole."""

from configs import UserError


class InputError(UserError):
    """An input or output directory that cannot be used; one sentence for the user."""
