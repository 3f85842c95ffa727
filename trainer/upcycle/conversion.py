"""A dense checkpoint to one of experts, from file to file, an expert at a time."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from trainer.configuration import ModelConfig, Parameters
from trainer.hugging_face import Checkpoint, write_checkpoint
from trainer.hugging_face_layout import planned_layer
from trainer.upcycle.experts import DenseWeights, expert_matrices, router_rows
from trainer.upcycle.options import DEFAULTS, Split, UpcycleOptions

RECEIPT_FILE: Final = "upcycle.json"


@dataclass(frozen=True, slots=True)
class Upcycled:
    """What was made: its folder, how the layers were cut, and the parameters."""

    folder: Path
    split: Split
    parameters: Parameters


def upcycle(
    seed: Path,
    output: Path,
    target: ModelConfig,
    options: UpcycleOptions = DEFAULTS,
    *,
    dtype: torch.dtype = torch.bfloat16,
    told: Callable[[int, int], None] | None = None,
) -> Upcycled:
    """Makes the model `target` of the dense checkpoint in `seed` and writes it to `output`.

    Attention, norms, embedding and head are as they were, and the tokenizer goes along. The same seed gives the
    same bytes. In memory are a dense layer in float32 and one expert.

    Args:
        told: is called with the layers begun and their number.

    Raises:
        TrainerError: the seed is damaged or has experts, sizes do not go together, `output` is there already or
            the disk is full.
    """
    source = Checkpoint(seed)
    split = Split.of(source.config, target)
    # The ends of text are the seed's: configurations of sizes do not know its tokenizer.
    made = target.model_copy(
        update={name: getattr(source.config, name) for name in ("bos_token_id", "eos_token_id")}
    )
    parameters = made.parameters()
    receipt = {
        "seed": seed.name,
        "split": asdict(split),
        "factors": dict(zip(("gate", "up", "down"), split.factors(options), strict=True)),
        "options": options.model_dump(),
        "parameters": asdict(parameters),
    }
    tensors = _tensors(source, made, split, options, told or (lambda _layer, _layers: None))
    write_checkpoint(output, made, tensors, dtype=dtype, tokenizer=seed, receipt=(RECEIPT_FILE, receipt))
    return Upcycled(output, split, parameters)


def _tensors(
    source: Checkpoint,
    target: ModelConfig,
    split: Split,
    options: UpcycleOptions,
    told: Callable[[int, int], None],
) -> Iterator[Tensor]:
    """The tensors in the order in which they are written."""
    yield source.read("model.embed_tokens.weight")
    yield source.read("model.norm.weight")
    if not target.tie_word_embeddings:
        yield source.read("lm_head.weight")
    for layer in range(target.num_hidden_layers):
        told(layer, target.num_hidden_layers)
        yield from layer_tensors(source, target, layer, split, options)
        # The layer's pages of the seed's files are not needed again.
        source.files.close()


def layer_tensors(
    source: Checkpoint, target: ModelConfig, layer: int, split: Split, options: UpcycleOptions
) -> Iterator[Tensor]:
    """The tensors of one layer of `target`, in the order of `planned_layer`; independent of other layers."""
    for each in planned_layer(target, layer):
        if ".mlp." not in each.name:
            yield source.read(each.name)
    yield router_rows(layer, split, options, target.hidden_size, target.initializer_range)
    prefix = f"model.layers.{layer}.mlp"
    dense = DenseWeights(*(source.read(f"{prefix}.{name}_proj.weight").float() for name in ("gate", "up", "down")))
    for expert in range(target.num_experts):
        yield from expert_matrices(dense, layer, expert, split, options)
