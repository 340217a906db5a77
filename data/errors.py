"""Errors of the input and output as a whole."""


class InputError(Exception):
    """An input or output directory that cannot be used; one sentence for the user."""
