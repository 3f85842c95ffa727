"""The trainer's commands: a mistake is one line."""

from pathlib import Path

import pytest
from command_line import REPOSITORY, CommandLine, mixture
from conftest import Built

TINY = REPOSITORY / "trainer" / "configs" / "tiny.yaml"
MODEL = REPOSITORY / "trainer" / "configs" / "models" / "tiny-model.yaml"


def test_a_mistake_in_training_is_one_line(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    place = mixture(built.workspace)
    misspelt = tmp_path / "misspelt.yaml"
    misspelt.write_text(TINY.read_text(encoding="utf-8").replace("batch:", "bacth:"), encoding="utf-8")
    said = babelmix("train", "--config", misspelt, "--mixture", place).mistake()
    assert "misspelt.yaml" in said and "bacth" in said and "batch" in said
    assert "nothing" in babelmix("train", "--config", TINY, "--mixture", tmp_path / "nothing").mistake()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("upcycle", "nothing", "--model", str(MODEL), "--output", "out"), "nothing"),
        (("upcycle", "nothing", "--model", str(MODEL), "--output", "out", "--drop", "1.5"), "--drop 1.5"),
        (("upcycle", "nothing", "--model", str(MODEL), "--output", "out", "--scale", "cube"), "--scale cube"),
        (("publish", "nothing", "--output", "out"), "nothing"),
        (("signatures", "nothing", "--documents", str(MODEL), "--output", "out"), "models/tiny-model.yaml"),
        (
            ("evaluate", "nothing", "--tasks", "arc_easy"),
            "neither a model (config.json) nor a training checkpoint",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], said: str, babelmix: CommandLine) -> None:
    assert said in babelmix(*arguments).mistake()
