"""What is synthesised and by whom: the file that `BABELMIX_SYNTHESIS` names, or the sample pack's recordings."""

import os
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sources.loading import load_yaml
from sources.profile import SAMPLE
from synth.engine.settings import EngineSettings
from synth.questions.settings import Model, QuestionSettings, Tree

SYNTHESIS_ENVIRONMENT: Final = "BABELMIX_SYNTHESIS"
# What was written by hand for the sample pack stands in the place of a model.
RECORDINGS: Final = Path(__file__).parents[1] / "sources" / "sample" / "completions"


class Synthesis(BaseModel):
    """Which server writes, which one verifies, and how questions are made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # None: completions are replayed from the sample pack.
    writer: EngineSettings | None = None
    # Best another family of models than the writer's; without one, the model checks are not done.
    verifier: EngineSettings | None = None
    # Documents of a language that questions may stand on, the first that were kept.
    documents: Annotated[int, Field(ge=1)] = 2_000
    questions: QuestionSettings = QuestionSettings()

    @model_validator(mode="after")
    def _writer_first(self) -> Self:
        if self.verifier is not None and self.writer is None:
            raise ValueError("a verifier without a writer; name the writer's server too")
        return self

    @property
    def replayed(self) -> bool:
        """Whether completions come from the sample pack's recordings."""
        return self.writer is None

    @classmethod
    def for_profile(cls, profile: str) -> "Synthesis | None":
        """The settings of a profile; None where nothing is synthesised because no server is named.

        Raises:
            BabelmixError: the file that the environment variable names is wrong.
        """
        own = os.environ.get(SYNTHESIS_ENVIRONMENT)
        if own:
            return load_yaml(Path(own), cls)
        return cls(questions=SAMPLE_QUESTIONS) if profile == SAMPLE else None


# Recorded completions take room: few samples, and one facet of two concepts of a document.
SAMPLE_QUESTIONS: Final = QuestionSettings(
    tree=Tree(concepts=2, facets=1), model=Model(samples=2), licence="Apache-2.0"
)


def recordings(code: str) -> list[Path]:
    """The sample pack's recorded completions of a language: what was written, and what was verified."""
    found = [RECORDINGS / f"{code}.{role}.jsonl" for role in ("writer", "verifier")]
    return found if all(path.is_file() for path in found) else []
