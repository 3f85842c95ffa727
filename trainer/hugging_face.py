"""Checkpoints as transformers and vLLM read them: safetensors, a file a layer, with index and config.json."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.hugging_face_config import config_json, read_config
from trainer.hugging_face_layout import MATRICES, planned_shards
from trainer.model.transformer import Transformer
from trainer.tensor_stream import INDEX_FILE, TYPES, Planned, TensorFiles, write_shard

# What belongs to a tokenizer and is taken along.
_TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)


def write_checkpoint(
    folder: Path,
    config: ModelConfig,
    tensors: Iterator[Tensor],
    *,
    dtype: torch.dtype = torch.bfloat16,
    tokenizer: Path | None = None,
    receipt: tuple[str, Any] | None = None,
) -> None:
    """Writes `tensors`, which come in the order of `planned_shards`, and what goes with them.

    The folder appears when all of it is there.

    Args:
        tokenizer: a folder whose tokenizer files are copied, if given.
        receipt: name and JSON content of one more file, which tells how the checkpoint came about.

    Raises:
        TrainerError: `folder` is there already, or the disk is full.
    """
    if folder.exists():
        raise TrainerError(f"{folder}: is there already; delete it or name another folder")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    shards = planned_shards(config)
    places, total = {}, 0
    for number, planned in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(partial / file, planned, tensors, dtype)
        places.update({each.name: file for each in planned})
        total += sum(each.size for each in planned) * dtype.itemsize
    _write_json(partial / INDEX_FILE, {"metadata": {"total_size": total}, "weight_map": places})
    _write_json(partial / "config.json", config_json(config, dtype))
    ends = {"bos_token_id": config.bos_token_id, "eos_token_id": config.eos_token_id}
    _write_json(partial / "generation_config.json", {key: end for key, end in ends.items() if end is not None})
    for name in _TOKENIZER_FILES if tokenizer else ():
        if tokenizer and (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, partial / name)
    if receipt:
        _write_json(partial / receipt[0], receipt[1])
    partial.rename(folder)


def export_model(
    model: Transformer, folder: Path, *, dtype: torch.dtype = torch.bfloat16, tokenizer: Path | None = None
) -> None:
    """Saves `model` for transformers and vLLM; see `write_checkpoint`.

    Raises:
        TrainerError: a router has a balance bias, which `qwen3_moe` has no place for; or as `write_checkpoint`.
    """
    for name, buffer in model.named_buffers():
        if name.endswith("balance_bias") and bool(buffer.any()):
            raise TrainerError(
                f"{folder}: {name} is not zero, and qwen3_moe has no such bias; train with balance.bias 0"
            )
    weights = {name: whole(parameter) for name, parameter in model.named_parameters()}
    export(model.config, lambda name: weights[name](), folder, dtype=dtype, tokenizer=tokenizer)


def whole(parameter: Tensor) -> Callable[[], Tensor]:
    """Gives all of a parameter when called, also of one that is spread over ranks."""

    def gathered() -> Tensor:
        full: Any = getattr(parameter, "full_tensor", None)
        tensor: Tensor = parameter if full is None else full()
        return tensor.detach()

    return gathered


def export(
    config: ModelConfig,
    read: Callable[[str], Tensor],
    folder: Path,
    *,
    dtype: torch.dtype = torch.bfloat16,
    tokenizer: Path | None = None,
    write: bool = True,
) -> None:
    """Saves the weights that `read` gives for our parameter names, each asked for once, a layer at a time.

    With `write` false they are only asked for: what a rank does whose part another one writes.
    """
    tensors = disk_tensors(config, read)
    if write:
        write_checkpoint(folder, config, tensors, dtype=dtype, tokenizer=tokenizer)
    else:
        for _ in tensors:
            pass


def disk_tensors(config: ModelConfig, read: Callable[[str], Tensor]) -> Iterator[Tensor]:
    """What `read` gives for our names, in the order and in the pieces of `planned_shards`."""
    for planned in planned_shards(config):
        for each in planned:
            if ".mlp.experts." not in each.name:
                yield read(each.name)
                continue
            prefix, _, rest = each.name.partition(".mlp.experts.")
            expert, matrix, _ = rest.split(".")
            # Both tensors of a layer are asked for at its first expert and held until its last.
            if expert == "0" and matrix == MATRICES[0]:
                gate_up, down = read(f"{prefix}.mlp.experts.gate_up_proj"), read(f"{prefix}.mlp.experts.down_proj")
            half = config.moe_intermediate_size
            pieces = {
                "gate_proj": gate_up[int(expert), :half],
                "up_proj": gate_up[int(expert), half:],
                "down_proj": down[int(expert)],
            }
            yield pieces[matrix]


class Checkpoint:
    """A folder of Hugging Face safetensors, held against its config.json before anything is read.

    Raises:
        TrainerError: no config.json of a Qwen3 or Qwen3-MoE that this model can be, a file missing or cut off,
            a tensor missing, left over or of another shape.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = read_config(folder)
        self.files = TensorFiles(folder)
        self._check()

    def _check(self) -> None:
        shapes = dict(self.files.shapes())
        if self.config.tie_word_embeddings:
            # Some write the tied head as well; it is the embedding.
            shapes.pop("lm_head.weight", None)
        for planned in planned_shards(self.config):
            for each in self._fused(planned):
                shape = shapes.pop(each.name, None)
                if shape is None:
                    raise TrainerError(f"{self.folder}: lacks {each.name}, which its config.json asks for")
                if shape != each.shape:
                    raise TrainerError(f"{self.folder}: {each.name} is {shape}, its config.json says {each.shape}")
        if shapes:
            raise TrainerError(f"{self.folder}: holds {min(shapes)}, which its config.json has no place for")

    def _fused(self, planned: list[Planned]) -> list[Planned]:
        """`planned`, with a layer's experts in two tensors where the files hold them so."""
        first = next((each.name for each in planned if ".mlp.experts." in each.name), None)
        if first is None or f"{first.split('.experts.')[0]}.experts.gate_up_proj" not in self.files.shapes():
            return planned
        prefix = f"{first.split('.experts.')[0]}.experts."
        experts, hidden, inner = (
            self.config.num_experts,
            self.config.hidden_size,
            self.config.moe_intermediate_size,
        )
        return [
            *(each for each in planned if ".mlp.experts." not in each.name),
            Planned(f"{prefix}gate_up_proj", (experts, 2 * inner, hidden)),
            Planned(f"{prefix}down_proj", (experts, hidden, inner)),
        ]

    def read(self, name: str) -> Tensor:
        """The parameter `name` of our model, of the type in the file."""
        if name in self.files.shapes():
            return self.files.read(name)
        prefix, matrix = name.rsplit(".", 1)
        inner, hidden = self.config.moe_intermediate_size, self.config.hidden_size
        down = matrix == "down_proj"
        shape = (hidden, inner) if down else (2 * inner, hidden)
        first = self.files.read(f"{prefix}.0.down_proj.weight")
        # Filled in place: a stack of the parts would need the layer twice.
        fused = torch.empty(self.config.num_experts, *shape, dtype=first.dtype)
        for expert in range(self.config.num_experts):
            if down:
                fused[expert] = self.files.read(f"{prefix}.{expert}.down_proj.weight")
            else:
                fused[expert, :inner] = self.files.read(f"{prefix}.{expert}.gate_proj.weight")
                fused[expert, inner:] = self.files.read(f"{prefix}.{expert}.up_proj.weight")
        return fused


def load_model(folder: Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Transformer:
    """The model in `folder`, its weights as `dtype`, a tensor at a time.

    Raises:
        TrainerError: as `Checkpoint`.
    """
    checkpoint = Checkpoint(folder)
    with torch.device("meta"):
        model = Transformer(checkpoint.config).to(dtype)
    model.to_empty(device=device)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(checkpoint.read(name))
        for buffer in model.buffers():
            buffer.zero_()
    return model


def dtype_named(name: str) -> torch.dtype:
    """`bfloat16`, `float16` or `float32`.

    Raises:
        TrainerError: another name.
    """
    for dtype in TYPES:
        if str(dtype) == f"torch.{name}":
            return dtype
    raise TrainerError(f"dtype {name!r} is unknown; write bfloat16, float16 or float32")


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
