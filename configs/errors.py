"""The base of every error that a user can mend, and the settings' own."""


class UserError(Exception):
    """Ends what was asked for and is no fault of the program. Its text is one sentence for the user: what is wrong, and
    the way out."""


class SettingsError(UserError, ValueError):
    """A setting, preset or override that cannot be used; the message is one sentence for the user."""
