"""A training checkpoint as a model that transformers and vLLM open."""

from pathlib import Path

import torch
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.state_dict_loader import load

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.hugging_face import export
from trainer.tokenizer_files import write_tokenizer
from trainer.training.saved import Saved, read_saved


def export_checkpoint(
    checkpoint: Path, folder: Path, *, dtype: torch.dtype = torch.bfloat16, tokenizer: Path | None = None
) -> ModelConfig:
    """Writes the weights of `checkpoint` (a `step-...` folder of any number of ranks) to `folder`.

    A tensor at a time, in one process. `tokenizer` is a folder whose tokenizer files are taken along; by default
    the run's own is written, where it is Qwen3's or a folder. Returns the model's configuration.

    Raises:
        TrainerError: the checkpoint is damaged, a router has a balance bias, for which `qwen3_moe` has no place,
            `folder` is there already, or the disk is full.
    """
    saved = read_saved(checkpoint)
    config = ModelConfig.model_validate(saved.facts["model"])
    for name in saved.shapes:
        if name.endswith("balance_bias") and bool(_read(saved, name).any()):
            raise TrainerError(
                f"{checkpoint}: {name} is not zero, and qwen3_moe has no such bias; train with balance.bias 0"
            )
    own = str(saved.facts["settings"]["tokenizer"])
    if tokenizer is None and Path(own).is_dir():
        tokenizer = Path(own)
    export(config, lambda name: _read(saved, name), folder, dtype=dtype, tokenizer=tokenizer)
    if tokenizer is None:
        write_tokenizer(own, folder)
    return config


def _read(saved: Saved, name: str) -> torch.Tensor:
    """One tensor, put together from the parts that the ranks wrote."""
    found = torch.empty(saved.shapes[name], dtype=getattr(torch, saved.types[name]))
    load({name: found}, storage_reader=HuggingFaceStorageReader(str(saved.folder)), no_dist=True)
    return found
