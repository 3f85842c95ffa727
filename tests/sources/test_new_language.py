from collections.abc import Iterator
from pathlib import Path

import pytest

from mixtures.recipe import load_recipe
from sources.errors import BabelmixError
from sources.language import Language, languages
from sources.loading import load_yaml
from sources.new_language import add_language, known_languages


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BABELMIX_LANGUAGES", str(tmp_path))
    languages.cache_clear()
    yield tmp_path
    languages.cache_clear()


def test_a_known_language_gets_what_fineweb2_knows_of_it(own: Path) -> None:
    path, notes = add_language("isl_Latn", own)
    found = load_yaml(path, Language)
    assert (found.name, found.iso639_1, found.datasets) == ("Icelandic", "is", {"fineweb-2": "isl_Latn"})
    assert found.identifiers.fasttext176
    assert found.identifiers.fasttext176.label == "is"
    assert found.identifiers.glotlid
    assert found.identifiers.glotlid.threshold == 0.863
    assert {"og", "að"} <= set(found.thresholds.stopwords)
    assert any("native_name" in note for note in notes)
    assert languages()["isl_Latn"] == found
    assert "isl_Latn" in load_recipe("marco-mini-global", 4).language_codes()


def test_every_known_language_can_be_added(own: Path) -> None:
    codes = list(known_languages())
    assert len(codes) > 200
    for code in codes:
        add_language(code, own)
    assert set(codes) <= languages().keys()


def test_a_code_that_nobody_knows_gets_a_file_to_fill_in(own: Path) -> None:
    path, notes = add_language("qqq_Latn", own)
    found = load_yaml(path, Language)
    assert found.thresholds.stopwords == ()
    assert found.identifiers.fasttext176 is None
    assert any("stopwords: empty" in note for note in notes)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("isl", "write ISO 639-3 and ISO 15924, as in isl_Latn"),
        ("../../x", "write ISO 639-3"),
        ("ell_Grek", "registered already"),
    ],
)
def test_what_cannot_be_added_is_one_line(code: str, said: str, own: Path) -> None:
    with pytest.raises(BabelmixError, match=said):
        add_language(code, own)
    assert list(own.iterdir()) == []


def test_a_file_that_stands_there_is_not_overwritten(own: Path) -> None:
    add_language("isl_Latn", own)
    with pytest.raises(BabelmixError, match="registered already"):
        add_language("isl_Latn", own)
