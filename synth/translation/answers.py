"""Final answers of exercises: where they stand, and whether two that look different are the same."""

import unicodedata
from fractions import Fraction
from typing import Final

import regex

from synth.translation.protection import ARGUMENT

_BOXED: Final = regex.compile(rf"\\boxed\s*({ARGUMENT})")
# GSM8K's mark, and a last line that names the answer.
_HASHES: Final = regex.compile(r"^####\s*(.+)$", regex.M)
_NAMED: Final = regex.compile(
    r"(?i)\b(?:the\s+)?(?:final\s+)?answer\s*(?:is|:|=)\s*:?[\s*]*(.{1,200}?)[\s*.]{0,20}$", regex.M
)
_LETTER: Final = regex.compile(r"\(?([A-Ja-j])[).]?")
_WRAPPED: Final = regex.compile(r"\\(?:text|textbf|mathrm|mathbf|mathit|operatorname|mbox)\s*\{([^{}]*)\}")
_FRACTION: Final = regex.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}|\\[dtc]?frac\s*(\d)\s*(\d)")
_DROPPED: Final = regex.compile(r"\\(?:left|right|displaystyle|limits|!|,|;|:|quad|qquad)(?![a-zA-Z])|\\\s|[$~\s]")
_GROUPED: Final = regex.compile(r"(?<![\d.,])\d{1,3}(?:(?:,|\{,\}|\\,)\d{3})+(?![\d,])")
_NUMBER: Final = regex.compile(r"[-+]?\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?")
_WORD: Final = regex.compile(r"(?<!\\)\b\p{L}{3,}")
# A number, or the letter of an option, where words are not spaced.
_TOKEN: Final = regex.compile(r"[-+−]?\p{Nd}(?:[\p{Nd}.,٫٬/\u00a0\u202f]*\p{Nd})?|(?<![A-Za-z])[A-J](?![A-Za-z])")
_MARKS: Final = str.maketrans({"٫": ".", "٬": ",", "\u00a0": " ", "\u202f": " ", "'": " ", "’": " ", "−": "-"})
_SAME: Final = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "÷": "/", "∕": "/", "π": "\\pi", "°": ""})


def final_answer(text: str) -> str | None:
    r"""What a solution gives as its answer; None where it names none.

    The last `\boxed{...}`, else the last line after `####`, else the end of the last line that says `answer is` or
    `answer:`.
    """
    boxed = _BOXED.findall(text)
    if boxed:
        return str(boxed[-1])[1:-1].strip()
    for pattern in (_HASHES, _NAMED):
        found = pattern.findall(text)
        if found:
            return str(found[-1]).strip().rstrip(".").strip()
    return None


def same_answer(one: str, other: str) -> bool:
    """Whether two answers are equal once spellings are one: LaTeX's signs, digits of any script, 1,000 and 1000,
    1/2 and 0.5 and a fraction in LaTeX, (A) and A; without regard to case. Units and sets are compared as written.
    """
    first, second = _normal(one), _normal(other)
    if first == second:
        return bool(first)
    values = _value(first), _value(second)
    return values[0] is not None and values[0] == values[1]


def names_answer(text: str, answer: str) -> bool:
    """Whether a solution in any language gives `answer`: as `final_answer`, or in its last line.

    Numbers are read by the usage of any language: 1.000 may be a thousand, and 2,5 two and a half.
    """
    found = final_answer(text)
    wanted = _readings(answer)
    if found is not None:
        return same_answer(found, answer) or bool(_readings(found) & wanted)
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    return any(
        same_answer(each, answer) or _readings(each) & wanted for each in (*_TOKEN.findall(last), *last.split())
    )


def _readings(answer: str) -> set[Fraction]:
    """The values that a number may have, with a point or a comma before its decimals; none if it is no number."""
    text = "".join(str(unicodedata.digit(each)) if each.isdecimal() else each for each in answer)
    text = text.translate(_MARKS).strip("$ .,")
    found = set()
    for thousands, decimals in ((",", "."), (".", ","), (" ", ","), (" ", ".")):
        grouped = rf"[-+]?[1-9]\d{{0,2}}(?:{regex.escape(thousands)}\d{{3}})+(?:{regex.escape(decimals)}\d+)?"
        plain = rf"[-+]?\d+(?:{regex.escape(decimals)}\d+)?"
        if regex.fullmatch(f"(?:{grouped})|(?:{plain})", text):
            found.add(Fraction(text.replace(thousands, "").replace(decimals, ".")))
    return found


def is_language(answer: str) -> bool:
    """Whether an answer holds words, which another language says otherwise; a formula or a letter does not."""
    return _WORD.search(_WRAPPED.sub(r" \1 ", answer)) is not None


def _normal(answer: str) -> str:
    text = "".join(str(unicodedata.digit(each)) if each.isdecimal() else each for each in answer)
    text = unicodedata.normalize("NFC", text).translate(_SAME).replace("\\%", "%").replace("\\$", "")
    text = _WRAPPED.sub(r"\1", text)
    text = _GROUPED.sub(lambda found: regex.sub(r"\D", "", found.group()), text)
    text = _FRACTION.sub(lambda found: f"{found[1] or found[3]}/{found[2] or found[4]}", text)
    text = str(_DROPPED.sub("", text)).strip(".").casefold()
    letter = _LETTER.fullmatch(text)
    return str(letter[1]) if letter else text


def _value(text: str) -> Fraction | None:
    if not _NUMBER.fullmatch(text):
        return None
    over, _, under = text.partition("/")
    try:
        return Fraction(over) / Fraction(under) if under else Fraction(over)
    except ZeroDivisionError:
        return None
