"""Which source keeps a text that several have."""

from collections.abc import Sequence


def in_priority(sources: Sequence[str], priority: Sequence[str]) -> list[str]:
    """`sources` as their texts are to be kept: those named in `priority` in its order, then the others by name."""
    rank = {name: number for number, name in enumerate(priority)}
    return sorted(sources, key=lambda name: (rank.get(name, len(rank)), name))
