from pathlib import Path

import pytest
import yaml

from sources.errors import BabelmixError
from sources.language import languages
from sources.loading import load_yaml
from sources.profile import delivers
from sources.source import Source, TextColumns, TextMessages, source, sources

# What the published recipe and its later stages name; CCMatrix holds NLLB's other languages.
NAMES = {
    *("nemotron-cc-v2", "nemotron-cc-v2.1", "nemotron-pretraining-sft-v1", "nemotron-pretraining-specialized-v1"),
    *("nemotron-cc-math-v1", "nemotron-pretraining-dataset-sample", "openmathinstruct-2", "dolmino-mix-1124"),
    *("dolma3-dolmino-mix", "finemath", "megamath", "openthoughts3", "fineweb-edu-chinese", "fineweb-2"),
    *("fineweb2-hq", "nllb", "ccmatrix", "dolci-instruct-sft", "nemotron-cascade-2-sft"),
    *("nemotron-rl-instruction-following", "nemotron-rl-structured-outputs", "nemotron-rl-reasoning-gym"),
    *("nemotron-rl-knowledge-mcqa", "nemotron-cascade-rl-rlhf", "dapo-math-17k", "skywork-or1"),
    *("nemotron-sft-multilingual", "opus-100"),
}
GATED = {"nemotron-cc-v2", "nemotron-cc-v2.1", "nemotron-pretraining-sft-v1", "nemotron-cc-math-v1"}
BOOKS = """
name: books
title: Books
hub_id: example/books
card: https://example.org/books
licence: CC0-1.0
subsets:
  - name: train
    path: data/*.parquet
    format: parquet
    text: {column: text}
    category: wiki
    languages: [eng_Latn]
    upstream: {source: dataset card, tokens: 12}
"""


def loaded(folder: Path, text: str) -> Source:
    path = folder / "books.yaml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path, Source)


def test_the_catalog_has_every_dataset_of_the_recipe() -> None:
    assert set(sources()) == NAMES
    assert {name for name, each in sources().items() if each.gated} == GATED


def test_a_source_is_found_by_its_name_and_an_unknown_one_names_the_nearest() -> None:
    assert source("fineweb-2").hub_id == "HuggingFaceFW/fineweb-2"
    with pytest.raises(BabelmixError, match=r"no source 'fineweb2'.*did you mean 'fineweb-2'.*sources list"):
        source("fineweb2")


def test_chats_problems_and_pairs_declare_how_they_become_text() -> None:
    thoughts = source("openthoughts3").subsets[0].text
    assert isinstance(thoughts, TextMessages)
    assert (thoughts.messages, thoughts.role, thoughts.content) == ("conversations", "from", "value")
    problems = source("openmathinstruct-2").subsets[0].text
    assert isinstance(problems, TextColumns)
    assert problems.columns == ("problem", "generated_solution")
    assert source("nllb").subsets[0].format == "nllb-tsv"
    assert source("ccmatrix").subsets[0].format == "ccmatrix-tsv"


def test_every_language_but_thai_and_basque_has_translation_pairs_in_one_place() -> None:
    places = [source(name) for name in ("nllb", "ccmatrix")]
    having = {
        code: [place.name for place in places if delivers(place.subsets[0], place, language)]
        for code, language in languages().items()
    }
    assert {code for code, names in having.items() if not names} == {"eng_Latn", "tha_Thai", "eus_Latn"}
    assert not [code for code, names in having.items() if len(names) > 1]


def test_a_source_as_a_person_would_write_it_is_read(tmp_path: Path) -> None:
    books = loaded(tmp_path, BOOKS)
    assert (books.subsets[0].compression, books.revision, books.gated) == ("none", None, False)
    # What is written out is read back as the same.
    dumped = yaml.safe_dump(books.model_dump(mode="json"), allow_unicode=True)
    assert loaded(tmp_path, dumped) == books


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("licence:", "license:", r"license: unknown key; did you mean 'licence'"),
        ("category: wiki", "category: wikis", r"subsets\.0\.category: .*'wiki'.* found 'wikis'"),
        ("format: parquet", "format: csv", r"subsets\.0\.format: .*'parquet', 'jsonl'.* found 'csv'"),
        ("{column: text}", "text", r"subsets\.0\.text: write \{column: NAME\}.* found 'text'"),
        ("{column: text}", "{colum: text}", r"subsets\.0\.text: write \{column: NAME\}"),
        ("{column: text}", "{column: 3}", r"subsets\.0\.text\.column: .*string, found 3"),
        ("{column: text}", "{column: text, separator: x}", r"subsets\.0\.text\.separator: unknown key"),
        ("{column: text}", "{columns: [text]}", r"subsets\.0\.text\.columns: .*at least 2"),
        ("{column: text}", "{pair: both}", r"subsets\.0: format parquet has another kind of text; write"),
        ("format: parquet", "format: nllb-tsv", r"subsets\.0: format nllb-tsv .*; write text: \{pair: both\}"),
        ("format: parquet", "format: parquet\n    compression: gzip", r"leave `compression` out"),
        ("[eng_Latn]", "all", r"subsets\.0\.languages: 'all' is no list; write \[eng_Latn\], or labelled"),
        ("[eng_Latn]", "[]", r"subsets\.0\.languages: .*at least 1"),
        (", tokens: 12", "", r"subsets\.0\.upstream: .*no number; add tokens, words or documents"),
        ("hub_id: example/books\n", "", r"hub_id: missing; add it"),
        ("licence: CC0-1.0", "licence: CC0-1.0\ngated: true", r"`gate` does not say how to be let in; add it"),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_remedy(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert BOOKS.count(right) == 1
    with pytest.raises(BabelmixError, match=rf"^\S*books\.yaml: .*{said}"):
        loaded(tmp_path, BOOKS.replace(right, wrong))


def test_two_subsets_of_one_name_are_refused(tmp_path: Path) -> None:
    subset = BOOKS[BOOKS.index("  - name") :]
    with pytest.raises(BabelmixError, match="two subsets are called 'train'; rename one"):
        loaded(tmp_path, BOOKS + subset)
