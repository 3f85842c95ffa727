"""What is asked of a language model and what comes back: the words that engines and tasks of this room share."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Literal, Protocol, TypeAlias

import orjson

FailureKind: TypeAlias = Literal["transport", "truncated", "unparsable", "refused", "check"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn; the names are those of the OpenAI-compatible interface."""

    max_tokens: int
    temperature: float = 0.7
    top_p: float = 0.95
    seed: int = 0
    # The completion must be one of these, if any are given.
    choice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One completion that is wanted."""

    # The template and its version, such as `questions/write@1`.
    prompt: str
    messages: tuple[Message, ...]
    sampling: Sampling
    # What the caller needs to go on with the completion (ids, languages); it says nothing of what is asked.
    context: Mapping[str, str] = field(default_factory=dict)

    def key(self, model: str, revision: str) -> str:
        """128 bits, hexadecimal, of all that decides over the completion; `context` is not part of it."""
        # The JSON of [model, revision, prompt, messages, sampling] with sorted names and no spaces, put together
        # by hand: it is made for every request of every run, and the standard library takes twice as long.
        messages = b",".join(
            b'{"content":%b,"role":%b}' % (_quoted(each.content), _quoted(each.role)) for each in self.messages
        )
        drawn = self.sampling
        numbers = (
            f'"max_tokens":{drawn.max_tokens!r},"seed":{drawn.seed!r},'
            f'"temperature":{drawn.temperature!r},"top_p":{drawn.top_p!r}'
        )
        text = b'[%b,%b,%b,[%b],{"choice":[%b],%b}]' % (
            _quoted(model),
            _quoted(revision),
            _quoted(self.prompt),
            messages,
            b",".join(map(_quoted, drawn.choice)),
            numbers.encode(),
        )
        return hashlib.blake2b(text, digest_size=16).hexdigest()


def _quoted(text: str) -> bytes:
    """`text` as JSON; half of a surrogate pair, which orjson refuses, in the three bytes that Python gives it."""
    try:
        return orjson.dumps(text)
    except orjson.JSONEncodeError:
        return encode_basestring(text).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote. `finish_reason` is the engine's: `stop`, or `length` where it was cut off."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no usable completion: the kind is counted, the reason is one line for a person."""

    kind: FailureKind
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A request with what became of it; a failed one may still have its completion, to look at."""

    request: Request
    completion: Completion | None
    failure: Failure | None = None
    # The completion was stored by an earlier run, or came with the project; nothing was generated.
    replayed: bool = False


class Engine(Protocol):
    """Completes requests, in any order, holding a bounded number of them at once."""

    @property
    def model(self) -> str:
        """The model's name as records give it."""

    @property
    def revision(self) -> str:
        """The commit or digest of its weights; empty where the server does not say."""

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """Every request once, as it is finished."""
