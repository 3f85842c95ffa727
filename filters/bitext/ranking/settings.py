"""How pairs are ranked, as data that is fingerprinted."""

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sources.language import Fraction, languages
from sources.loading import nearest

Count: TypeAlias = Annotated[int, Field(ge=1)]

# Qwen3-Embedding's form of a query and the task that its makers evaluated bitext mining with, on both sides
# (QwenLM/Qwen3-Embedding, README and evaluation/qwen3_embedding_model.py). No blank follows "Query:".
QWEN3_INSTRUCTION: Final = "Instruct: Retrieve parallel sentences\nQuery:{text}"
# Languages of the curriculum that Qwen3-Embedding's list does not name.
QWEN3_UNLISTED: Final = ("amh_Ethi", "ibo_Latn", "yor_Latn", "zul_Latn")


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LengthBin(_Settings):
    """Pairs whose English side has at most so many words, and more than the bin before allows."""

    # None: the last bin, all that is longer.
    words: Count | None
    # Of the pairs that are kept; what the bin's pairs cannot fill goes to the best of all others.
    share: Fraction


# Ours. News sentences (NTREX-128) have 24 words in the middle, pairs that were mined about half of that: without
# a share the shortest, which every ranking likes, would fill the list.
BINS: Final = (
    LengthBin(words=7, share=0.15),
    LengthBin(words=15, share=0.35),
    LengthBin(words=27, share=0.35),
    LengthBin(words=None, share=0.15),
)


class Ranking(_Settings):
    """How many pairs of a language are kept, and what ranks them.

    Without a model the rank is `filters.bitext.ranking.heuristic`'s, and every output says so.
    """

    top: Count = 10_000
    # A sentence-transformers model: a name on the Hub (Qwen/Qwen3-Embedding-0.6B, -4B, -8B) or a folder.
    model: str | None = None
    revision: str | None = None
    # Of the files of a model in a folder; `filters.bitext.ranking.model_files.digest` gives it.
    digest: str | None = None
    # Both sides are put in the place of {text}. None: QWEN3_INSTRUCTION for a model of that family, else the text.
    instruction: str | None = None
    # Dimensions that are kept of a vector before it is normalised (Matryoshka); None: all of them.
    dimension: Count | None = None
    # "auto": bfloat16 on a GPU, else float32.
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    # Pairs that are embedded at most: the best of the chain's survivors by the heuristic. It bounds what a
    # language costs, and its memory.
    candidates: Count = 200_000
    # NLLB's mining: the mean of 16 neighbours (stopes).
    neighbours: Count = 16
    # Pairs among which neighbours are looked for, all of them: candidates are parted by chance into pools of the
    # same size, at most this.
    pool: Annotated[int, Field(ge=2)] = 16_384
    # In smaller pools the margin says little (LASER, thread 198): there the cosine ranks.
    least_pool: Count = 5_000
    # Cosines below which a pair is dropped, by language. They are not comparable across languages.
    floors: dict[str, Annotated[float, Field(ge=-1, le=1)]] = {}
    # Languages that the model was not trained on: the heuristic ranks them. None: QWEN3_UNLISTED for that family.
    unlisted: tuple[str, ...] | None = None
    bins: Annotated[tuple[LengthBin, ...], Field(min_length=1)] = BINS
    # Pairs of one web address's host that are kept of a bin, where the source names addresses.
    of_one_host: Count = 500

    @field_validator("instruction")
    @classmethod
    def _takes_the_text(cls, value: str | None) -> str | None:
        if value is not None and value.count("{text}") != 1:
            raise ValueError("has not one {text}; write it where the sentence goes")
        return value

    @field_validator("floors", "unlisted")
    @classmethod
    def _known_languages(cls, value: dict[str, float] | tuple[str, ...] | None, info: ValidationInfo) -> Any:
        for code in value or ():
            if code not in languages():
                raise ValueError(f"{info.field_name}: no language {code}{nearest(code, languages())}")
        return value

    @model_validator(mode="after")
    def _bins_in_order(self) -> Self:
        words = [each.words for each in self.bins]
        bounds = [each for each in words if each is not None]
        if words[-1] is not None or len(bounds) != len(words) - 1 or bounds != sorted(set(bounds)):
            raise ValueError("bins: words must rise, and be null in the last bin and in no other")
        if abs(sum(each.share for each in self.bins) - 1) > 1e-6:
            raise ValueError(f"bins: shares add up to {sum(each.share for each in self.bins):g}, not to 1")
        return self
