"""Test 11 of the trainer: what is exported opens in transformers with the same logits, and comes back the same."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.hugging_face import Checkpoint, dtype_named, export_model, load_model
from trainer.model.transformer import Transformer
from trainer.tensor_stream import INDEX_FILE

torch.set_num_threads(1)


def model(experts: int = 6, tied: bool = True) -> Transformer:
    made = Transformer(
        ModelConfig(
            vocab_size=50,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            num_experts=experts,
            num_experts_per_tok=2,
            moe_intermediate_size=8,
            initializer_range=0.2,
            tie_word_embeddings=tied,
            eos_token_id=3,
            bos_token_id=3,
        )
    )
    made.initialise(9)
    return made


TOKENS = torch.randint(0, 50, (2, 11), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("experts", "tied"), [(6, True), (6, False), (0, True), (0, False)])
def test_an_exported_model_opens_in_transformers_with_the_same_logits(
    tmp_path: Path, experts: int, tied: bool
) -> None:
    ours = model(experts, tied)
    export_model(ours, tmp_path / "out", dtype=torch.float32)
    theirs, told = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(told[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    torch.testing.assert_close(theirs.eval()(TOKENS).logits, ours.logits(TOKENS), rtol=1e-5, atol=1e-5)
    config = theirs.config
    assert config.tie_word_embeddings == tied and config.rope_parameters["rope_theta"] == 1e6
    assert not experts or config.norm_topk_prob is True
    assert config.eos_token_id == 3 and theirs.dtype == torch.float32


@pytest.mark.parametrize("experts", [6, 0])
def test_every_weight_comes_back_to_the_last_bit(tmp_path: Path, experts: int) -> None:
    ours = model(experts)
    export_model(ours, tmp_path / "out", dtype=torch.float32)
    back = load_model(tmp_path / "out")
    assert back.config.parameters() == ours.config.parameters()
    assert not experts or back.config == ours.config
    for (name, one), (other_name, other) in zip(ours.state_dict().items(), back.state_dict().items(), strict=True):
        assert name == other_name and torch.equal(one, other), name


@pytest.mark.parametrize("experts", [6, 0])
def test_what_transformers_saves_is_read(tmp_path: Path, experts: int) -> None:
    export_model(model(experts), tmp_path / "out", dtype=torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    theirs.save_pretrained(tmp_path / "saved")
    ours = load_model(tmp_path / "saved")
    torch.testing.assert_close(ours.logits(TOKENS), theirs.eval()(TOKENS).logits, rtol=1e-5, atol=1e-5)


def test_experts_held_in_two_tensors_are_read_as_well(tmp_path: Path) -> None:
    ours = model()
    export_model(ours, tmp_path / "out", dtype=torch.float32)
    for file in (tmp_path / "out").glob("*.safetensors"):
        file.unlink()
    (tmp_path / "out" / INDEX_FILE).unlink()
    weights = {name: weight.clone() for name, weight in ours.state_dict().items() if "balance_bias" not in name}
    save_file(weights, tmp_path / "out/model.safetensors")
    torch.testing.assert_close(load_model(tmp_path / "out").logits(TOKENS), ours.logits(TOKENS))


def test_the_files_are_safetensors_and_the_index_names_each_tensor_once(tmp_path: Path) -> None:
    export_model(model(), tmp_path / "out")
    index = json.loads((tmp_path / "out" / INDEX_FILE).read_text())
    found = {}
    for file in sorted((tmp_path / "out").glob("*.safetensors")):
        for name, tensor in load_file(file).items():
            assert index["weight_map"][name] == file.name and tensor.dtype == torch.bfloat16
            found[name] = tensor.numel() * 2
    assert found.keys() == index["weight_map"].keys()
    assert sum(found.values()) == index["metadata"]["total_size"]
    assert not (tmp_path / "out.partial").exists()


def test_a_tokenizer_is_taken_along(tmp_path: Path) -> None:
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed/tokenizer.json").write_text("{}")
    (tmp_path / "seed/secret.txt").write_text("not a tokenizer's")
    export_model(model(), tmp_path / "out", tokenizer=tmp_path / "seed")
    assert (tmp_path / "out/tokenizer.json").read_text() == "{}"
    assert not (tmp_path / "out/secret.txt").exists()


def damaged(folder: Path, how: str) -> None:
    index = json.loads((folder / INDEX_FILE).read_text())
    layer = folder / "model-00002-of-00003.safetensors"
    config = json.loads((folder / "config.json").read_text())
    match how:
        case "cut":
            layer.write_bytes(layer.read_bytes()[:-10])
        case "missing":
            layer.unlink()
        case "lacking":
            weights = load_file(layer)
            del weights["model.layers.0.mlp.experts.3.up_proj.weight"]
            save_file(weights, layer)
        case "left over":
            save_file(load_file(layer) | {"model.layers.0.mlp.bias": torch.ones(2)}, layer)
        case "elsewhere":
            index["weight_map"]["model.norm.weight"] = "../model.safetensors"
            (folder / INDEX_FILE).write_text(json.dumps(index))
        case "shape":
            (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 32}))
        case "kind":
            (folder / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))
        case "bias":
            (folder / "config.json").write_text(json.dumps(config | {"attention_bias": True}))
        case "no config":
            (folder / "config.json").unlink()
        case "no JSON":
            (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("cut", "model-00002-of-00003.safetensors: not a whole safetensors file"),
        ("missing", "model-00002-of-00003.safetensors: missing"),
        ("lacking", "lacks model.layers.0.mlp.experts.3.up_proj.weight"),
        ("left over", "holds model.layers.0.mlp.bias, which"),
        ("elsewhere", "names files outside its folder"),
        ("shape", "model.embed_tokens.weight is (50, 16), its config.json says (50, 32)"),
        ("kind", "model_type 'llama'; only qwen3 and qwen3_moe are read"),
        ("bias", "attention_bias True is not supported"),
        ("no config", "config.json: cannot be read"),
        ("no JSON", "config.json: not JSON"),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path: Path, how: str, told: str) -> None:
    folder = tmp_path / "out"
    export_model(model(), folder)
    damaged(folder, how)
    with pytest.raises(TrainerError) as caught:
        Checkpoint(folder)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_there_is_not_overwritten_and_a_bias_is_not_lost_silently(tmp_path: Path) -> None:
    ours = model()
    export_model(ours, tmp_path / "out")
    with pytest.raises(TrainerError, match="is there already"):
        export_model(ours, tmp_path / "out")
    ours.model.layers[0].mlp.gate.balance_bias[0] = 0.1
    with pytest.raises(TrainerError, match=r"balance_bias is not zero"):
        export_model(ours, tmp_path / "other")


def test_types_have_names() -> None:
    assert dtype_named("bfloat16") is torch.bfloat16
    with pytest.raises(TrainerError, match="write bfloat16"):
        dtype_named("int8")
