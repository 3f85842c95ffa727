"""Literal special tokens in text, `<|endoftext|>` and its like, made harmless and counted.

Text that was written by a model, or about models, holds the strings that tokenizers reserve for control. A
trainer that lets its tokenizer read them as control ends a document, or starts a turn, in the middle of a text.
A word joiner (U+2060, which is shown as nothing) after the first character makes them plain text for good.
"""

import re
from typing import Final

# <|...|> of Qwen3, GPT and Llama 3 and DeepSeek's full-width kin; T5's and Phi-4's <extra_id_N>; Gemma's and
# Llama 2's turns. What is also HTML (<s>) or ordinary writing ([MASK]) is left alone, and so is <think>: to Qwen3
# it is text.
_TOKENS: Final = re.compile(
    r"<(?=\|[A-Za-z][A-Za-z0-9_]{0,40}\|>|｜[A-Za-z▁][A-Za-z0-9_▁]{0,40}｜>|extra_id_\d{1,3}>|(?:start|end)_of_turn>)"
    r"|\[(?=/?INST\])"
)
_JOINER: Final = "\u2060"


def neutralise(text: str) -> tuple[str, int]:
    """The text with every literal special token broken up, and how many there were."""
    if "<" not in text and "[" not in text:
        return text, 0
    return _TOKENS.subn(lambda found: found.group() + _JOINER, text)
