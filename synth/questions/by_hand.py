"""The questions that were written by hand for the sample pack, as a model would write them."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import regex

from sources.language import Language, languages
from synth.questions.record import Draft, Passage, shuffled
from synth.questions.wording import shingles
from synth.request import Request

TEXTS: Final = Path(__file__).parent.parent.parent / "sources" / "sample_pack" / "texts"
_SENTENCE: Final = regex.compile(r"(?<=[.!?。？！۔।።။؟])\s*|\n+")


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its passage, how the model writes it, and what a verifier that knows says of it."""

    language: Language
    draft: Draft
    passage: Passage
    # Other documents of the language, for what is planted.
    others: tuple[str, ...]
    # Every option that is right.
    right: tuple[str, ...]
    # Whether the passage says so.
    proved: bool = True
    # The completion, where it is not what the draft says, and why it ended.
    text: str = ""
    finish_reason: str = "stop"

    def drafted(self, **changed: object) -> "Item":
        """With another draft; where the answer changes, the new one is right."""
        draft = replace(self.draft, **changed)  # type: ignore[arg-type]
        return replace(self, draft=draft, right=(draft.answer, *self.right[1:]))


def items(code: str, texts: Path = TEXTS) -> list[Item]:
    """The questions by hand of a language; quoted is the sentence that says most of answer and explanation."""
    content = json.loads((texts / f"{code}.json").read_text(encoding="utf-8"))
    every = [each["text"] for each in content["documents"]]
    found = []
    for asked in content["mcqs"]:
        options = list(asked["options"])
        answer = options.pop(asked["answer"])
        text = every[asked["document"]]
        quote = best_sentence(text, f"{answer} {asked['explanation']}")
        draft = Draft(asked["question"], answer, tuple(options), asked["explanation"], quote)
        passage = Passage(f"{code}-{asked['document']}", text, "CC0-1.0")
        others = tuple(each for each in every if each != text)
        found.append(Item(languages()[code], draft, passage, others, (answer,)))
    return found


def best_sentence(text: str, wanted: str) -> str:
    """The sentence of the text that has most in common with what is wanted, for its length."""
    said = shingles(wanted)
    return max(sentences(text), key=lambda each: len(said & shingles(each)) / (len(shingles(each)) + 20))


def sentences(text: str) -> list[str]:
    """The sentences of a text, where they end with a mark."""
    return [each.strip() for each in _SENTENCE.split(text) if each and len(each.strip()) > 3]


def written(draft: Draft) -> str:
    """A completion as `questions/write` asks for it."""
    wrong = "\n".join(f"<distractor>{each}</distractor>" for each in draft.distractors)
    return (
        f"<stem>{draft.stem}</stem>\n<answer>{draft.answer}</answer>\n{wrong}\n"
        f"<explanation>{draft.explanation}</explanation>\n<quote>{draft.quote}</quote>"
    )


def verdict(item: Item | None, request: Request) -> str:
    """What a verifier that knows the item answers; where it cannot know, any option, by a hash of the request."""
    name = request.prompt.partition("@")[0].rpartition("/")[2]
    shown = request.messages[-1].content
    if name == "safety":
        return "no"
    if name == "specificity":
        return "4"
    if name == "judge":
        said = regex.search(r"^Answer: (.*)$", shown, regex.M)
        return "yes" if item and item.proved and said and said[1] in item.right else "no"
    if name == "solve" and (item is None or not item.proved):
        return "?"
    options = regex.findall(r"^([A-D])\. (.*)$", shown, regex.M)
    right = [letter for letter, option in options if item and name != "options_only" and option in item.right]
    letters = right or list("ABCD")
    return str(letters[shuffled(len(letters), request.key("", ""), 0)[0]])
