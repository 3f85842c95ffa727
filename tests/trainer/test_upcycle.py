"""Tests 4, 5 and 6 of the trainer: what an upcycled layer computes, and what dropping changes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.hugging_face import Checkpoint, export_model, load_model
from trainer.model.transformer import Transformer
from trainer.upcycle.conversion import RECEIPT_FILE, layer_tensors, upcycle
from trainer.upcycle.experts import DenseWeights, expert_matrices, router_rows
from trainer.upcycle.options import Split, UpcycleOptions

torch.set_num_threads(1)

HIDDEN, UNITS, PER_TOKEN = 64, 512, 8
DENSE = ModelConfig(
    vocab_size=50,
    hidden_size=HIDDEN,
    intermediate_size=UNITS,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    # Gates before SiLU of deviation 1, as in trained models.
    initializer_range=HIDDEN**-0.5,
    eos_token_id=5,
)
EXACT = UpcycleOptions(scale="down", drop=0.0, router="shared")


def experts_of(slices: int, copies: int = 8) -> ModelConfig:
    return DENSE.model_copy(
        update={
            "num_experts": slices * copies,
            "num_experts_per_tok": PER_TOKEN,
            "moe_intermediate_size": UNITS // slices,
            "initializer_range": 0.02,
            "eos_token_id": None,
        }
    )


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = Transformer(DENSE)
    model.initialise(11)
    folder = tmp_path_factory.mktemp("seed") / "dense"
    export_model(model, folder, dtype=torch.float32)
    return folder


def made(seed: Path, tmp_path: Path, slices: int, options: UpcycleOptions, copies: int = 8) -> Path:
    upcycle(seed, tmp_path / "moe", experts_of(slices, copies), options, dtype=torch.float32)
    return tmp_path / "moe"


def layers(seed: Path, moe: Path, tokens: int = 400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Input, and outputs of the first dense and the first upcycled layer, in float64."""
    dense, sparse = load_model(seed).model.layers[0].mlp.double(), load_model(moe).model.layers[0].mlp.double()
    x = torch.randn(1, tokens, HIDDEN, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        return x, dense(x), sparse(x)[0]


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return ((found - wanted).norm() / wanted.norm()).item()


@pytest.mark.parametrize("slices", [8, 4])
@pytest.mark.parametrize("scale", ["down", "sqrt"])
def test_exact_scales_and_whole_copies_equal_the_dense_layer(
    seed: Path, tmp_path: Path, slices: int, scale: str
) -> None:
    """8 slices: one copy answers a token; 4: two do."""
    moe = made(seed, tmp_path, slices, UpcycleOptions(scale=scale, drop=0.0, router="shared"))
    _, dense, sparse = layers(seed, moe)
    assert relative(sparse, dense) < 1e-6


@pytest.mark.parametrize("slices", [8, 4])
def test_the_whole_upcycled_model_equals_the_dense_one(seed: Path, tmp_path: Path, slices: int) -> None:
    moe = load_model(made(seed, tmp_path, slices, EXACT))
    tokens = torch.randint(0, 50, (2, 20), generator=torch.Generator().manual_seed(3))
    assert relative(moe.logits(tokens), load_model(seed).logits(tokens)) < 1e-5


@pytest.mark.parametrize("slices", [8, 4])
def test_the_published_scale_errs_as_its_formula_says(seed: Path, tmp_path: Path, slices: int) -> None:
    moe = made(seed, tmp_path, slices, UpcycleOptions(scale="cbrt", drop=0.0, router="shared"))
    x, dense, sparse = layers(seed, moe)
    mlp = load_model(seed).model.layers[0].mlp.double()
    root = slices ** (1 / 3)
    with torch.no_grad():
        gate = root * mlp.gate_proj(x)
        # Up and down bring root each; a copy's slices are averaged.
        expected = mlp.down_proj(torch.nn.functional.silu(gate) * mlp.up_proj(x)) * root**2 / slices
    assert relative(sparse, expected) < 1e-6
    assert 0.02 < relative(sparse, dense) < 0.25


@pytest.mark.parametrize("slices", [8, 4])
def test_a_random_router_errs_by_the_root_of_slices_less_one_over_chosen(
    seed: Path, tmp_path: Path, slices: int
) -> None:
    options = UpcycleOptions(scale="down", drop=0.0, router="random")
    _, dense, sparse = layers(seed, made(seed, tmp_path, slices, options, copies=16))
    assert relative(sparse, dense) == pytest.approx(((slices - 1) / PER_TOKEN) ** 0.5, rel=0.15)


@pytest.mark.parametrize("slices", [8, 4])
def test_weights_that_are_not_normalised_miss_the_dense_layer(seed: Path, tmp_path: Path, slices: int) -> None:
    moe = made(seed, tmp_path, slices, EXACT)
    config = json.loads((moe / "config.json").read_text())
    (moe / "config.json").write_text(json.dumps(config | {"norm_topk_prob": False}))
    _, dense, sparse = layers(seed, moe)
    assert relative(sparse, dense) > 0.5


def dense_weights(units: int = 64, hidden: int = 96) -> DenseWeights:
    generator = torch.Generator().manual_seed(2)
    return DenseWeights(
        torch.randn(units, hidden, generator=generator) * 0.5 + 0.1,
        torch.randn(units, hidden, generator=generator) * 0.2 - 0.3,
        torch.randn(hidden, units, generator=generator),
    )


SPLIT = Split(slices=2, copies=3, width=32)


def changed(dense: DenseWeights, expert: int, options: UpcycleOptions) -> list[set[int]]:
    """The units of gate, up and down that differ anywhere; asserts that others are equal to the last bit."""
    units = slice(expert % 2 * 32, expert % 2 * 32 + 32)
    before = (dense.gate[units], dense.up[units], dense.down[:, units].T)
    gate, up, down = expert_matrices(dense, 4, expert, SPLIT, options)
    return [
        {unit for unit in range(32) if not torch.equal(old[unit], new[unit])}
        for old, new in zip(before, (gate, up, down.T), strict=True)
    ]


@pytest.mark.parametrize("drop", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("indices", ["shared", "separate"])
def test_dropping_changes_just_so_many_units(drop: float, indices: str) -> None:
    options = UpcycleOptions(scale="none", drop=drop, drop_indices=indices)
    sets = [changed(dense_weights(), expert, options) for expert in range(6)]
    assert all(len(each) == int(32 * drop) for three in sets for each in three)
    if indices == "shared":
        assert all(gate == up == down for gate, up, down in sets)
    elif 0 < drop < 1:
        assert any(gate != up or up != down for gate, up, down in sets)


def test_dropped_entries_keep_mean_and_deviation() -> None:
    dense = dense_weights()
    options = UpcycleOptions(scale="none", drop=0.5)
    for expert in range(2):
        rows = sorted(changed(dense, expert, options)[0])
        units = slice(expert * 32, expert * 32 + 32)
        for number, old in enumerate((dense.gate[units], dense.up[units], dense.down[:, units].T)):
            new = expert_matrices(dense, 4, expert, SPLIT, options)[number]
            new = new if number < 2 else new.T
            # 16 x 96 entries: the mean of normal numbers strays by deviation / 39, the deviation by 1.8 %.
            assert new[rows].mean().item() == pytest.approx(old[rows].mean().item(), abs=4 * old.std().item() / 39)
            assert new[rows].std().item() == pytest.approx(old[rows].std().item(), rel=0.08)


def test_two_copies_of_a_slice_differ_and_a_seed_decides() -> None:
    dense, options = dense_weights(), UpcycleOptions()
    one, other = (expert_matrices(dense, 0, expert, SPLIT, options)[0] for expert in (0, 2))
    assert not torch.equal(one, other)
    assert torch.equal(one, expert_matrices(dense, 0, 0, SPLIT, options)[0])
    again = expert_matrices(dense, 0, 0, SPLIT, UpcycleOptions(seed=43))[0]
    assert not torch.equal(one, again)
    assert not torch.equal(one, expert_matrices(dense, 1, 0, SPLIT, options)[0])


def test_scaling_and_dropping_commute() -> None:
    dense = dense_weights()
    scaled = expert_matrices(dense, 0, 1, SPLIT, UpcycleOptions(scale="cbrt"))
    plain = expert_matrices(dense, 0, 1, SPLIT, UpcycleOptions(scale="none"))
    for one, other in zip(scaled, plain, strict=True):
        torch.testing.assert_close(one, other * 2 ** (1 / 3))


def test_router_rows_are_shared_by_a_copys_slices_or_all_their_own() -> None:
    shared = router_rows(0, SPLIT, UpcycleOptions(router="shared"), 200, 0.02)
    own = router_rows(0, SPLIT, UpcycleOptions(router="random"), 200, 0.02)
    assert shared.shape == own.shape == (6, 200)
    assert len({tuple(row.tolist()) for row in shared}) == 3 and torch.equal(shared[0], shared[1])
    assert len({tuple(row.tolist()) for row in own}) == 6
    assert own.std().item() == pytest.approx(0.02, rel=0.1)


def test_the_scale_of_8_slices_is_exactly_2_and_of_4_the_cube_root() -> None:
    assert Split(8, 29, 384).factors(UpcycleOptions()) == (2.0, 2.0, 2.0)
    assert Split(4, 64, 768).factors(UpcycleOptions())[0] ** 3 == pytest.approx(4.0)


def test_a_layer_by_itself_is_the_same_bytes_as_in_the_whole(seed: Path, tmp_path: Path) -> None:
    moe = made(seed, tmp_path, 8, UpcycleOptions())
    source, target = Checkpoint(seed), experts_of(8)
    written = load_file(moe / "model-00003-of-00003.safetensors")
    alone = list(layer_tensors(source, target, 1, Split.of(source.config, target), UpcycleOptions()))
    assert len(alone) == len(written)
    index = json.loads((moe / "model.safetensors.index.json").read_text())["weight_map"]
    names = [name for name in index if name.startswith("model.layers.1.")]
    for name, tensor in zip(names, alone, strict=True):
        assert torch.equal(written[name], tensor), name


def test_the_rest_of_the_model_is_as_it_was_and_the_same_again(seed: Path, tmp_path: Path) -> None:
    moe = made(seed, tmp_path, 8, UpcycleOptions())
    dense, sparse = Checkpoint(seed), Checkpoint(moe)
    for name in dense.files.shapes():
        if ".mlp." not in name:
            assert torch.equal(dense.read(name), sparse.read(name)), name
    assert sparse.config.eos_token_id == 5
    receipt = json.loads((moe / RECEIPT_FILE).read_text())
    assert receipt["split"] == {"slices": 8, "copies": 8, "width": 64} and receipt["options"]["drop"] == 0.5
    again = tmp_path / "again"
    upcycle(seed, again, experts_of(8), UpcycleOptions(), dtype=torch.float32)
    for file in moe.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_experts": 60}, "num_experts 60 is no multiple of the 8 slices"),
        ({"moe_intermediate_size": 100}, "does not divide the seed's 512"),
        ({"hidden_size": 32}, "hidden_size is 64 in the seed and 32"),
        ({"num_experts": 0}, "has no experts; set num_experts"),
        ({"norm_topk_prob": False}, "norm_topk_prob is false"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(
    seed: Path, tmp_path: Path, change: dict[str, int], told: str
) -> None:
    with pytest.raises(TrainerError) as caught:
        upcycle(seed, tmp_path / "moe", experts_of(8).model_copy(update=change))
    assert told in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_a_model_of_experts_is_not_upcycled_again(seed: Path, tmp_path: Path) -> None:
    moe = made(seed, tmp_path, 8, UpcycleOptions())
    with pytest.raises(TrainerError, match="has experts already"):
        upcycle(moe, tmp_path / "more", experts_of(8))


MEASURED = """
import sys
from pathlib import Path
import torch
from trainer.configuration import ModelConfig
from trainer.upcycle.conversion import upcycle

def memory(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))


torch.set_num_threads(1)
target = ModelConfig.model_validate_json(sys.argv[2])
before = memory("VmRSS")
upcycle(Path(sys.argv[1]) / "seed", Path(sys.argv[1]) / "moe", target)
# Not getrusage's peak, which a process begins with its parent's.
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read where Linux tells it")
def test_a_conversion_takes_less_memory_than_two_layers(tmp_path: Path) -> None:
    """Of what is written: 64 experts of 512 x 256, 50 MB a layer. A process of its own tells its peak."""
    dense = ModelConfig(
        vocab_size=1000,
        hidden_size=512,
        intermediate_size=2048,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
    )
    model = Transformer(dense)
    model.initialise(0)
    export_model(model, tmp_path / "seed")
    target = dense.model_copy(update={"num_experts": 64, "moe_intermediate_size": 256})
    command = [sys.executable, "-c", MEASURED, str(tmp_path), target.model_dump_json()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    layer = (tmp_path / "moe/model-00002-of-00004.safetensors").stat().st_size
    assert layer > 50e6
    assert 0 < int(done.stdout) < 2 * layer
