"""The exception that a user's mistake raises in the trainer."""

from sources.errors import BabelmixError


class TrainerError(BabelmixError):
    """A fault that the user can mend, said in one line."""
