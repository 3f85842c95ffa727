import json
from collections import Counter
from pathlib import Path

import pytest

from sources.language import languages
from sources.profile import profile_root, subset_files
from sources.readers import read
from sources.sample_pack.build import SAMPLE, build
from sources.source import source, sources


def labels() -> list[dict[str, str]]:
    with (SAMPLE / "labels.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_the_pack_is_what_its_script_makes(tmp_path: Path) -> None:
    build(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    bundled = {
        path.relative_to(SAMPLE): path.read_bytes()
        for path in SAMPLE.rglob("*")
        if path.is_file() and path.name != "README.md" and path.parent.name != "completions"
    }
    assert made.keys() == bundled.keys()
    assert [path for path in made if made[path] != bundled[path]] == []
    # Completions are recorded by other scripts, synth/record_sample.py and record_documents.py.
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 4_000_000


def test_every_document_but_pairs_has_one_label() -> None:
    found: Counter[tuple[str, str, str]] = Counter()
    for name, each in sources().items():
        for subset in each.subsets:
            if subset.category == "bitext":
                continue
            for code, language in languages().items():
                if subset.languages != "labelled" and code not in subset.languages:
                    continue
                for url in subset_files(subset, each, language, "sample"):
                    root = profile_root("sample", each)
                    for document in read(url, url.removeprefix(f"{root}/"), subset, each, language):
                        found[name, code, document["id"]] += 1
    labelled = Counter((row["source"], row["language"], row["id"]) for row in labels())
    assert found == labelled
    assert set(labelled.values()) == {1}


def test_every_category_and_language_has_documents_to_keep() -> None:
    kept = Counter(row["language"] for row in labels() if row["verdict"] == "kept")
    assert set(kept) == set(languages())
    assert min(kept.values()) >= 7


@pytest.mark.parametrize("code", ["ben_Beng", "fil_Latn", "zul_Latn"])
def test_pairs_are_english_and_the_language(code: str) -> None:
    nllb = source("nllb")
    (subset,) = nllb.subsets
    (url,) = subset_files(subset, nllb, languages()[code], "sample")
    documents = list(read(url, Path(url).name, subset, nllb, languages()[code]))
    assert len(documents) == 17
    for document in documents:
        assert json.loads(document["metadata"] or "")["english"].isascii()
