"""How a language's pairs are mined, from its file to its best: the settings of the chain and of the ranking."""

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from filters.bitext import benchmark_lists
from filters.bitext.ranking import model_files
from filters.bitext.ranking.settings import Ranking
from filters.bitext.settings import BitextSettings
from sources.language import Language
from sources.loading import load_yaml
from sources.profile import HUB

BITEXT_ENVIRONMENT: Final = "BABELMIX_BITEXT"
# The model whose scores Marco-MoE's pairs were chosen by.
QWEN3_8B: Final = "Qwen/Qwen3-Embedding-8B"


class Mining(BaseModel):
    """Everything but the language that decides which pairs are among the best."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chain: BitextSettings = BitextSettings()
    ranking: Ranking = Ranking()

    @classmethod
    def for_profile(cls, profile: str) -> "Mining":
        """The settings of `sample`, `hub`, or a mirror (a folder or URL).

        The environment variable `BABELMIX_BITEXT` names a YAML file with the fields of `Mining`, which takes their
        place. The Hub's pairs are ranked by Qwen3-Embedding-8B, all others by the heuristic.

        Raises:
            BabelmixError: the file is wrong, or names a model's folder or a list that is not there.
        """
        own = os.environ.get(BITEXT_ENVIRONMENT)
        if own:
            return load_yaml(Path(own), cls).pinned()
        return cls(ranking=Ranking(model=QWEN3_8B if profile == HUB else None))

    def pinned(self) -> "Mining":
        """These settings with the digests of the files that they name.

        Raises:
            BabelmixError: a file is not there.
        """
        contamination = self.chain.contamination
        ranking = self.ranking
        if contamination.lists:
            known = benchmark_lists.digest(contamination.lists)
            contamination = contamination.model_copy(update={"digest": known})
        if ranking.model is not None:
            ranking = ranking.model_copy(update={"digest": model_files.digest(ranking.model)})
        return Mining(chain=self.chain.model_copy(update={"contamination": contamination}), ranking=ranking)

    def deciding(self, language: Language) -> dict[str, Any]:
        """What the best pairs of `language` depend on, as JSON."""
        read = language.model_dump(
            mode="json", include={"code", "script", "segmentation", "identifiers", "thresholds"}
        )
        identifier = read["identifiers"][self.chain.identification.identifier]
        return {
            "settings": self.model_dump(mode="json"),
            "language": {
                **{name: read[name] for name in ("code", "script", "segmentation")},
                "label": identifier and identifier["label"],
                "stopwords": read["thresholds"]["stopwords"],
            },
            "measured": _measured(),
        }


@cache
def _measured() -> str:
    """SHA-256 over what this package knows of languages: lengths, identifiers' mistakes, phrases."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
