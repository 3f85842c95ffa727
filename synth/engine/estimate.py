"""What a run would cost, before it is started."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from synth.engine.store import Store
from synth.request import Request

# ChatML, the template of Qwen's models: `<|im_start|>`, the role and a newline before a message's text,
# `<|im_end|>` and a newline after it; the same without the last two where the model goes on.
_AROUND_MESSAGE: Final = 5
_BEFORE_ANSWER: Final = 3
_SECONDS_PER_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Estimate:
    """Requests and tokens that are not in the store yet. Completions are counted at their longest."""

    requests: int
    stored: int
    prompt_tokens: int
    completion_tokens: int
    gpu_hours: float

    def line(self) -> str:
        """One line for a person."""
        stored = f" ({self.stored:,} more are stored)" if self.stored else ""
        return (
            f"{self.requests:,} requests{stored}, {self.prompt_tokens:,} prompt tokens, at most"
            f" {self.completion_tokens:,} completion tokens, at most {self.gpu_hours:,.2f} GPU hours"
        )


def estimate(
    requests: Iterable[Request],
    count: Callable[[str], int],
    tokens_per_second: float,
    prompt_tokens_per_second: float | None = None,
    *,
    store: Store | None = None,
    model: str = "",
    revision: str = "",
) -> Estimate:
    """Adds up what `requests` ask for; nothing is generated.

    Args:
        requests: those of the run.
        count: tokens of a text, by the model's tokenizer.
        tokens_per_second: what one GPU generates, of all its requests together.
        prompt_tokens_per_second: what one GPU reads; without it reading counts as free, as it nearly is where
            prompts are short or share their beginnings.
        store: where the completions of earlier runs are; what it has by `model` and `revision` costs nothing.
    """
    wanted = stored = prompt = completion = 0
    seen: dict[str, int] = {}
    for request in requests:
        if store is not None and request.key(model, revision) in store:
            stored += 1
            continue
        wanted += 1
        completion += request.sampling.max_tokens
        prompt += _BEFORE_ANSWER
        for message in request.messages:
            # A task's system message is the same text every time.
            if message.role == "system":
                if message.content not in seen:
                    seen = {message.content: count(message.content)}
                prompt += _AROUND_MESSAGE + seen[message.content]
            else:
                prompt += _AROUND_MESSAGE + count(message.content)
    seconds = completion / tokens_per_second
    if prompt_tokens_per_second is not None:
        seconds += prompt / prompt_tokens_per_second
    return Estimate(wanted, stored, prompt, completion, seconds / _SECONDS_PER_HOUR)
