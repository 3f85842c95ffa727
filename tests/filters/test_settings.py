import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from filters.settings import BENCHMARKS_ENVIRONMENT, REMOVAL_ENVIRONMENT, Band, CurationSettings, Removal
from sources.errors import BabelmixError
from sources.language import Language, language


def _changed(found: Language, **values: object) -> Language:
    return found.model_copy(update=values)


def test_a_threshold_changes_what_is_decided_and_nothing_that_is_measured() -> None:
    settings = CurationSettings.for_profile("sample")
    greek, danish = language("ell_Grek"), language("dan_Latn")
    stricter = _changed(greek, thresholds=greek.thresholds.model_copy(update={"dup_line_frac": 0.01}))
    assert settings.deciding(stricter) != settings.deciding(greek)
    assert settings.measuring(stricter) == settings.measuring(greek)
    assert settings.deciding(stricter)["settings"] == settings.deciding(danish)["settings"]


def test_what_is_counted_changes_what_is_measured() -> None:
    settings = CurationSettings.for_profile("sample")
    greek = language("ell_Grek")
    fewer = _changed(greek, thresholds=greek.thresholds.model_copy(update={"stopwords": ("και",)}))
    assert settings.measuring(fewer) != settings.measuring(greek)
    wider = settings.model_copy(update={"removal": Removal(default=Band(most=0.9))})
    assert wider.measuring(greek) == settings.measuring(greek)
    assert wider.deciding(greek) != settings.deciding(greek)


def test_what_filters_do_not_read_changes_neither() -> None:
    settings = CurationSettings.for_profile("sample")
    greek = language("ell_Grek")
    renamed = _changed(greek, name="Hellenic", native_name="", family="", datasets={"other": "el"})
    assert settings.measuring(renamed) == settings.measuring(greek)
    assert settings.deciding(renamed) == settings.deciding(greek)


def test_only_the_identifier_in_use_counts() -> None:
    greek = language("ell_Grek")
    labels = greek.identifiers
    assert labels.fasttext176 is not None
    assert labels.glotlid is not None
    stricter = labels.glotlid.model_copy(update={"threshold": 0.123})
    other = _changed(greek, identifiers=labels.model_copy(update={"glotlid": stricter}))
    sample, hub = CurationSettings.for_profile("sample"), CurationSettings.for_profile("hub")
    assert sample.deciding(other) == sample.deciding(greek)
    assert hub.deciding(other) != hub.deciding(greek)
    assert hub.measuring(other) == hub.measuring(greek)


def test_settings_are_json_and_come_back_from_it() -> None:
    settings = CurationSettings.for_profile("hub")
    kept = json.loads(json.dumps(settings.deciding(language("tha_Thai"))))
    assert CurationSettings.model_validate(kept["settings"]) == settings
    measured = CurationSettings.model_validate(settings.measuring(language("tha_Thai"))["settings"])
    assert (measured.identifier, measured.checks) == (settings.identifier, settings.checks)


def test_profiles() -> None:
    assert CurationSettings.for_profile("hub").identifier == "glotlid"
    assert CurationSettings.for_profile("sample").identifier == "fasttext176"
    assert CurationSettings.for_profile("/some/mirror").identifier == "fasttext176"
    assert CurationSettings.for_profile("hub").removal.sources["fineweb-2"].most < 1


def test_no_settings_hold_a_path_of_this_machine() -> None:
    assert "/" not in json.dumps(CurationSettings.for_profile("sample").contamination.model_dump())


def test_a_benchmark_list_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"question": "one"}\n')
    bundled = CurationSettings.for_profile("sample").contamination
    monkeypatch.setenv(BENCHMARKS_ENVIRONMENT, str(own))
    first = CurationSettings.for_profile("sample").contamination
    own.write_text('{"question": "two"}\n')
    second = CurationSettings.for_profile("sample").contamination
    assert first.lists == (*bundled.lists, str(own))
    assert len({bundled.digest, first.digest, second.digest}) == 3


def test_a_missing_benchmark_list_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BENCHMARKS_ENVIRONMENT, str(tmp_path))
    with pytest.raises(BabelmixError, match="no JSON lines file"):
        CurationSettings.for_profile("hub")


def test_bands_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "bands.yaml"
    own.write_text("default: {most: 0.9}\nsources:\n  fineweb-2/ell_Grek: {least: 0.2}\n")
    monkeypatch.setenv(REMOVAL_ENVIRONMENT, str(own))
    removal = CurationSettings.for_profile("hub").removal
    assert (removal.default.most, removal.sources["fineweb-2/ell_Grek"].least) == (0.9, 0.2)
    own.write_text("defualt: {most: 0.9}\n")
    with pytest.raises(BabelmixError, match="defualt"):
        CurationSettings.for_profile("hub")


def test_every_category_meets_duplicates_and_contamination() -> None:
    settings = CurationSettings()
    for name in (*settings.checks, "unheard-of"):
        assert {"exact", "contamination"} <= set(settings.checks_for(name)), name
    assert "quality" in settings.checks_for("multilingual")
    assert "language" not in settings.checks_for("bitext")


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        Band(least=0.5, most=0.4)
    with pytest.raises(ValidationError):
        CurationSettings.model_validate({"identifer": "glotlid"})
