"""What is wrong with an annotation file."""


class CocoError(Exception):
    """An annotation file that cannot be used; one sentence for the user."""
