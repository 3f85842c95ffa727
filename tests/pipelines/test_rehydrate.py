"""A recipe that rehydrates reads a document as often as its dropped copies say; any other is as it ever was."""

from pathlib import Path

import pytest

from mixtures.indexed import IndexedDataset
from mixtures.planning import plan
from mixtures.recipe import Recipe, load_recipe
from mixtures.upstream import upstream_ledger
from pipelines.build import build
from pipelines.document_files import DocumentWriter
from pipelines.tokenise import tokenise

TOKENIZER = "Qwen/Qwen3-0.6B-Base"
# Clusters and the weights of Italian for them.
SIZES = {1: 1, 17: 10, 2: 3}


@pytest.fixture
def curated(tmp_path: Path) -> str:
    folder = str(tmp_path / "curated")
    with DocumentWriter(folder) as writer:
        for size in SIZES:
            writer.write(
                {
                    "id": str(size),
                    "text": f"Il documento ha {size} copie.",
                    "language": "ita_Latn",
                    "source": "fineweb-2",
                    "category": "multilingual",
                    "scores": [("duplicates.cluster_size", float(size))],
                }
            )
    return folder


def test_a_document_is_as_many_sequences_as_its_weight(curated: str, tmp_path: Path) -> None:
    plain = tokenise(curated, "multilingual", TOKENIZER, str(tmp_path / "plain"))
    again = tokenise(curated, "multilingual", TOKENIZER, str(tmp_path / "again"), rehydrate="ita_Latn")
    once, often = (IndexedDataset(str(tmp_path / name / "00000")) for name in ("plain", "again"))
    wanted = [number for number, times in enumerate(SIZES.values()) for _ in range(times)]
    assert len(often) == again["documents"] == len(wanted) == 14
    for place, number in enumerate(wanted):
        assert often.document(place).tolist() == once.document(number).tolist()
    assert again["tokens"] == sum(len(once.document(number)) for number in wanted)
    assert again["longest"] == plain["longest"]
    # The ids stand there once.
    bins = [(tmp_path / name / "00000.bin").read_bytes() for name in ("plain", "again")]
    assert bins[0] == bins[1]


def test_english_repeats_nothing(curated: str, tmp_path: Path) -> None:
    for name, language in (("plain", None), ("again", "eng_Latn")):
        tokenise(curated, "multilingual", TOKENIZER, str(tmp_path / name), language)
    for file in ("00000.bin", "00000.idx"):
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_only_tokens_and_mixture_of_a_recipe_that_rehydrates_are_others() -> None:
    recipe = load_recipe("marco-mini", 4)
    plain, again = (
        build(each, "sample", None, 1) for each in (recipe, recipe.model_copy(update={"rehydrate": True}))
    )
    changed = {
        one.kind
        for one, other in zip(plain.steps, again.steps, strict=True)
        if one.fingerprint != other.fingerprint
    }
    assert changed == {"tokenise", "mix"}
    assert "rehydrate" not in str([step.settings for step in plain.steps])


def test_the_plan_says_that_documents_are_repeated() -> None:
    recipe = load_recipe("marco-mini", 4)
    for wanted in (False, True):
        warnings = plan(
            recipe.model_copy(update={"rehydrate": wanted}), upstream_ledger(), None, "upstream"
        ).warnings
        assert any("rehydrate" in each for each in warnings) == wanted


def test_the_option_survives_the_settings_of_a_step() -> None:
    recipe = load_recipe("marco-mini", 4).model_copy(update={"rehydrate": True})
    assert Recipe.model_validate(recipe.model_dump(mode="json", by_alias=True)).rehydrate
