import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixture_in_folder import BUCKETS, write_mixture

from mixtures.curriculum import CurriculumChoice, CurriculumReader, build_curriculum
from mixtures.packed import PackedReader
from mixtures.reader import MixtureReader
from sources.errors import BabelmixError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

from torch.utils.data import DataLoader  # noqa: E402

from mixtures.torch_reader import MixtureDataset, resume_point  # noqa: E402

LENGTH = 16
REPOSITORY = Path(__file__).parents[2]
# torchdata's loader lives in an environment of its own, with the readers that we are measured beside.
STREAMING = REPOSITORY / ".venv-streaming" / "bin" / "python"


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mixture(tmp_path_factory.mktemp("workspace"))


def sequences_of(batches: Any) -> list[int]:
    return [int(number) for batch in batches for number in batch["sequences"]]


def step_by_step(ranks: int, batch: int, start: int, row: PackedReader) -> list[list[dict[str, Any]]]:
    """The batches of every step: one a rank."""
    each = [list(MixtureDataset(row, LENGTH, batch, rank, ranks, start)) for rank in range(ranks)]
    return [list(step) for step in zip(*each, strict=True)]


@given(ranks=st.integers(1, 5), batch=st.integers(1, 4), start=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_each_step_reads_the_next_sequences_whatever_the_ranks(
    mixture: Path, ranks: int, batch: int, start: int
) -> None:
    row = PackedReader(mixture)
    expected = start
    for step in step_by_step(ranks, batch, start, row):
        assert sorted(sequences_of(step)) == list(range(expected, expected + ranks * batch))
        expected += ranks * batch
        assert {each["resume"] for each in step} == {expected}
    assert row.tokens // LENGTH - expected < ranks * batch


def test_tokens_and_masks_are_those_of_the_plain_reader(mixture: Path) -> None:
    plain = {each.number: each for each in MixtureReader(mixture, LENGTH)}
    for batch in MixtureDataset(PackedReader(mixture), LENGTH, batch=3, rank=1, ranks=2):
        bounds: list[int] = []
        for place, number in enumerate(batch["sequences"].tolist()):
            assert batch["tokens"][place].tolist() == plain[number].tokens.tolist()
            begins = plain[number].boundaries
            expected = [at - begins[begins <= at].max() for at in range(LENGTH)]
            assert batch["position_ids"][place].tolist() == expected
            bounds += (begins + place * LENGTH).tolist()
        assert batch["cu_seqlens"].tolist() == [*bounds, 3 * LENGTH]
        assert batch["cu_seqlens"].dtype == torch.int32 and batch["tokens"].dtype == torch.int64
        assert batch["max_seqlen"] == np.diff([*bounds, 3 * LENGTH]).max()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_keep_the_order(mixture: Path, workers: int) -> None:
    row = PackedReader(mixture)
    loader = DataLoader(MixtureDataset(row, LENGTH, batch=2), batch_size=None, num_workers=workers)
    whole = 2 * (row.tokens // LENGTH // 2)
    assert sequences_of(loader) == list(range(whole))


def test_the_global_order_stays_when_ranks_and_batches_change_in_the_middle(mixture: Path) -> None:
    row = PackedReader(mixture)
    seen, start = [], 0
    for ranks, batch, steps in ((2, 3, 4), (5, 1, 3), (1, 4, 6), (3, 2, 10**6)):
        for step in step_by_step(ranks, batch, start, row)[:steps]:
            seen += sorted(sequences_of(step))
            start = step[0]["resume"]
    assert seen == list(range(len(seen)))
    assert row.tokens // LENGTH - len(seen) < 6


def test_a_state_goes_on_where_it_was_taken(mixture: Path) -> None:
    row = PackedReader(mixture)
    whole = sequences_of(MixtureDataset(row, LENGTH, batch=2, rank=1, ranks=2, start=5))
    for taken in (0, 1, 7):
        one = MixtureDataset(row, LENGTH, batch=2, rank=1, ranks=2, start=5)
        iterator = iter(one)
        for _ in range(taken):
            next(iterator)
        other = MixtureDataset(row, LENGTH, batch=2, rank=1, ranks=2)
        other.load_state_dict(one.state_dict())
        assert other.state_dict() == one.state_dict()
        assert sequences_of(other) == whole[2 * taken :]
        # A state of the end has nothing left; the next pass begins where the first did.
        end = MixtureDataset(row, LENGTH, batch=2, rank=1, ranks=2)
        end.load_state_dict(other.state_dict())
        assert sequences_of(end) == []
        assert sequences_of(other) == whole


def test_a_state_goes_on_with_other_ranks(mixture: Path) -> None:
    row = PackedReader(mixture)
    one = MixtureDataset(row, LENGTH, batch=3, rank=0, ranks=4)
    iterator = iter(one)
    next(iterator), next(iterator)
    state = one.state_dict()
    assert resume_point({"deep": [{"in": state}]}) == 24
    other = MixtureDataset(row, LENGTH)
    other.load_state_dict(state)
    assert sequences_of(other) == list(range(24, row.tokens // LENGTH))


def test_the_state_of_all_workers_says_where_to_go_on() -> None:
    def state(worker: int, step: int) -> dict[str, Any]:
        place = {"worker": worker, "workers": 3, "start": 100, "step": step, "ranks": 2, "batch": 5}
        return {"kind": "babelmix.MixtureDataset", **place}

    # Steps 0 to 3 were handed out: worker 0 had 0 and 3, the others one each.
    assert resume_point([state(0, 6), state(1, 4), state(2, 5)]) == 100 + 4 * 10
    with pytest.raises(BabelmixError, match="holds 2 of 3 workers"):
        resume_point([state(0, 6), state(1, 4)])
    with pytest.raises(BabelmixError, match="holds 0 of 1 workers"):
        resume_point({"no": "state"})


def test_states_of_something_else_are_one_line(mixture: Path, tmp_path: Path) -> None:
    row = PackedReader(mixture)
    dataset = MixtureDataset(row, LENGTH)
    with pytest.raises(BabelmixError, match="state is of length 16, this is 8"):
        MixtureDataset(row, 8).load_state_dict(dataset.state_dict())
    other = PackedReader(write_mixture(tmp_path, buckets=BUCKETS[:2]))
    with pytest.raises(BabelmixError, match="state is of fingerprint"):
        MixtureDataset(other, LENGTH).load_state_dict(dataset.state_dict())
    with pytest.raises(BabelmixError, match="other numbers; begin a new reader"):
        dataset.load_state_dict({**dataset.state_dict(), "worker": 1, "workers": 2})
    with pytest.raises(BabelmixError, match="not version 1"):
        dataset.load_state_dict({})


@pytest.mark.parametrize("wrong", [{"rank": 1}, {"rank": -1}, {"batch": 0}, {"start": -1}])
def test_impossible_numbers_are_one_line(mixture: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(BabelmixError, match="count from 0"):
        MixtureDataset(PackedReader(mixture), LENGTH, **wrong)


STATEFUL = """
import sys
from torchdata.stateful_dataloader import StatefulDataLoader
from mixtures.packed import PackedReader
from mixtures.torch_reader import MixtureDataset, resume_point
row = PackedReader(sys.argv[1])
def loader(start=0, workers=2):
    return StatefulDataLoader(MixtureDataset(row, 16, batch=2, start=start), batch_size=None, num_workers=workers)
def numbers(batches):
    return [int(n) for batch in batches for n in batch["sequences"]]
whole = numbers(loader())
for taken in (1, 4, 7):
    first = loader()
    iterator = iter(first)
    seen = numbers(next(iterator) for _ in range(taken))
    state = first.state_dict()
    same = loader()
    same.load_state_dict(state)
    assert seen + numbers(same) == whole, taken
    assert resume_point(state) == 2 * taken, (resume_point(state), taken)
    assert seen + numbers(loader(resume_point(state), 3)) == whole
print("ok")
"""


@pytest.mark.slow
@pytest.mark.skipif(not STREAMING.exists(), reason="run benchmarks/streaming_env.sh first")
def test_torchdata_s_stateful_loader_goes_on_with_the_same_and_with_other_workers(mixture: Path) -> None:
    command = [str(STREAMING), "-W", "ignore", "-c", STATEFUL, str(mixture)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert found.stdout.strip() == "ok", found.stderr


def test_a_curriculum_is_read_across_its_stages(tmp_path: Path) -> None:
    for stage in (1, 2):
        write_mixture(tmp_path, stage)
    stages = [{"mixture": f"mixtures/model/stage{stage}/0123", "tokens": 100} for stage in (1, 2)]
    choice = CurriculumChoice.model_validate({"model": "model", "fresh": True, "stages": stages})
    row = CurriculumReader(build_curriculum(choice, tmp_path))
    tokens = np.empty(200, dtype=np.int64)
    row.fill(0, tokens)
    batches = list(DataLoader(MixtureDataset(row, LENGTH, batch=2), batch_size=None, num_workers=2))
    found = torch.cat([batch["tokens"].flatten() for batch in batches])
    assert found.tolist() == tokens[: 2 * LENGTH * 6].tolist()
    # The stages meet at token 100, in the middle of the sequence from 96 on: a document begins there.
    assert 4 in batches[3]["cu_seqlens"].tolist()
    assert batches[3]["position_ids"][0, 4] == 0
