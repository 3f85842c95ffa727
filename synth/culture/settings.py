"""How cultural articles of a language are made: how many documents are judged, and where concepts come from."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from sources.language import Fraction
from synth.culture.wikidata_settings import SETTINGS

# The source that articles stand under.
SOURCE: Final = "synthetic-culture"


class RatingSettings(BaseModel):
    """Everything but the language that decides over a rating."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = "culture/rate"
    region: str = "the places where it is spoken"
    seed: int = 0


class AnnotationSettings(BaseModel):
    """Everything but the language that decides over an annotation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = "culture/annotate"
    region: str = "the places where it is spoken"
    seed: int = 0


class ArticleSettings(BaseModel):
    """Everything but the language that decides over an article."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = "culture/article"
    concepts: Annotated[int, Field(ge=0)] = 5
    seed: int = 0
    # Visible characters of an article: of 100 words in the densest script, of 1,200 in the widest.
    shortest: Annotated[int, Field(ge=1)] = 150
    longest: Annotated[int, Field(ge=1)] = 8_000
    script: Fraction = 0.5
    # The share of n-grams that the document does not have: less is a copy, more is about something else.
    least_novelty: Fraction = 0.2
    most_novelty: Fraction = 0.97
    # Numbers above 12 that neither the document nor a record has, and the share of names that one of them has.
    new_numbers: Annotated[int, Field(ge=0)] = 0
    names_known: Fraction = 0.5
    window: Annotated[float, Field(ge=0)] = 0.6
    repetition: Annotated[float, Field(gt=0)] = 1.0
    source: str = SOURCE
    category: str = "synthetic"


class ConceptFiles(BaseModel):
    """Files of Wikidata's concepts that articles may use; none are needed. `concept_files` reads them."""

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
