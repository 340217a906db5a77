"""What is wrong with an annotation file."""

from configs import UserError


class CocoError(UserError):
    """An annotation file that cannot be used; one sentence for the user."""


class NotAnnotationsError(CocoError):
    """A JSON file of another kind, so that it may lie beside the annotations without harm."""
