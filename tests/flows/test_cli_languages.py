"""`babelmix languages calibrate` and `train-quality` from the shell prompt: filters start from text."""

import json
from pathlib import Path

import pytest
from command_line import CommandLine

from filters.reference_text import english_sample

ICELANDIC = Path(__file__).with_name("icelandic.txt").read_text(encoding="utf-8").strip().split("\n\n")


@pytest.fixture
def added(babelmix: CommandLine) -> dict[str, str]:
    """Icelandic in a folder of its own, as `languages add` leaves it; the environment that names the folder."""
    folder = babelmix.folder / "mine"
    folder.mkdir()
    own = {"BABELMIX_LANGUAGES": str(folder)}
    babelmix("languages", "add", "isl_Latn", "--folder", folder, own=own).done()
    return own


def test_a_new_language_is_calibrated(babelmix: CommandLine, added: dict[str, str]) -> None:
    reference = babelmix.folder / "good.txt"
    # Eight articles again and again, in another order and number of sentences: enough words to count.
    texts = [" ".join(ICELANDIC[(at + step) % len(ICELANDIC)] for step in range(1 + at % 3)) for at in range(60)]
    reference.write_text("\n\n".join(texts), encoding="utf-8")
    path = babelmix.folder / "mine" / "isl_Latn.yaml"
    before = path.read_bytes()
    calibrate = ("languages", "calibrate", "isl_Latn", "--reference", reference)
    looked = babelmix(*calibrate, own=added).done()
    assert "isl_Latn: 60 documents of" in looked
    assert "Nothing was written; --write does." in looked
    assert path.read_bytes() == before
    found = json.loads(babelmix(*calibrate, "--json", "--write", own=added).done())
    assert found["kept_new"] >= 0.9
    assert {"og", "í", "að"} <= set(found["thresholds"]["stopwords"])
    shown = json.loads(babelmix("languages", "show", "isl_Latn", "--json", own=added).done())
    assert shown["thresholds"] == found["thresholds"]
    assert (
        path.read_text(encoding="utf-8").count("# Computed by `babelmix languages calibrate` from 60 documents")
        == 1
    )
    babelmix("languages", "check", own=added).done()


def test_too_little_text_is_one_line(babelmix: CommandLine, added: dict[str, str]) -> None:
    (babelmix.folder / "few.txt").write_text(ICELANDIC[0], encoding="utf-8")
    said = babelmix("languages", "calibrate", "isl_Latn", "--reference", "few.txt", "--write", own=added).mistake()
    assert "1 documents of" in said
    assert "give 50 documents and 5,000 words" in said


def test_a_quality_model_is_trained(babelmix: CommandLine) -> None:
    good = english_sample()
    # The web as it is: menus and notices.
    web = [
        f"Home | Login | Cart ({at}) | Terms\nBuy now! {at}% off\nSubscribe {text[:40]}"
        for at, text in enumerate(good)
    ]
    for name, texts in (("good", good), ("web", web)):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (babelmix.folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    asked = ("languages", "train-quality", "eng_Latn", "--good", "good.jsonl", "--web", "web.jsonl")
    found = json.loads(babelmix(*asked, "--output", "models/eng.bin", "--json").done())
    assert found["auc"] == 1
    assert (babelmix.folder / "models" / "eng.bin").is_file()
    said = babelmix(*asked[:-1], "good.jsonl", "--output", "models/other.bin").mistake()
    assert "are good and web alike" in said
    assert not (babelmix.folder / "models" / "other.bin").exists()
