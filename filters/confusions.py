"""How well an identifier knows the languages: precision and recall on labelled text, and what it takes them for.

A text is accepted where the probability of its language reaches the language's threshold, as in curation.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from filters.identifiers import IdentifierName, identified, identify
from sources.language import Language

# Languages that identifiers take for one another, by code; some of them are not in the curriculum.
RELATED: Final[tuple[tuple[str, ...], ...]] = (
    ("nob_Latn", "dan_Latn", "swe_Latn"),
    ("hrv_Latn", "srp_Cyrl", "bos_Latn", "slv_Latn"),
    ("zsm_Latn", "ind_Latn", "jav_Latn"),
    ("glg_Latn", "por_Latn", "spa_Latn", "cat_Latn"),
    ("ces_Latn", "slk_Latn"),
    ("hin_Deva", "mar_Deva", "npi_Deva"),
)


@dataclass(frozen=True, slots=True)
class Recognition:
    """What the identifier says of labelled texts of one language.

    `recall` is the share that is accepted, `first` the share whose first label is the right one. `precision` is
    the share of this language among all labelled texts whose first label is the language's and reaches its
    threshold; None where there are none, and where the identifier does not know the language (recall is then 0).
    """

    code: str
    texts: int
    recall: float
    first: float
    precision: float | None
    # How often each label came first, the most frequent first; labels of registered languages as their codes.
    labels: tuple[tuple[str, int], ...]


def recognition(
    labelled: Mapping[str, Sequence[str]], registered: Mapping[str, Language], identifier: IdentifierName
) -> dict[str, Recognition]:
    """Precision and recall of each registered language that `labelled` has texts of, by code.

    `labelled` may have texts under names that are not registered (`bos_Latn`): they count against the precision of
    those that they are taken for.
    """
    codes = label_codes(registered.values(), identifier)
    thresholds = {
        code: known.threshold for code, each in registered.items() if (known := identified(each, identifier))
    }
    recalls: dict[str, float] = {}
    firsts: dict[str, Counter[str]] = {}
    accepted: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for code, texts in labelled.items():
        known = identified(registered[code], identifier) if code in registered else None
        found = identify(list(texts), known.label if known else "", identifier)
        names = [codes.get(label, label) for label in found.first]
        firsts[code] = Counter(names)
        recalls[code] = float(np.mean(found.score >= known.threshold)) if known and len(texts) else 0.0
        for name, score in zip(names, found.first_score, strict=True):
            if name in thresholds and score >= thresholds[name]:
                accepted[name] += 1
                right[name] += name == code
    return {
        code: Recognition(
            code,
            len(texts),
            recalls[code],
            firsts[code][code] / max(len(texts), 1),
            right[code] / accepted[code] if accepted[code] else None,
            tuple(sorted(firsts[code].items(), key=lambda item: (-item[1], item[0]))),
        )
        for code, texts in labelled.items()
        if code in registered
    }


def label_codes(registered: Iterable[Language], identifier: IdentifierName) -> dict[str, str]:
    """The codes of the registered languages by the identifier's labels."""
    return {known.label: each.code for each in registered if (known := identified(each, identifier))}


def confusion_table(
    labelled: Mapping[str, Sequence[str]],
    registered: Mapping[str, Language],
    identifier: IdentifierName,
    group: Sequence[str],
) -> tuple[list[str], list[tuple[str, list[float]]]]:
    """What the texts of some related languages are taken for.

    Returns the columns, the languages of `group` that have a label and "other", and a row for each of `group` that
    has texts: its code and the share of its texts with each first label.
    """
    codes = label_codes(registered.values(), identifier)
    columns = [code for code in group if code in codes.values()]
    rows = []
    for code in group:
        if not labelled.get(code):
            continue
        counts = Counter(codes.get(label, label) for label in identify(list(labelled[code]), "", identifier).first)
        shares = [counts[column] / counts.total() for column in columns]
        rows.append((code, [*shares, 1 - sum(shares)]))
    return [*columns, "other"], rows
