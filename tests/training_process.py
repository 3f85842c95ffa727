"""Trains in a process of its own, as one of several ranks or to be killed.

    python training_process.py CONFIG OUTPUT MIXTURE...

With DIE_AT_STEP set the process ends there without a word, as one that is killed; with DIE_AT_STEP and
DIE_ON_RANK only that rank does.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from sources.errors import BabelmixError
from trainer.training import loop as loop_module
from trainer.training.run import train


def main() -> None:
    """Trains, and prints a user's mistake as the command line does."""
    torch.set_num_threads(1)
    config, output, *mixtures = map(Path, sys.argv[1:])
    die_at, on = int(os.environ.get("DIE_AT_STEP", "-1")), os.environ.get("DIE_ON_RANK", os.environ.get("RANK"))
    compute = loop_module.Loop._compute

    def may_die(self: Any, data: Any, asked: Any) -> Any:
        if data.number == die_at and os.environ.get("RANK") == on:
            os.kill(os.getpid(), signal.SIGKILL)
        return compute(self, data, asked)

    loop_module.Loop._compute = may_die  # type: ignore[method-assign]
    try:
        train(config, mixtures, output)
    except BabelmixError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
