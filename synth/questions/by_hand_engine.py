"""An engine that gives the questions by hand as a model would: what recordings of the sample pack are made with.

It stands where no model is. It answers the requests of `make_questions` for documents of the sample pack with the
pack's own questions, and as a verifier with what is known of them, so that the whole path can be recorded and
replayed. The last question of each language it writes with a planted fault, which the checks must drop.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import regex

from synth.questions.by_hand import TEXTS, Item, items, verdict, written
from synth.questions.planted import plant
from synth.questions.wording import normalised, words
from synth.request import Completion, Finished, Request

# Characters of a document by which it is known again after it was cleaned.
_KNOWN_BY: Final = 40


class ByHand:
    """See `synth.request.Engine`: the questions by hand of some languages, good ones and ones with planted faults.

    It writes on documents (`questions/concepts_in`, `questions/write`) and does all model checks. Of a document
    that no question was written of it names no concept.
    """

    model: Final = "by-hand"
    revision: Final = ""

    def __init__(self, codes: Sequence[str], texts: Path = TEXTS, planted: bool = True) -> None:
        """
        Args:
            codes: the languages.
            texts: the sample pack's folder of texts.
            planted: whether the last question of a language gets a fault.
        """
        self._items: dict[tuple[str, str], Item] = {}
        for code in codes:
            *good, last = items(code, texts)
            for item in [*good, plant(last, texts) if planted else last]:
                self._add(item)

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`; in the order of the requests."""
        for request in requests:
            yield Finished(request, self._answer(request))

    def _add(self, item: Item) -> None:
        """Under a name for its concept that no other item of its document has: words of its stem."""
        every = sorted(words(item.draft.stem), key=len, reverse=True) or [item.language.native_name]
        known = _known_by(item.passage.text)
        for count in range(1, len(every) + 2):
            name = " ".join(every[:count])[:60].strip()
            if (known, name) not in self._items:
                self._items[(known, name)] = item
                return

    def _answer(self, request: Request) -> Completion:
        name, shown = request.prompt.partition("@")[0], request.messages[-1].content
        if name == "questions/concepts_in":
            flat = normalised(shown)
            names = [name for (known, name) in self._items if known in flat]
            text = "\n".join(f"<concept>{each}</concept>" for each in names) or "<skip>nothing by hand</skip>"
            return Completion(text, "stop", 0, 0)
        if name == "questions/write":
            return self._written(shown)
        asked = [each for each in self._items.values() if each.draft.stem in shown]
        # Of several with one stem, the one whose options are shown.
        item = max(asked, key=lambda each: sum(option in shown for option in each.draft.options), default=None)
        return Completion(verdict(item, request), "stop", 0, 0)

    def _written(self, shown: str) -> Completion:
        concept = regex.findall(r"^Concept: (.*)$", shown, regex.M)
        flat = normalised(shown)
        for (known, name), item in self._items.items():
            if concept and name == concept[0] and known in flat:
                return Completion(item.text or written(item.draft), item.finish_reason, 0, 0)
        return Completion("<skip>nothing by hand</skip>", "stop", 0, 0)


@cache
def _known_by(text: str) -> str:
    return normalised(text)[:_KNOWN_BY]
