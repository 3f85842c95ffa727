"""Documents as the ground of questions: which of them tell of a region's culture, and of what."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from datatrove.utils.batching import batched
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from sources.language import Language
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.questions.ask import ask
from synth.questions.places import domains, regions_of
from synth.questions.record import Dropped, Passage
from synth.questions.settings import QuestionSettings
from synth.questions.tree import Ground
from synth.request import Engine, Failure

# Categories of prose that tell of regions; code and exercises do not.
GROUNDS: Final = ("multilingual", "nemotron-cc-high", "wiki")

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class _Placed(BaseModel):
    """A completion of `questions/place`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: _Text | None = None
    domain: _Text | None = None
    topic: _Text | None = None
    skip: str | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "_Placed":
        if self.skip is None and not (self.region and self.domain and self.topic):
            raise ValueError("a tag is missing")
        return self


def grounds(
    passages: Iterable[Passage], language: Language, engine: Engine, settings: QuestionSettings
) -> Iterator[Ground | Dropped]:
    """What each passage is about, or why no question is to stand on it, in their order; `wave` of them at once.

    Raises:
        BabelmixError: the language has no regions, or one of the settings is not known.
    """
    regions = regions_of(language, settings.tree.regions)
    known = domains().domains
    template = load_prompt("questions/place")
    told = {
        "language": f"{language.name} ({language.native_name})",
        "regions": "\n".join(f"{code}: {name}" for code, name in regions.items()),
        "domains": "\n".join(f"{name}: {domain.about}" for name, domain in known.items()),
    }
    for some in batched(passages, settings.wave):
        requests = [template.request({**told, "passage": each.text}, seed=settings.seed) for each in some]
        for passage, finished in zip(some, ask(engine, requests), strict=True):
            placed = completed(finished, _Placed)
            if isinstance(placed, Failure):
                yield Dropped(passage.id, "place", placed.kind, detail=placed.reason)
            elif placed.skip is not None:
                yield Dropped(passage.id, "place", "not_cultural", detail=placed.skip)
            elif placed.region not in regions:
                yield Dropped(passage.id, "place", "unknown_region", detail=placed.region)
            elif placed.domain not in known:
                yield Dropped(passage.id, "place", "unknown_domain", detail=placed.domain)
            else:
                yield Ground(passage, placed.region, placed.domain, placed.topic or "")
