"""What is synthesised and by whom: the file that `BABELMIX_SYNTHESIS` names, or the sample pack's recordings."""

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sources.loading import load_yaml
from sources.profile import SAMPLE
from synth.culture.settings import CultureSettings
from synth.engine.settings import EngineSettings
from synth.questions.settings import Model, QuestionSettings, Tree
from synth.rephrasing.settings import RephraseSettings
from synth.translation.settings import TranslationSettings

SYNTHESIS_ENVIRONMENT: Final = "BABELMIX_SYNTHESIS"
# What was written by hand for the sample pack stands in the place of a model.
RECORDINGS: Final = Path(__file__).parents[1] / "sources" / "sample" / "completions"
# What a model writes, in the words of a recipe's `synthesis`.
Kind: TypeAlias = Literal["questions", "culture", "translate", "rephrase"]
# Who is asked for each kind: a file of recordings has the completions of one of them.
_ROLES: Final[dict[Kind, tuple[str, ...]]] = {
    "questions": ("writer", "verifier"),
    "culture": ("culture",),
    "translate": ("translate",),
    "rephrase": ("rephrase",),
}


class Translate(BaseModel):
    """Which English documents are translated into the languages of a recipe, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Questions and answers, science and mathematics; and the prompt for each.
    categories: dict[str, str] = Field(
        default={
            "nemotron-cc-high-synthetic": "translate/document",
            "stem": "translate/exercise",
            "math": "translate/exercise",
        },
        min_length=1,
    )
    # Documents that are translated into a language, a sample by their ids, the same for every language.
    documents: Annotated[int, Field(ge=1)] = 20_000
    settings: TranslationSettings = TranslationSettings()


class Rephrased(BaseModel):
    """Which languages' documents are said anew, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Of these languages; none named: of those that have fewer tokens upstream than `weak_below` (by the sizes of
    # FineWeb-2 that `babelmix inspect --inventory upstream` plans with).
    languages: tuple[str, ...] = ()
    weak_below: Annotated[int, Field(ge=0)] = 25_000_000_000
    # Documents of a language, a sample by their ids.
    documents: Annotated[int, Field(ge=1)] = 20_000
    settings: RephraseSettings = RephraseSettings()


class Synthesis(BaseModel):
    """Which server writes, which one verifies, and how each kind of text is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # None: completions are replayed from the sample pack.
    writer: EngineSettings | None = None
    # Best another family of models than the writer's; without one, the model checks are not done.
    verifier: EngineSettings | None = None
    # Documents of a language that questions may stand on, the first that were kept.
    documents: Annotated[int, Field(ge=1)] = 2_000
    questions: QuestionSettings = QuestionSettings()
    culture: CultureSettings = CultureSettings()
    translate: Translate = Translate()
    rephrase: Rephrased = Rephrased()

    @model_validator(mode="after")
    def _writer_first(self) -> Self:
        if self.verifier is not None and self.writer is None:
            raise ValueError("a verifier without a writer; name the writer's server too")
        return self

    @property
    def replayed(self) -> bool:
        """Whether completions come from the sample pack's recordings."""
        return self.writer is None

    def deciding(self, kind: Kind) -> dict[str, Any]:
        """The settings that decide over one kind, as JSON: another kind's may change without it."""
        besides = {"documents", "verifier"} if kind == "questions" else set[str]()
        return self.model_dump(mode="json", include={"writer", kind, *besides})

    @classmethod
    def for_profile(cls, profile: str) -> "Synthesis | None":
        """The settings of a profile; None where nothing is synthesised because no server is named.

        Raises:
            BabelmixError: the file that the environment variable names is wrong.
        """
        own = os.environ.get(SYNTHESIS_ENVIRONMENT)
        if own:
            return load_yaml(Path(own), cls)
        return SAMPLE_SYNTHESIS if profile == SAMPLE else None


# Recorded completions take room: few samples, and one facet of two concepts of a document.
SAMPLE_QUESTIONS: Final = QuestionSettings(
    tree=Tree(concepts=2, facets=1), model=Model(samples=2), licence="Apache-2.0"
)
# People wrote the texts that are replayed: of a language, one translation and one paraphrase at the most.
SAMPLE_SYNTHESIS: Final = Synthesis(
    questions=SAMPLE_QUESTIONS, translate=Translate(documents=1), rephrase=Rephrased(documents=1)
)


def recordings(code: str, kind: Kind = "questions") -> list[Path]:
    """The recorded completions of a language and kind; of questions what was written, and what was verified."""
    found = [RECORDINGS / f"{code}.{role}.jsonl" for role in _ROLES[kind]]
    return found if all(path.is_file() for path in found) else []
