"""The load is measured over the step, the bias moves against it, and the auxiliary loss reaches the router."""

import torch

from trainer.configuration import ModelConfig
from trainer.model.transformer import Transformer
from trainer.training.balance import StepLoad, biases_of, measured_load, move_bias
from trainer.training.distributed import Ranks

torch.set_num_threads(1)
ALONE = Ranks(0, 1, torch.device("cpu"))
CONFIG = ModelConfig(
    vocab_size=32,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=8,
    num_experts=8,
    num_experts_per_tok=2,
    moe_intermediate_size=8,
)


def model_of(seed: int = 0) -> Transformer:
    model = Transformer(CONFIG)
    model.initialise(seed)
    return model


def tokens_of(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 32, (rows, 16), generator=torch.Generator().manual_seed(seed))


def test_figures_of_a_load() -> None:
    load = measured_load(torch.tensor([[10, 10, 10, 10], [40, 0, 0, 0]]))
    assert load is not None
    assert (load.worst, load.mean_worst, load.idle) == (4.0, 2.5, 0.375)
    assert abs(load.variation - 3**0.5 / 2) < 1e-12
    assert measured_load(torch.zeros(0, 0)) is None


def test_the_load_is_that_of_the_step_so_far() -> None:
    load = StepLoad(ALONE)
    first = torch.tensor([[3, 1]])
    assert load(first).tolist() == [[3, 1]]
    assert load(torch.tensor([[1, 5]])).tolist() == [[4, 6]]
    assert first.tolist() == [[3, 1]]


def test_the_last_batch_of_a_step_is_measured_against_all_of_it() -> None:
    """Two batches in turn give the loss that both at once give, once their load is known."""
    model = model_of()
    tokens = tokens_of(4)
    both = model.loss(tokens, tokens)
    load = StepLoad(ALONE)
    model.loss(tokens[:2], tokens[:2], None, load)
    second = model.loss(tokens[2:], tokens[2:], None, load)
    counts = load.counts
    assert counts is not None
    first = model.loss(tokens[:2], tokens[:2], None, lambda _: counts)
    mean = (float(first.balance.detach()) + float(second.balance.detach())) / 2
    assert abs(mean - float(both.balance.detach())) < 1e-6


def test_the_router_has_a_gradient_of_the_balance_alone() -> None:
    model = model_of()
    tokens = tokens_of(2)
    torch.autograd.backward(model.loss(tokens, tokens, None, StepLoad(ALONE)).balance)
    routers = {name: weight for name, weight in model.named_parameters() if name.endswith("mlp.gate.weight")}
    assert len(routers) == 2
    for weight in routers.values():
        assert weight.grad is not None and float(weight.grad.norm()) > 0


def test_the_bias_moves_towards_what_is_used_too_little_and_evens_the_load() -> None:
    biases = [torch.zeros(4), torch.zeros(4)]
    move_bias(biases, torch.tensor([[8, 0, 4, 4], [4, 4, 4, 4]]), 0.001)
    assert biases[0].tolist() == [torch.tensor(-0.001).item(), torch.tensor(0.001).item(), 0.0, 0.0]
    assert biases[1].tolist() == [0.0] * 4
    model = model_of()
    tokens = tokens_of(32)
    worst = []
    for _ in range(60):
        with torch.no_grad():
            counts = model.loss(tokens, tokens).counts
        move_bias(biases_of(model), counts, 0.001)
        load = measured_load(counts)
        assert load is not None
        worst.append(load.variation)
    assert worst[-1] < 0.6 * worst[0]
