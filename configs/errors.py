"""The base of every error that a user can mend."""


class UserError(Exception):
    """Ends what was asked for and is no fault of the program. Its text is one sentence for the user: what is wrong, and
    the way out."""
