"""Ranks: how many processes train together, on which device, and how the model's parameters are spread over them.

`torchrun` starts the processes and says which is which; without it there is one. Parameters, gradients and
optimiser states are spread over all ranks (`fully_shard`); a rank gathers a block's weights when it computes it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist

from trainer.errors import TrainerError

# What torch and its backends say when a process that they wait for is gone.
_LOST: Final = (
    "connection closed", "connection reset", "connection refused", "broken pipe", "timed out", "timeout",
    "socket", "remote process", "nccl error", "no longer alive", "failed to connect",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that train together: `rank` of `count`, and its device."""

    rank: int
    count: int
    device: torch.device
    saving: Any = None
    """The group in which checkpoints are written beside the training; None for one rank."""

    @property
    def first(self) -> bool:
        """Whether this is the rank that prints and keeps the files."""
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of all ranks' `values`, on each of them; in place."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def from_first(self, value: Any) -> Any:
        """The first rank's `value`, which must be plain (numbers, strings, lists and dictionaries of them)."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


@contextmanager
def started(timeout_minutes: float) -> Iterator[Ranks]:
    """The ranks that `torchrun` started, or the one process that there is.

    Raises:
        TrainerError: another rank is gone or does not answer within `timeout_minutes`.
    """
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(0, 1, device)
        return
    try:
        limit = timedelta(minutes=timeout_minutes)
        dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=limit)
        yield Ranks(dist.get_rank(), count, device, dist.new_group(backend="gloo", timeout=limit))
    except RuntimeError as error:
        if lost := lost_rank(error):
            raise TrainerError(
                f"rank {os.environ.get('RANK')} of {count}: another rank is gone ({lost}); start the same command"
                " again, it goes on from the last checkpoint"
            ) from error
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def lost_rank(error: BaseException) -> str | None:
    """What an error says that comes of a rank that is gone, in a few words; None for any other error."""
    text = " ".join(str(error).split())
    if any(word in text.lower() for word in _LOST):
        return text if len(text) <= 120 else f"{text[:117]}..."
    return None
