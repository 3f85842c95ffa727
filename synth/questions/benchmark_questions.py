"""Questions that a benchmark has: a model that was trained on them cannot be tested with them.

Long ones are found as documents are, by runs of words (`filters/contamination.py`). That looks for no item of
fewer than eight words, and many a regional question is shorter: these are found where stem and stem are the same
words.
"""

import hashlib
from collections.abc import Sequence
from functools import cache

import pyarrow as pa

from filters.benchmark_items import benchmark_items
from filters.contamination import Units, benchmark_index
from filters.settings import Contamination
from filters.statistics import measure
from sources.language import Language
from synth.questions.check import Checked, at_most
from synth.questions.record import Draft
from synth.questions.wording import normalised


def benchmark_checks(drafts: Sequence[Draft], language: Language, settings: Contamination) -> list[Checked]:
    """`set.benchmark` of each question: 1 where a benchmark has it, or else the share of an item that it has.

    Raises:
        BabelmixError: as `filters.benchmark_items.benchmark_items`.
    """
    if not drafts:
        return []
    units = Units.of(settings, language)
    index = benchmark_index(settings.lists, settings.digest, units)
    texts = ["\n".join((draft.stem, *draft.options)) for draft in drafts]
    held = index.matches(measure(pa.array(texts, pa.large_string()), language), settings)
    stems = _stems(settings.lists, settings.digest)
    said = []
    for at, draft in enumerate(drafts):
        match = held[at][0] if at in held else None
        same = stems.get(_hash(draft.stem))
        score = 1.0 if same is not None or (match and match.run) else match.share if match else 0.0
        detail = same or (f"{match.item.benchmark}: {match.item.id}" if match else "")
        said.append(at_most("set.benchmark", score, 0.0, "benchmark", detail))
    return said


@cache
def _stems(lists: tuple[str, ...], digest: str) -> dict[bytes, str]:
    """The stems of all items by hash: of each the first line, and all of it; 16 bytes and a shared name each."""
    found: dict[bytes, str] = {}
    names: dict[str, str] = {}
    for item in benchmark_items(lists):
        name = names.setdefault(item.benchmark, item.benchmark)
        for text in {item.question, item.question.partition("\n")[0]}:
            if normalised(text):
                found.setdefault(_hash(text), name)
    return found


def _hash(text: str) -> bytes:
    return hashlib.blake2b(normalised(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()
