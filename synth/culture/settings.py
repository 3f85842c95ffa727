"""How cultural articles of a language are made: how many documents are judged, and where concepts come from."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sources.language import Fraction, Language
from synth.culture.annotation import AnnotationSettings
from synth.culture.articles import ArticleSettings
from synth.culture.concepts import Concept, ConceptIndex
from synth.culture.rating import RatingSettings
from synth.culture.sparql_results import read_results
from synth.culture.wikidata import SETTINGS, BadRows, read_concepts, read_tree, wikidata_settings


class ConceptFiles(BaseModel):
    """Files of Wikidata's concepts that articles may use; none are needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # A JSON dump of Wikidata, of all languages; it is read twice for each of them.
    dump: Path | None = None
    # Result files of a SPARQL endpoint by language, such as `ell_Grek: [greek.csv]`.
    results: dict[str, tuple[Path, ...]] = Field(default_factory=dict)
    # Classes, properties and bounds, in the place of `wikidata.yaml`.
    settings: Path | None = None

    def of(self, code: str) -> list[Path]:
        """The files that are read for a language, its settings first; none where there are no concepts."""
        found = [*([self.dump] if self.dump else []), *self.results.get(code, ())]
        return [self.settings or SETTINGS, *found] if found else []

    def index(self, language: Language) -> ConceptIndex | None:
        """The concepts of a language; None where no file is named.

        Raises:
            BabelmixError: a file cannot be read or is none of its kind.
        """
        return ConceptIndex(self._concepts(language), language) if self.of(language.code) else None

    def _concepts(self, language: Language) -> Iterator[Concept]:
        settings, bad, passed = wikidata_settings(self.settings or SETTINGS), BadRows(), Counter[str]()
        if self.dump:
            tree = read_tree(self.dump, settings, BadRows())
            yield from read_concepts(self.dump, language, settings, tree, bad, passed)
        for path in self.results.get(language.code, ()):
            yield from read_results(path, settings, bad, passed)


class CultureSettings(BaseModel):
    """Everything but the language that decides over what is written of its culture."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Documents of a language that are looked at, the first that were kept.
    documents: Annotated[int, Field(ge=1)] = 1_000_000
    # How many of these the model rates, a sample by their ids; the classifier learns from them.
    rated: Annotated[int, Field(ge=1)] = 3_000
    # The rating from which on a document is dense in culture.
    dense_from: Annotated[int, Field(ge=1, le=5)] = 3
    # The share of the documents above the classifier's threshold that must be dense.
    precision: Fraction = 0.8
    # Dense documents that are catalogued and written of, the first ones.
    articles: Annotated[int, Field(ge=1)] = 20_000
    rating: RatingSettings = RatingSettings()
    annotation: AnnotationSettings = AnnotationSettings()
    article: ArticleSettings = ArticleSettings()
    concepts: ConceptFiles = ConceptFiles()
