"""The share of each language's tokens that each expert of each layer takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from trainer.errors import TrainerError
from trainer.model.transformer import Transformer

Shares = npt.NDArray[np.float64]

# Tokens computed at once: short documents are packed side by side, each seeing itself only.
_ROW: Final = 4096


@dataclass(frozen=True, slots=True)
class Routed:
    """How languages are routed.

    `shares` (languages, layers, experts): the part of a language's tokens that an expert takes; a layer's shares
    add up to the experts a token has. `tokens` and `documents` (languages,) are what was looked at.
    """

    languages: tuple[str, ...]
    shares: Shares
    tokens: npt.NDArray[np.int64]
    documents: npt.NDArray[np.int64]

    @property
    def distributions(self) -> Shares:
        """`shares` made to add up to 1 in each layer."""
        found: Shares = self.shares / self.shares.sum(axis=-1, keepdims=True)
        return found

    @property
    def parting(self) -> Shares:
        """(layers,) how far a layer parts the languages: 0 all alike, to 1 each its own experts.

        The mean over languages of the total variation distance between a language's distribution and the mean
        of all.
        """
        distributions = self.distributions
        distance = np.abs(distributions - distributions.mean(axis=0)).sum(axis=-1) / 2
        parted: Shares = distance.mean(axis=0)
        return parted


def route(
    model: Transformer,
    documents: Mapping[str, Sequence[npt.NDArray[np.integer]]],
    told: Callable[[str], None] | None = None,
) -> Routed:
    """Runs every document through `model` and counts.

    Args:
        documents: token ids by language.
        told: is called with each language before its turn.

    Raises:
        TrainerError: the model has no experts, or a token is outside its vocabulary.
    """
    if not model.config.sparse:
        raise TrainerError("signatures: the checkpoint is a dense model; name one with experts")
    counts, tokens = [], []
    for language, texts in documents.items():
        if told:
            told(language)
        found = np.zeros((model.config.num_hidden_layers, model.config.num_experts), dtype=np.int64)
        for row, numbers in _packed(texts):
            found += _counted(model, row, numbers)
        counts.append(found)
        tokens.append(sum(len(text) for text in texts))
    sizes = np.array(tokens, dtype=np.int64)
    return Routed(
        tuple(documents),
        np.stack(counts) / sizes[:, None, None],
        sizes,
        np.array([len(texts) for texts in documents.values()], dtype=np.int64),
    )


def _packed(
    texts: Sequence[npt.NDArray[np.integer]],
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]]:
    """Rows of about `_ROW` tokens, each with the number of every token's document."""
    waiting: list[npt.NDArray[np.integer]] = []
    for text in texts:
        if waiting and sum(map(len, waiting)) + len(text) > _ROW:
            yield _joined(waiting)
            waiting = []
        waiting.append(text)
    if waiting:
        yield _joined(waiting)


def _joined(
    texts: Sequence[npt.NDArray[np.integer]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    numbers = np.repeat(np.arange(len(texts), dtype=np.int32), [len(text) for text in texts])
    return np.concatenate(texts).astype(np.int64), numbers


@torch.no_grad()
def _counted(
    model: Transformer, row: npt.NDArray[np.int64], numbers: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    if row.max(initial=0) >= model.config.vocab_size:
        raise TrainerError(
            f"signatures: token {row.max()} is outside the model's vocabulary of {model.config.vocab_size};"
            " name the tokenizer that it was trained with"
        )
    device = model.head.device
    tokens = torch.from_numpy(row).unsqueeze(0).to(device)
    documents = torch.from_numpy(numbers).unsqueeze(0).to(device)
    counts: npt.NDArray[np.int64] = model(tokens, documents).expert_counts.cpu().numpy()
    return counts
