"""Whole runs of a small model: it learns, goes on where it was stopped, and says in one line what is wrong."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from training_mixture import LANGUAGES, TOKENIZER, VOCABULARY, build_mixture

from sources.errors import BabelmixError
from trainer.training import loop as loop_module
from trainer.training.run import Trained, train

torch.set_num_threads(1)

MODEL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
}
RUN: dict[str, Any] = {
    "model": "model.yaml",
    "tokenizer": TOKENIZER,
    "threads": 1,
    "stages": [
        {"name": "two languages", "tokens": 5120, "schedule": {"peak": 0.01, "warmup_tokens": 1000}},
        {
            "name": "three languages",
            "tokens": 5120,
            "schedule": {"peak": 0.01, "start": 0.01, "final": 0.001, "decay_tokens": 2560},
        },
    ],
    "batch": {"sequence_length": 64, "sequences": 4, "micro_sequences": 2},
    "balance": {"bias": 0.001},
    "checkpoint": {"every_steps": 7, "keep_last": 20},
    "evaluation": {"every_steps": 20, "documents": 2},
}


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    workspace = tmp_path_factory.mktemp("workspace")
    two = {name: LANGUAGES[name] for name in ("aaa_Latn", "bbb_Grek")}
    return [build_mixture(workspace, 1, two), build_mixture(workspace, 2)]


def write_config(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.yaml").write_text(yaml.safe_dump(MODEL))
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(RUN | changes))
    return path


def rows(run: Trained, kind: str = "step") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [row for row in found if row["kind"] == kind]


def figures(run: Trained) -> list[tuple[float, ...]]:
    """What must not differ by a bit between runs."""
    return [(row["step"], row["loss"], row["norm"], row["balance"], row["z"], row["rate"]) for row in rows(run)]


@pytest.fixture(scope="module")
def whole(mixtures: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, str]:
    """A run from beginning to end, and what it printed."""
    folder = tmp_path_factory.mktemp("whole")
    out = io.StringIO()
    return train(write_config(folder), mixtures, folder / "run", out), out.getvalue()


def test_the_loss_falls_and_a_new_languages_loss_only_once_it_is_there(whole: tuple[Trained, str]) -> None:
    run, _ = whole
    assert run.finished and run.steps == 40
    losses = [row["loss"] for row in rows(run)]
    assert losses[0] > 4.0 and sum(losses[-4:]) / 4 < 0.6 * losses[0]
    held_out = {row["step"]: row["losses"] for row in rows(run, "held_out")}
    assert sorted(held_out) == [0, 20, 40]
    assert set(held_out[0]) == {"all", "category/multilingual", *(f"language/{name}" for name in LANGUAGES)}
    new = [held_out[step]["language/ccc_Thai"] for step in (0, 20, 40)]
    old = [held_out[step]["language/aaa_Latn"] for step in (0, 20, 40)]
    assert old[1] < new[1] - 0.3
    assert new[2] < new[1] - 1.0


def test_a_stage_is_served_as_planned_and_says_so(whole: tuple[Trained, str]) -> None:
    run, said = whole
    served = rows(run, "served")
    assert [row["stage"] for row in served] == ["two languages", "three languages"]
    shares = served[1]["planned_served_tokens"]
    assert sum(tokens for name, (_, _, tokens) in shares.items() if name.startswith("language/")) == 5120
    for planned, real, _ in shares.values():
        assert abs(planned - real) < 0.05
    assert "stage two languages: 5,120 tokens; farthest from the plan is" in said
    assert "GFLOP a token" in said and "active" in said and "ends " in said


def test_a_second_run_is_the_same_to_the_last_bit(
    whole: tuple[Trained, str], mixtures: list[Path], tmp_path: Path
) -> None:
    assert figures(train(write_config(tmp_path), mixtures, tmp_path / "run", io.StringIO())) == figures(whole[0])


@pytest.mark.parametrize("stopped_after", [3, 20, 33])
def test_stopped_and_started_again_it_goes_on_to_the_last_bit(
    whole: tuple[Trained, str],
    mixtures: list[Path],
    tmp_path: Path,
    stopped_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asked to stop in the middle of a step, in either stage and at the boundary."""
    config = write_config(tmp_path)
    compute = loop_module.Loop._compute

    def asked(self: Any, data: Any, event: Any) -> Any:
        if data.number == stopped_after:
            event.set()
        return compute(self, data, event)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.Loop, "_compute", asked)
        out = io.StringIO()
        first = train(config, mixtures, tmp_path / "run", out)
    assert not first.finished and first.steps == stopped_after + 1
    assert "the same command goes on" in out.getvalue()
    second = train(config, mixtures, tmp_path / "run", io.StringIO())
    assert second.finished
    assert figures(second) == figures(whole[0])
    assert rows(second, "served") == rows(whole[0], "served")


def test_lines_of_steps_that_are_done_again_are_not_there_twice(
    whole: tuple[Trained, str], mixtures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two checkpoints: the steps since the last are taken again."""
    config = write_config(tmp_path)
    compute = loop_module.Loop._compute

    def dies(self: Any, data: Any, event: Any) -> Any:
        if data.number == 17:
            raise KeyboardInterrupt
        return compute(self, data, event)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_module.Loop, "_compute", dies)
        train(config, mixtures, tmp_path / "run", io.StringIO())
    out = io.StringIO()
    run = train(config, mixtures, tmp_path / "run", out)
    assert "goes on from" in out.getvalue() and "step-00000014" in out.getvalue()
    assert figures(run) == figures(whole[0])


def test_another_run_branches_off_where_a_stage_ends(mixtures: list[Path], tmp_path: Path) -> None:
    """A stage that ends within a step leaves a checkpoint before it, which knows nothing of the next stage."""
    first, second = RUN["stages"]
    stages = [first | {"tokens": 5056}, second]  # 19.75 steps
    config = write_config(tmp_path, stages=stages, checkpoint={"every_steps": 100, "keep_last": 1})
    main = train(config, mixtures, tmp_path / "main", io.StringIO())
    assert sorted(path.name for path in main.checkpoints.iterdir()) == ["step-00000019", "step-00000039"]
    (tmp_path / "branch" / "checkpoints").mkdir(parents=True)
    (main.checkpoints / "step-00000019").rename(tmp_path / "branch" / "checkpoints" / "step-00000019")
    out = io.StringIO()
    branch = train(config, [mixtures[0], mixtures[0]], tmp_path / "branch", out)
    assert branch.finished and "step-00000019" in out.getvalue()
    assert set(rows(branch, "served")[-1]["planned_served_tokens"]) == {
        "category/multilingual",
        "language/aaa_Latn",
        "language/bbb_Grek",
    }


def test_a_finished_run_says_so(whole: tuple[Trained, str], mixtures: list[Path], tmp_path: Path) -> None:
    out = io.StringIO()
    again = train(write_config(tmp_path), mixtures, whole[0].folder, out)
    assert again.finished and "finished already, 40 steps" in out.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"weights": "bfloat16", "update": "master", "moments": "bfloat16"}},
        {"optimizer": {"weights": "bfloat16", "update": "stochastic", "moments": "bfloat16"}},
        {
            "optimizer": {
                "weights": "bfloat16",
                "update": "stochastic",
                "moments": "8-bit",
                "gradients": "bfloat16",
            }
        },
        {"optimizer": {"kind": "muon"}},
        {"document_mask": False, "recompute": True},
    ],
)
def test_every_way_of_saving_memory_learns(mixtures: list[Path], tmp_path: Path, changes: dict[str, Any]) -> None:
    config = write_config(tmp_path, evaluation={"every_steps": 0}, **changes)
    losses = [row["loss"] for row in rows(train(config, mixtures, tmp_path / "run", io.StringIO()))]
    assert sum(losses[-4:]) / 4 < 0.7 * losses[0]


@pytest.mark.slow
def test_compiled_layers_train_alike(mixtures: list[Path], tmp_path: Path) -> None:
    stages = [RUN["stages"][0] | {"tokens": 2560}]
    losses = []
    for compiled in (False, True):
        config = write_config(tmp_path, compile=compiled, stages=stages, evaluation={"every_steps": 0})
        run = train(config, mixtures[:1], tmp_path / str(compiled), io.StringIO())
        losses.append([row["loss"] for row in rows(run)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_recomputing_changes_no_bit(whole: tuple[Trained, str], mixtures: list[Path], tmp_path: Path) -> None:
    run = train(write_config(tmp_path, recompute=True), mixtures, tmp_path / "run", io.StringIO())
    assert figures(run) == figures(whole[0])


def test_loss_that_is_no_number_is_skipped_and_in_the_end_an_error(
    mixtures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = loop_module.Loop._compute
    bad = {12, *range(25, 40)}

    def poisoned(self: Any, data: Any, event: Any) -> Any:
        found = compute(self, data, event)
        if data.number not in bad:
            return found
        for each in self._model.parameters():
            each.grad = None if each.grad is None else each.grad * float("nan")
        return type(found)(float("nan"), found.balance, found.z, self._norm(), found.counts, found.stop)

    monkeypatch.setattr(loop_module.Loop, "_compute", poisoned)
    config = write_config(tmp_path, spikes={"most_in_a_row": 3})
    out = io.StringIO()
    with pytest.raises(
        BabelmixError, match=r"step 29: 4 steps in a row were skipped, the last for loss nan"
    ) as raised:
        train(config, mixtures, tmp_path / "run", out)
    assert "\n" not in str(raised.value)
    assert "step 13 skipped: loss nan (sequences 48 to 51)" in out.getvalue()
    found = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    steps = {row["step"]: row for row in found if row["kind"] == "step"}
    assert steps[13]["loss"] is None and steps[14]["loss"] < 4.2
    # What was saved before is whole, and training goes on from it.
    monkeypatch.undo()
    assert train(config, mixtures, tmp_path / "run", io.StringIO()).finished


def test_mistakes_are_one_line(whole: tuple[Trained, str], mixtures: list[Path], tmp_path: Path) -> None:
    other = build_mixture(
        tmp_path / "other", 1, {name: LANGUAGES[name] for name in ("aaa_Latn", "bbb_Grek")}, seed=3
    )
    cases: list[tuple[dict[str, Any], list[Path], Path | None, str]] = [
        ({"optimiser": {}}, mixtures, None, "optimiser: unknown key; did you mean 'optimizer'"),
        ({"model": "nowhere.yaml"}, mixtures, None, "nowhere.yaml: cannot be read"),
        ({"tokenizer": "other/tokenizer"}, mixtures, None, "made with tokenizer 'test/tokenizer'"),
        ({"optimizer": {"update": "master"}}, mixtures, None, "update master does not go with float32 weights"),
        ({"optimizer": {"kind": "muon"}}, mixtures, whole[0].folder, "is not there"),
        ({"evaluation": {"every_steps": 0}}, [other, mixtures[1]], whole[0].folder, "made with other stages"),
    ]
    for changes, folders, folder, expected in cases:
        with pytest.raises(BabelmixError, match=expected) as raised:
            train(write_config(tmp_path, **changes), folders, folder or tmp_path / "run", io.StringIO())
        assert "\n" not in str(raised.value)


def test_a_checkpoint_of_another_shape_is_one_line(
    whole: tuple[Trained, str], mixtures: list[Path], tmp_path: Path
) -> None:
    config = write_config(tmp_path)
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(MODEL | {"hidden_size": 48}))
    with pytest.raises(BabelmixError, match=r"has shape \[\d+, 32\], this run needs \[\d+, 48\]"):
        train(config, mixtures, whole[0].folder, io.StringIO())


def test_a_token_outside_the_vocabulary_is_one_line(mixtures: list[Path], tmp_path: Path) -> None:
    config = write_config(tmp_path, evaluation={"every_steps": 0})
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(MODEL | {"vocab_size": 63}))
    with pytest.raises(BabelmixError, match="token 63 is outside the model's vocabulary of 63"):
        train(config, mixtures, tmp_path / "run", io.StringIO())
