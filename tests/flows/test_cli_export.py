"""`babelmix export` and `babelmix curriculum` as a person runs them, on small mixtures."""

import json
import shutil
from pathlib import Path

import pytest
from mixture_in_folder import write_mixture
from typer.testing import CliRunner

from flows.cli import app
from mixtures.curriculum import CurriculumReader
from sources.errors import BabelmixError

RUN = CliRunner()
SHARED = (("web/a/eng_Latn", (40,), 500),)


def done(*arguments: object) -> str:
    result = RUN.invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_export_to_megatron_and_streaming(tmp_path: Path) -> None:
    mixture = write_mixture(tmp_path / "workspace")
    said = json.loads(done("export", mixture, "--format", "megatron", "--output", tmp_path / "m", "--json"))
    assert said["documents"] > 0 and (tmp_path / "m" / "mixture.idx").exists()
    said = done("export", mixture, "--format", "streaming", "--length", 32, "--output", tmp_path / "s")
    assert "sequences" in said and (tmp_path / "s" / "index.json").exists()


def test_an_unknown_format_is_one_line(tmp_path: Path) -> None:
    mixture = write_mixture(tmp_path / "workspace")
    with pytest.raises(BabelmixError, match="--format csv: unknown; write megatron, parquet"):
        done("export", mixture, "--format", "csv", "--output", tmp_path / "out")


def test_the_curriculum_of_a_model_in_the_order_of_its_stages(tmp_path: Path) -> None:
    for stage in (1, 2, 10):
        write_mixture(tmp_path, stage, SHARED, firsts={"web/a/eng_Latn": 1000})
    said = json.loads(done("curriculum", "model", "--workspace", tmp_path, "--fresh", "--json"))
    assert [stage["mixture"] for stage in said["stages"]] == [
        f"mixtures/model/stage{stage}/0123" for stage in (1, 2, 10)
    ]
    reader = CurriculumReader(said["curriculum"])
    assert reader.tokens == said["tokens"] == said["stages"][-1]["end"]
    assert reader.stages[2].continued["web/a/eng_Latn"] > reader.stages[1].continued["web/a/eng_Latn"] > 0
    assert "to" in done("curriculum", "model", "--workspace", tmp_path)


def test_a_curriculum_from_a_file(tmp_path: Path) -> None:
    write_mixture(tmp_path, 1, SHARED)
    path = tmp_path / "curriculum.yaml"
    path.write_text("model: mine\nstages:\n- {mixture: mixtures/model/stage1/0123, tokens: 200}\n")
    said = json.loads(done("curriculum", path, "--workspace", tmp_path, "--json"))
    assert said["tokens"] == 200
    path.write_text("model: mine\nstages: [{mixtur: x}]\n")
    with pytest.raises(BabelmixError, match="mixtur"):
        done("curriculum", path, "--workspace", tmp_path)


def test_no_mixture_and_too_many_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match="no mixture of model; build its stages"):
        done("curriculum", "model", "--workspace", tmp_path)
    folder = write_mixture(tmp_path, 1, SHARED)
    other = Path(shutil.copytree(folder, folder.parent / "4567"))
    with pytest.raises(BabelmixError, match=r"holds 2 mixtures \(0123, 4567\); name one of each"):
        done("curriculum", "model", "--workspace", tmp_path)
    # One that cannot be read any more does not stand in the way of the one that stands.
    (other / "manifest.json").write_text("{}")
    done("curriculum", "model", "--workspace", tmp_path)
