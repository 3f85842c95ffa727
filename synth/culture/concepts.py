"""Cultural concepts: things with a name, a class and a region, and which of them a text speaks of."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Language
from synth.culture.regions import region_name

# Words of a label that are looked for.
_LONGEST: Final = 6
# Letters of a label: shorter ones are other words as well.
_SHORTEST: Final = 4
_SHORTEST_UNSPACED: Final = 2


@dataclass(frozen=True, slots=True)
class Concept:
    """One item of Wikidata, or of a record like it."""

    # `Q184296`
    id: str
    # Its classes by the settings' names, such as `dish`.
    classes: tuple[str, ...]
    # ISO 3166-1 codes, or identifiers of items whose code is not known.
    regions: tuple[str, ...]
    # In the target language and in English.
    label: str
    english: str
    description: str
    english_description: str
    # Other names in the target language.
    aliases: tuple[str, ...]
    sitelinks: int


class ConceptIndex:
    """Finds which concepts a text names; holds all concepts of a language, some 300 bytes each."""

    def __init__(self, concepts: Iterable[Concept], language: Language) -> None:
        self._tokenizer = IcuWordTokenizer(language.segmentation)
        unspaced = language.segmentation.rule == "dictionary"
        self._shortest = _SHORTEST_UNSPACED if unspaced else _SHORTEST
        self._by_words: dict[tuple[str, ...], list[Concept]] = defaultdict(list)
        self.count = 0
        for concept in concepts:
            self.count += 1
            for name in {concept.label, *concept.aliases}:
                words = self._words(name)
                if words and len(words) <= _LONGEST and sum(map(len, words)) >= self._shortest:
                    self._by_words[words].append(concept)

    def named(self, text: str, region: str | None = None, most: int = 5) -> list[Concept]:
        """The concepts whose label or alias stands in `text`, at most `most`.

        Those of `region` (its country) come first, then those that are named more often, then by their id. Of two
        names at one place the longer counts.
        """
        words = self._words(text)
        times: dict[str, int] = defaultdict(int)
        found: dict[str, Concept] = {}
        at = 0
        while at < len(words):
            for length in range(min(_LONGEST, len(words) - at), 0, -1):
                if concepts := self._by_words.get(words[at : at + length]):
                    for concept in concepts:
                        times[concept.id] += 1
                        found[concept.id] = concept
                    at += length - 1
                    break
            at += 1
        country = region[:2] if region else None
        ordered = sorted(found.values(), key=lambda each: (country not in each.regions, -times[each.id], each.id))
        return ordered[:most]

    def _words(self, text: str) -> tuple[str, ...]:
        words = (each.casefold() for each in self._tokenizer.word_tokenize(text))
        return tuple(each for each in words if any(map(str.isalnum, each)))


def described(concepts: Iterable[Concept]) -> str:
    """The records as a prompt shows them, a line each; `none` where there are none."""
    lines = []
    for each in concepts:
        parts = [f"{each.label} ({each.english})", ", ".join(each.classes).replace("_", " ")]
        # An item whose code is not known says nothing to a reader.
        regions = ", ".join(region_name(region) for region in each.regions if len(region) == 2)
        parts += [part for part in (regions, each.description or each.english_description) if part]
        lines.append(f"{each.id}: {'; '.join(parts)}")
    return "\n".join(lines) or "none"
