"""When to try again, when to give one request up, and when to give all of them up."""

import random
from dataclasses import dataclass, field
from typing import Final

_LONGEST_S: Final = 30.0
# The server was restarted so often with no completion in between: starting it once more will not help.
_RESTARTS: Final = 3


def pause_s(attempt: int, first_s: float, asked_s: float = 0.0) -> float:
    """Seconds to wait before attempt number `attempt` (1 is the second attempt), at random, at least `asked_s`.

    Between nothing and twice as long each time, so that requests that failed together do not come back together.
    """
    return max(asked_s, random.uniform(0, min(_LONGEST_S, first_s * 2 ** (attempt - 1))))


@dataclass(slots=True)
class Patience:
    """Counts faults in a row; one completion ends the row."""

    # Requests given up in a row after which a run ends: by then the server is at fault, not the requests.
    most: int
    given_up: int = field(default=0, init=False)
    restarts: int = field(default=0, init=False)

    def completed(self) -> None:
        """A completion arrived."""
        self.given_up = self.restarts = 0

    def gave_up(self) -> bool:
        """A request was given up; whether that was one too many."""
        self.given_up += 1
        return self.given_up >= self.most

    def restarted(self) -> bool:
        """The server is about to be restarted; whether that is once too often."""
        self.restarts += 1
        return self.restarts > _RESTARTS
