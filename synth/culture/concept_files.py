"""The concepts of a language, out of the files that the settings name."""

from collections import Counter
from collections.abc import Iterator

from sources.language import Language
from synth.culture.concepts import Concept, ConceptIndex
from synth.culture.settings import ConceptFiles
from synth.culture.sparql_results import read_results
from synth.culture.wikidata import BadRows, read_concepts, read_tree
from synth.culture.wikidata_settings import SETTINGS, wikidata_settings


def concept_index(files: ConceptFiles, language: Language) -> ConceptIndex | None:
    """The concepts of a language; None where no file is named.

    Raises:
        BabelmixError: a file cannot be read or is none of its kind.
    """
    return ConceptIndex(_concepts(files, language), language) if files.of(language.code) else None


def _concepts(files: ConceptFiles, language: Language) -> Iterator[Concept]:
    settings, bad, passed = wikidata_settings(files.settings or SETTINGS), BadRows(), Counter[str]()
    if files.dump:
        tree = read_tree(files.dump, settings, BadRows())
        yield from read_concepts(files.dump, language, settings, tree, bad, passed)
    for path in files.results.get(language.code, ()):
        yield from read_results(path, settings, bad, passed)
