"""Literal special tokens in text, `<|endoftext|>` and its like, made harmless and counted.

Text that was written by a model, or about models, holds the strings that tokenizers reserve for control. A
trainer that lets its tokenizer read them as control ends a document, or starts a turn, in the middle of a text.
A word joiner (U+2060, which is shown as nothing and breaks no line) after the first character makes them plain
text for good: it is neither white space nor removed by Unicode's normal forms or ftfy.

What counts as special, and where its tokenizer says so (`added_tokens` with `"special": true`):

- `<|...|>`: Qwen3, GPT-2 to gpt-oss, Llama 3 and 4, Phi, Falcon, Kimi, Command R; `<｜...｜>` of DeepSeek.
- `<extra_id_0>` of T5; `<start_of_turn>`, `<end_of_turn>` of Gemma; `[INST]`, `[/INST]` of Mistral and Llama 2.

Left alone is what people write for other reasons: `<s>`, `</s>` and `<mask>` are HTML or markup, `<pad>`, `<bos>`
and `[MASK]` stand in code and papers; and `<think>` and `<tool_call>`, which Qwen3's tokenizer declares as
`"special": false`: they are the text of reasoning and of agents.
"""

import re
from typing import Final

_TOKENS: Final = re.compile(
    r"<(?=\|[A-Za-z][A-Za-z0-9_]{0,40}\|>|｜[A-Za-z▁][A-Za-z0-9_▁]{0,40}｜>|extra_id_\d{1,3}>|(?:start|end)_of_turn>)"
    r"|\[(?=/?INST\])"
)
_JOINER: Final = "\u2060"


def neutralise(text: str) -> tuple[str, int]:
    """The text with every literal special token broken up, and how many there were; twice is as once."""
    if not _suspect(text):
        return text, 0
    return _TOKENS.subn(lambda found: found.group() + _JOINER, text)


def _suspect(text: str) -> bool:
    # A search for one character is many times faster than one for a string, and this faster than the pattern,
    # which would slow HTML and code down.
    if "<" in text and ("<|" in text or "<｜" in text or "<extra_id_" in text or "_of_turn>" in text):
        return True
    return "[" in text and "INST]" in text
