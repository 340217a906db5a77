"""What is wrong with an annotation file."""

from configs import UserError


class CocoError(UserError):
    """An annotation file that cannot be used; one sentence for the user."""
