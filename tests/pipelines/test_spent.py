"""What a step took is noted beside what it made, and changes nothing of it."""

import json
from pathlib import Path

import numpy as np

from mixtures.recipe import Recipe
from pipelines.build import build
from pipelines.execute import execute
from pipelines.spent import metered, read_spent
from pipelines.step import Step
from pipelines.workspace import Workspace


def collecting() -> Step:
    recipe = Recipe(model="m", stage=1, tokens=1000, categories={"multilingual": 100}, languages={"ell_Grek": 100})
    return build(recipe, "sample", None, 0).steps[0]


def test_the_meter_counts_what_the_block_does(tmp_path: Path) -> None:
    with metered() as found:
        (tmp_path / "file").write_bytes(bytes(3_000_000))
        (tmp_path / "file").read_bytes()
        sum(float(np.linalg.norm(np.ones((300, 300)) @ np.ones((300, 300)))) for _ in range(20))
    (spent,) = found
    assert spent.processor_s > 0
    assert spent.wall_s > 0
    assert spent.read is not None and 3_000_000 <= spent.read < 4_000_000
    assert spent.written is not None and 3_000_000 <= spent.written < 4_000_000


def test_a_step_that_was_made_says_what_it_took(tmp_path: Path) -> None:
    step, workspace = collecting(), Workspace(str(tmp_path))
    assert read_spent(step, workspace) is None
    execute(step, workspace)
    spent = read_spent(step, workspace)
    assert spent is not None
    assert spent.processor_s > 0
    made = sum(path.stat().st_size for path in (tmp_path / step.name).iterdir())
    assert spent.written is not None and spent.written >= made


def test_what_is_complete_is_not_noted_again(tmp_path: Path) -> None:
    step, workspace = collecting(), Workspace(str(tmp_path))
    execute(step, workspace)
    before = read_spent(step, workspace)
    execute(step, workspace)
    assert read_spent(step, workspace) == before


def test_the_notes_of_another_making_are_not_this_ones(tmp_path: Path) -> None:
    step, workspace = collecting(), Workspace(str(tmp_path))
    execute(step, workspace)
    file = tmp_path / "spent" / f"{step.name}.json"
    note = json.loads(file.read_text())
    file.write_text(json.dumps({**note, "fingerprint": "0" * 64}))
    assert read_spent(step, workspace) is None
    for damaged in ("", "{", "[]", '{"fingerprint": 1}'):
        file.write_text(damaged)
        assert read_spent(step, workspace) is None
    execute(step, workspace)


def test_notes_go_to_an_object_store_too() -> None:
    step, workspace = collecting(), Workspace("memory://spent-test")
    execute(step, workspace)
    assert read_spent(step, workspace) is not None
