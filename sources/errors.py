"""The one exception that a user's mistake or broken input raises."""


class BabelmixError(Exception):
    """A fault that the user can mend.

    Its message is one line: the file, field or row, what is wrong, and what would be right. The command line
    prints it without a traceback and exits with code 1.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class UnreachableError(BabelmixError):
    """No answer, or a server's own fault: the next try may pass."""
