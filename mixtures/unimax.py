"""Sharing out whole tokens: by shares alone, and by shares under caps (UniMax).

Both are exact (fractions, not floats), conserve the total, and do not depend on the order of their arguments.
"""

from collections.abc import Mapping
from fractions import Fraction


def share_out(total: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """`total` tokens in proportion to `weights`, to whole tokens by largest remainder; ties go by name."""
    whole = sum(weights.values())
    if whole == 0:
        return dict.fromkeys(weights, 0)
    return _whole_tokens({name: total * weight / whole for name, weight in weights.items()})


def unimax(total: int, weights: Mapping[str, Fraction], caps: Mapping[str, int]) -> dict[str, int]:
    """`total` tokens in proportion to `weights`, but nobody above their cap.

    UniMax (Chung et al. 2023, "UniMax: Fairer and More Effective Language Sampling") gives every language the
    same, and what the small ones cannot hold goes to the others in equal parts. With weights, parts are in
    proportion to them, so those that are not capped keep their ratios; with equal weights this is UniMax.
    Less than `total` is given out only if all caps of names with a weight are reached.
    """
    given: dict[str, Fraction] = {name: Fraction(0) for name in weights}
    left, weight_left = Fraction(total), Fraction(sum(weights.values()))
    # From the one that is full first to the one that is full last.
    open_names = sorted((name for name in weights if weights[name] > 0), key=lambda n: (caps[n] / weights[n], n))
    for position, name in enumerate(open_names):
        if caps[name] * weight_left >= left * weights[name]:
            for other in open_names[position:]:
                given[other] = left * weights[other] / weight_left
            break
        given[name] = Fraction(caps[name])
        left -= caps[name]
        weight_left -= weights[name]
    # Caps are whole, so rounding a part up cannot pass them.
    return _whole_tokens(given)


def _whole_tokens(parts: Mapping[str, Fraction]) -> dict[str, int]:
    """The parts rounded so that their sum is kept; it must be whole."""
    rounded = {name: int(part) for name, part in parts.items()}
    missing = int(sum(parts.values())) - sum(rounded.values())
    by_remainder = sorted(parts, key=lambda name: (rounded[name] - parts[name], name))
    for name in by_remainder[:missing]:
        rounded[name] += 1
    return rounded
