"""The whole model, with the parameter names of transformers' `Qwen3MoeForCausalLM` and `Qwen3ForCausalLM`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from trainer.configuration import ModelConfig
from trainer.model.attention import Places
from trainer.model.block import Block
from trainer.model.loss import IGNORED, LossParts, balance_loss, cross_entropy, z_loss


@dataclass(frozen=True, slots=True)
class Hidden:
    """What comes out of the last layer, and how the tokens were routed on the way.

    `hidden` (batch, length, hidden), after the last norm. For each layer of experts `router_logits` (T, experts)
    float32 and `chosen` (T, per token) int64, T being batch x length; `expert_counts` (layers, experts) int64.
    """

    hidden: Tensor
    router_logits: list[Tensor]
    chosen: list[Tensor]
    expert_counts: Tensor


class Decoder(nn.Module):
    """Embedding, layers and last norm: what transformers keeps under `model.`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)


class Transformer(nn.Module):
    """Qwen3-MoE, or the dense Qwen3 where the configuration has no experts.

    Made inside `torch.device("meta")` it takes no memory. Weights are uninitialised until `initialise` or
    loaded ones. With `recompute` set, a layer keeps only its input and the router's choice for the backward
    pass.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.recompute = False
        self.model = Decoder(config)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    @property
    def head(self) -> Tensor:
        """(vocabulary, hidden): the matrix that makes logits."""
        weight: Tensor = self.model.embed_tokens.weight if self.config.tie_word_embeddings else self.lm_head.weight
        return weight

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Random weights as transformers draws them: normal for matrices, ones for norms."""
        generators: dict[torch.device, torch.Generator] = {}
        for parameter in self.parameters():
            device = parameter.device
            if device not in generators:
                generators[device] = torch.Generator(device).manual_seed(seed)
            if parameter.dim() == 1:
                parameter.fill_(1.0)
            else:
                parameter.normal_(0.0, self.config.initializer_range, generator=generators[device])
        for name, buffer in self.named_buffers():
            if name.endswith("balance_bias"):
                buffer.zero_()

    def forward(self, tokens: Tensor, documents: Tensor | None = None) -> Hidden:
        """The hidden states of `tokens`.

        Args:
            tokens: (batch, length) int64.
            documents: (batch, length) integer ids; a token sees its own document only, whose positions begin at
                0. None: each row is one document.
        """
        x = self.model.embed_tokens(tokens)
        places = Places.of(tokens, documents, self.config, x.dtype)
        logits, chosen, counts = [], [], []
        for layer in self.model.layers:
            if self.recompute and torch.is_grad_enabled():
                x, routing, count = checkpoint(
                    layer, x, places, use_reentrant=False, context_fn=_keep_choices, preserve_rng_state=False
                )
            else:
                x, routing, count = layer(x, places)
            if routing is not None:
                logits.append(routing.logits)
                chosen.append(routing.chosen)
                counts.append(count)
        stacked = torch.stack(counts) if counts else torch.zeros(0, 0, dtype=torch.int64, device=x.device)
        return Hidden(self.model.norm(x), logits, chosen, stacked)

    def logits(self, tokens: Tensor, documents: Tensor | None = None) -> Tensor:
        """(batch, length, vocabulary): for tests and generation, not for training."""
        return functional.linear(self.forward(tokens, documents).hidden, self.head)

    def loss(
        self,
        tokens: Tensor,
        labels: Tensor,
        documents: Tensor | None = None,
        load: Callable[[Tensor], Tensor] | None = None,
    ) -> LossParts:
        """The parts of the loss of one batch.

        Args:
            tokens: (batch, length) int64.
            labels: (batch, length) int64, the token that is to follow each; `trainer.model.loss.IGNORED` for none.
            documents: as for `forward`.
            load: makes of this batch's counts (layers, experts) those that the balance is measured against, such
                as the sum over all ranks and the step's earlier batches.
        """
        out = self.forward(tokens, documents)
        flat_labels = labels.reshape(-1)
        nats = cross_entropy(out.hidden.reshape(-1, out.hidden.shape[-1]), self.head, flat_labels)
        labelled = (flat_labels != IGNORED).sum()
        if not out.router_logits:
            zero = torch.zeros((), device=nats.device)
            return LossParts(nats, labelled, zero, zero, out.expert_counts)
        counts = out.expert_counts if load is None else load(out.expert_counts)
        probabilities = torch.stack([logits.softmax(dim=-1).mean(dim=0) for logits in out.router_logits])
        z = torch.stack([z_loss(logits) for logits in out.router_logits]).mean()
        return LossParts(nats, labelled, balance_loss(probabilities, counts), z, out.expert_counts)


def _keep_choices() -> Any:
    """Activation checkpointing that keeps what `topk` gave: a recomputed choice could fall otherwise."""

    def policy(_context: object, operation: object, *_args: object, **_kwargs: object) -> CheckpointPolicy:
        kept = operation == torch.ops.aten.topk.default
        return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    make: Any = create_selective_checkpoint_contexts
    return make(policy)
