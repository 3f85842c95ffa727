"""New thresholds in a language's file: the rest stands as it was, and nothing is half written."""

import shutil
from pathlib import Path

import pytest

from filters.calibrated_file import language_file, write_thresholds
from sources.errors import BabelmixError
from sources.language import Language, language, languages
from sources.loading import load_yaml

NEW = language("fin_Latn").thresholds.model_copy(
    update={"dup_line_frac": 0.123, "stopwords": ("no", "on", "y", "ja", '"quoted"', "l'eau", "null", "1")}
)


@pytest.mark.parametrize("code", sorted(languages()))
def test_every_file_takes_new_thresholds(code: str, tmp_path: Path) -> None:
    path = tmp_path / f"{code}.yaml"
    shutil.copy(language_file(code), path)
    before = load_yaml(path, Language)
    write_thresholds(path, NEW, "Computed from nothing.")
    assert load_yaml(path, Language) == before.model_copy(update={"thresholds": NEW})
    once = path.read_bytes()
    write_thresholds(path, NEW, "Computed from nothing.")
    assert path.read_bytes() == once
    assert list(tmp_path.iterdir()) == [path]


def test_comments_stay_and_the_origin_is_corrected(tmp_path: Path) -> None:
    path = tmp_path / "ell_Grek.yaml"
    shutil.copy(language_file("ell_Grek"), path)
    before = path.read_text(encoding="utf-8").splitlines()
    write_thresholds(path, NEW, "Computed from nothing.")
    after = path.read_text(encoding="utf-8").splitlines()
    start = before.index("thresholds:")
    assert before[1:start] == after[1:start]
    assert before[0].startswith("# Thresholds, stop words and GlotLID's threshold: ")
    assert after[0] == before[0].replace("Thresholds, stop words and GlotLID", "GlotLID")
    assert after[start : start + 2] == ["# Computed from nothing.", "thresholds:"]


def test_a_file_without_the_block_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ell_Grek.yaml"
    path.write_text("code: ell_Grek\nthresholds: {}\n", encoding="utf-8")
    with pytest.raises(BabelmixError, match="not a block"):
        write_thresholds(path, NEW, "Computed from nothing.")
    assert path.read_text(encoding="utf-8") == "code: ell_Grek\nthresholds: {}\n"


def test_an_unknown_language_has_no_file() -> None:
    with pytest.raises(BabelmixError, match="babelmix languages add xxx_Latn"):
        language_file("xxx_Latn")
