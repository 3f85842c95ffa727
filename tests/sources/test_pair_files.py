import gzip
from pathlib import Path

import pytest

from sources.errors import BabelmixError
from sources.language import language, languages
from sources.pair_files import NoPairsError, pair_files, pair_source


def test_every_language_but_english_has_a_source_of_pairs() -> None:
    found = {code: pair_source(each)[0].name for code, each in languages().items() if code != "eng_Latn"}
    assert len(found) == 63
    assert [*found.values()].count("nllb") == 25
    assert (found["tha_Thai"], found["eus_Latn"], found["deu_Latn"]) == ("opus-100", "ccmatrix", "ccmatrix")
    assert pair_source(language("eus_Latn"))[1].path == "en-eu.bitextf.tsv.gz"


def test_a_language_without_a_source_is_one_line() -> None:
    with pytest.raises(NoPairsError, match=r"^eng_Latn: no source of the catalog has pairs of it; add"):
        pair_source(language("eng_Latn"))


def test_nllbs_own_file_comes_before_ccmatrix() -> None:
    both = language("mlt_Latn")
    both = both.model_copy(update={"datasets": {**both.datasets, "ccmatrix": "mt"}})
    assert pair_source(both)[0].name == "nllb"


@pytest.mark.parametrize("name", ["eng_Latn-gle_Latn.gz", "gle_Latn-eng_Latn.gz"])
def test_a_file_is_found_whichever_label_its_name_has_first(tmp_path: Path, name: str) -> None:
    (tmp_path / "nllb").mkdir()
    (tmp_path / "nllb" / name).write_bytes(gzip.compress(b""))
    (found,) = pair_files(language("gle_Latn"), str(tmp_path))
    assert (found.name, found.source, found.format, found.compression) == (name, "nllb", "nllb-tsv", "gzip")
    assert Path(found.url).is_file()


def test_parquet_parts_are_all_found_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "opus-100" / "en-th"
    folder.mkdir(parents=True)
    for number in (1, 0):
        (folder / f"train-0000{number}-of-00002.parquet").write_bytes(b"")
    names = [each.name for each in pair_files(language("tha_Thai"), str(tmp_path))]
    assert names == ["en-th/train-00000-of-00002.parquet", "en-th/train-00001-of-00002.parquet"]


def test_a_copy_that_lacks_the_file_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "ccmatrix").mkdir()
    with pytest.raises(BabelmixError) as caught:
        pair_files(language("dan_Latn"), str(tmp_path))
    assert "no da-en.bitextf.tsv.gz and no en-da.bitextf.tsv.gz; fetch one" in str(caught.value)
