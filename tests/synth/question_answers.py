"""What a model would answer to the prompts of questions, in Greek; the same prompt has the same answer.

Its sentences are words of the sample pack's Greek documents, drawn by a hash of the prompt: they mean nothing, but
are in the language, differ from one another and hold together as a question, its options and its passage must.
"""

import hashlib
import json
import random
from functools import cache

import regex

from synth.questions.by_hand import TEXTS

_WORD = regex.compile(r"\p{Greek}{5,9}")


@cache
def _words() -> tuple[str, ...]:
    content = json.loads((TEXTS / "ell_Grek.json").read_text(encoding="utf-8"))
    every = " ".join(each["text"] for each in content["documents"])
    return tuple(sorted({word.lower() for word in _WORD.findall(every)}))


def _sentence(draw: random.Random, count: int) -> str:
    return " ".join(draw.sample(_words(), count)).capitalize()


def answered(asked: str) -> str:
    """The completion of the prompt whose last message is `asked`."""
    draw = random.Random(hashlib.blake2b(asked.encode(), digest_size=8).digest())
    if "<topic>words</topic>" in asked:
        return "\n".join(f"<topic>{word} {number}</topic>" for number, word in enumerate(_words()[:3]))
    if "<concept>" in asked:
        names = (" ".join(draw.sample(_words(), 2)) for _ in range(4))
        return "\n".join(f"<concept>{name} | a custom</concept>" for name in names)
    if "<note>" in asked:
        return "<note>" + " ".join(f"{_sentence(draw, 12)}." for _ in range(8)) + "</note>"
    passage = asked.partition("<passage>\n")[2].partition("\n</passage>")[0]
    said = draw.choice(passage.split(". ")).rstrip(".")
    rest = said.split()
    options = [" ".join(draw.sample(_words(), 2)) for _ in range(3)]
    return (
        f"<stem>{' '.join(rest[:8])};</stem>\n<answer>{' '.join(rest[8:10])}</answer>\n"
        + "\n".join(f"<distractor>{each}</distractor>" for each in options)
        + f"\n<explanation>{said}.</explanation>\n<quote>{said}.</quote>"
    )
