"""An engine for tests: it answers from a script, out of order if it is told to."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from synth.request import Completion, Failure, Finished, Request

# A text, what a function makes of the request, or nothing at all.
Answer: TypeAlias = str | Completion | Callable[[Request], str | Completion | None] | None


class ScriptedEngine:
    """Answers each request by its prompt's name (`questions/write`): a text, or what a function makes of it.

    A prompt without an answer, and an answer that is None, fail in transport. `shuffle` gives results back in a
    random order. `asked` counts the requests by prompt.
    """

    model, revision = "scripted", "1"

    def __init__(self, answers: Mapping[str, Answer], shuffle: int | None = None) -> None:
        self.answers, self.shuffle = answers, shuffle
        self.asked: Counter[str] = Counter()
        self.most_at_once = 0

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        every = list(requests)
        self.most_at_once = max(self.most_at_once, len(every))
        if self.shuffle is not None:
            random.Random(self.shuffle).shuffle(every)
        for request in every:
            name = request.prompt.partition("@")[0]
            self.asked[name] += 1
            answer = self.answers.get(name)
            text = answer(request) if callable(answer) else answer
            if text is None:
                yield Finished(request, None, Failure("transport", "no server"))
            elif isinstance(text, Completion):
                yield Finished(request, text)
            else:
                yield Finished(request, Completion(text, "stop", 10, 10))
