import time
from pathlib import Path
from typing import get_args

import pytest

from sources.buckets import Bucket, buckets
from sources.errors import BabelmixError
from sources.language import languages
from sources.source import Category, sources

# Of these the curriculum has no share.
APART = {"bitext", "post-training"}


def laid_out(mirror: Path, *names: str) -> str:
    for name in names:
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).touch()
    return str(mirror)


def test_the_sample_pack_delivers_every_category_and_every_language() -> None:
    found = buckets("sample")
    assert {each.category for each in found} >= {*get_args(Category)} - APART
    multilingual = {each.language for each in found if each.category == "multilingual"}
    assert multilingual == {*languages()} - {"eng_Latn"}


def test_the_hub_delivers_all_that_is_declared_without_being_asked() -> None:
    found = buckets("hub")
    assert {each.source for each in found} == {*sources()}
    assert Bucket("multilingual", "fineweb2-hq", "deu_Latn") in found
    # Thai is in neither of the two; Korean is not among FineWeb2-HQ's twenty.
    apart = {each.source for each in found if each.language in ("tha_Thai", "kor_Hang")}
    assert apart == {"fineweb-2", "ccmatrix", "opus-100"}
    assert {each.source for each in found if each.language == "tha_Thai"} == {"fineweb-2", "opus-100"}


def test_no_conversation_or_prompt_of_a_later_stage_is_in_a_category_of_the_curriculum() -> None:
    later = {each.source for each in buckets("hub") if each.category == "post-training"}
    assert {"dolci-instruct-sft", "nemotron-cascade-rl-rlhf", "dapo-math-17k"} <= later
    assert not {each.source for each in buckets("hub") if each.category not in APART} & later


def test_a_mirror_delivers_what_it_has_files_of_in_order(tmp_path: Path) -> None:
    mirror = laid_out(
        tmp_path,
        "fineweb-2/data/swe_Latn/train/000_00000.parquet",
        "fineweb-2/data/dan_Latn/train/000_00000.parquet",
        "fineweb-2/data/dan_Latn/train/000_00001.parquet",
        "fineweb-2/data/xxx_Latn/train/000_00000.parquet",
        "fineweb-2/data/nob_Latn_removed/train/000_00000.parquet",
        "dolmino-mix-1124/data/wiki/wiki-0000.json.gz",
        "dolmino-mix-1124/data/pes2o/README.md",
        "another/data.parquet",
    )
    assert buckets(mirror) == [
        Bucket("multilingual", "fineweb-2", "dan_Latn"),
        Bucket("multilingual", "fineweb-2", "swe_Latn"),
        Bucket("wiki", "dolmino-mix-1124", "eng_Latn"),
    ]


def test_a_folder_without_a_file_of_any_source_says_how_to_lay_it_out(tmp_path: Path) -> None:
    mirror = laid_out(tmp_path, "deu_Latn/000_00000.parquet")
    with pytest.raises(BabelmixError, match=r"no file of any source; lay it out as .*fineweb-2/data/dan_Latn"):
        buckets(mirror)
    with pytest.raises(BabelmixError, match=r"absent: no such folder; write sample, hub, or a folder"):
        buckets(str(tmp_path / "absent"))


def test_a_profile_is_looked_through_in_less_than_half_a_second() -> None:
    began = time.perf_counter()
    buckets("sample")
    buckets("hub")
    assert time.perf_counter() - began < 0.5
