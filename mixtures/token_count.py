"""Token counts as people write and read them: `500G` in a recipe, `16.0G` in a table."""

import re
from typing import Final

UNITS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_FORM: Final = re.compile(r"(\d+)(?:\.(\d+))?\s*([kKmMgGbBtT]?)")


def parse_tokens(text: str | int) -> int:
    """Tokens of `500G`, `2.4T`, `1.5M`, `300k` or a plain whole number; decimal units, G and B are the same.

    Raises:
        ValueError: anything else; a negative number or a fraction of a token too.
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise ValueError(f"{text!r} is not a number of tokens; write 500G, 1.5M or a whole number")
    form = _FORM.fullmatch(str(text).strip())
    if form is None:
        raise ValueError(f"{text!r} is not a number of tokens; write 500G, 1.5M or a whole number")
    whole, fraction, unit = form.group(1), form.group(2) or "", form.group(3)
    scale = UNITS[unit.lower() if unit in "kK" else unit.upper()]
    # Whole-number arithmetic: 2.4T is not 2.3999999T, as it may be through a float.
    parts: int = 10 ** len(fraction)
    tokens, rest = divmod(int(whole + fraction) * scale, parts)
    if rest:
        raise ValueError(f"{text!r} is not a whole number of tokens")
    return tokens


def format_tokens(tokens: int) -> str:
    """Four characters or so: 950, 16.0k, 3.12M, 500G, 2.40T."""
    for unit, scale in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        # Half a last digit earlier, so that 999,950 reads 1.00M and not 1000k.
        if tokens >= scale - scale // 2000:
            value = tokens / scale
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f}{unit}"
    return str(tokens)
