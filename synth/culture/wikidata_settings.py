"""Which items of Wikidata are concepts: `wikidata.yaml`, or a file of one's own."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from sources.language import Language
from sources.loading import load_yaml

SETTINGS: Final = Path(__file__).parent / "wikidata.yaml"


class WikidataSettings(BaseModel):
    """Which items are concepts. `wikidata.yaml` holds the defaults; another file may be loaded in its place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: dict[str, tuple[str, ...]]
    instance_of: tuple[str, ...]
    subclass_of: tuple[str, ...]
    regions: tuple[str, ...]
    iso_code: str
    fewest_sitelinks: int = Field(ge=0)
    most_sitelinks: int = Field(ge=0)
    languages: dict[str, tuple[str, ...]]

    def codes(self, language: Language) -> tuple[str, ...]:
        """Wikidata's codes of a language, the first that has a label counts."""
        return self.languages.get(language.code) or (language.iso639_1 or language.iso639_3,)


def wikidata_settings(path: Path = SETTINGS) -> WikidataSettings:
    """The settings in a YAML file.

    Raises:
        BabelmixError: it cannot be read or does not fit.
    """
    return load_yaml(path, WikidataSettings)
