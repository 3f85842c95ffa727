import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from filters.scripts import script_share
from sources.check_languages import check_languages
from sources.errors import BabelmixError
from sources.language import FOLDER, language, languages


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of one's own with language files."""
    monkeypatch.setenv("BABELMIX_LANGUAGES", str(tmp_path))
    languages.cache_clear()
    yield tmp_path
    languages.cache_clear()


def test_sixty_four_languages_are_registered() -> None:
    found = languages()
    assert len(found) == 64
    assert list(found) == sorted(found)
    stages = [each.introduced for each in found.values()]
    introduced = [(each.model, each.stage) for each in stages if each]
    assert introduced.count(("marco-mini", 1)) == 20  # English among them
    assert introduced.count(("marco-mini", 3)) == 9
    assert introduced.count(("marco-mini-global", 3)) == 35


def test_the_files_together_are_right() -> None:
    assert check_languages() == []


def test_labels_differ_by_dataset() -> None:
    assert language("cmn_Hani").datasets["fineweb-2"] == "cmn_Hani"
    assert language("cmn_Hani").datasets["ccmatrix"] == "zh"
    assert language("fil_Latn").datasets["nllb"] == "tgl_Latn"
    assert not {"nllb", "ccmatrix"} & language("tha_Thai").datasets.keys()
    assert sum("fineweb-2" in each.datasets for each in languages().values()) == 63
    assert sum("fineweb2-hq" in each.datasets for each in languages().values()) == 20
    assert sum("nllb" in each.datasets for each in languages().values()) == 26  # 25 and English


def test_lid176_knows_every_label_and_not_igbo_and_zulu() -> None:
    import fasttext

    from filters.identifiers import _lid176

    known = {label.removeprefix("__label__") for label in fasttext.load_model(str(_lid176())).labels}
    for each in languages().values():
        if each.identifiers.fasttext176:
            assert each.identifiers.fasttext176.label in known
    unknown = {code for code, each in languages().items() if each.identifiers.fasttext176 is None}
    assert unknown == {"ibo_Latn", "yor_Latn", "zul_Latn"}


def test_stop_words_are_in_the_languages_script() -> None:
    for code, each in languages().items():
        words = each.thresholds.stopwords
        # FineWeb-2's lists hold a mark or a borrowed word here and there.
        own = [word for word in words if script_share(word, each.script) == 1]
        assert len(own) >= 7, code
        assert len(own) >= 0.8 * len(words), code


def test_an_unknown_language_is_one_line_with_the_nearest() -> None:
    with pytest.raises(
        BabelmixError, match=r"did you mean 'ell_Grek'\?; add it with `babelmix languages add ell_Grk`"
    ):
        language("ell_Grk")


def test_a_file_in_two_folders_or_under_another_name_is_refused(own: Path) -> None:
    shutil.copy(FOLDER / "ell_Grek.yaml", own)
    with pytest.raises(BabelmixError, match="has this language too"):
        languages()
    (own / "ell_Grek.yaml").rename(own / "grc_Grek.yaml")
    with pytest.raises(BabelmixError, match="is not the file's name"):
        languages()


def test_a_folder_that_is_not_there_is_one_line(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABELMIX_LANGUAGES", str(own / "none"))
    with pytest.raises(BabelmixError, match=r"BABELMIX_LANGUAGES: .*none: no such folder"):
        languages()


@pytest.mark.parametrize(("short", "meant"), [("el", "ell_Grek"), ("deu", "deu_Latn"), ("ell_Gerk", "ell_Grek")])
def test_a_short_code_is_told_the_whole_one(short: str, meant: str) -> None:
    with pytest.raises(BabelmixError, match=f"no language '{short}'; did you mean '{meant}'?"):
        language(short)
