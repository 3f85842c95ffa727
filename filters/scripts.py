"""Which letters belong to a script, ISO 15924's."""

from functools import cache
from typing import Final

import regex

# Scripts that ISO 15924 names together, in Unicode's names.
_TOGETHER: Final = {
    "Jpan": ("Hira", "Kana", "Hani"),
    "Kore": ("Hang", "Hani"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
}
_LETTERS: Final = regex.compile(r"\p{L}")


def script_share(text: str, script: str) -> float:
    """The share of the letters of `text` that belong to `script`, 0 to 1; 0 for a text without letters."""
    letters = len(_LETTERS.findall(text))
    return len(script_letters(script).findall(text)) / letters if letters else 0.0


@cache
def script_letters(script: str) -> "regex.Pattern[str]":
    """A pattern of one letter of `script`."""
    names = "".join(rf"\p{{Script={name}}}" for name in _TOGETHER.get(script, (script,)))
    return regex.compile(rf"[[{names}]&&\p{{L}}]", regex.V1)
