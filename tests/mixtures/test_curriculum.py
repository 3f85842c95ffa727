import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixture_in_folder import END, write_mixture

from mixtures.curriculum import CurriculumChoice, CurriculumReader, build_curriculum
from mixtures.curriculum_order import write_continued_order
from mixtures.order import Order, OrderBucket, write_order
from mixtures.packed import PackedReader
from sources.errors import BabelmixError

FIRSTS = {"web/a/eng_Latn": 1000, "math/b/eng_Latn": 2000, "code/c/eng_Latn": 3000}
STAGE1 = (("web/a/eng_Latn", (40, 20), 1100), ("math/b/eng_Latn", (12,), 900))
STAGE2 = (("web/a/eng_Latn", (40, 20), 900), ("math/b/eng_Latn", (12,), 300), ("code/c/eng_Latn", (9,), 500))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two stages that share two buckets; all of a document's tokens but its first are small."""
    write_mixture(tmp_path, 1, STAGE1, firsts=FIRSTS)
    write_mixture(tmp_path, 2, STAGE2, seed=9, firsts=FIRSTS)
    return tmp_path


def chosen(*tokens: int | None, fresh: bool = False) -> CurriculumChoice:
    stages = [
        {"mixture": f"mixtures/model/stage{number}/0123", "tokens": each}
        for number, each in enumerate(tokens, start=1)
    ]
    return CurriculumChoice.model_validate({"model": "model", "fresh": fresh, "stages": stages})


def whole(row: PackedReader | CurriculumReader) -> np.ndarray:
    out = np.empty(row.tokens, dtype=np.uint32)
    row.fill(0, out)
    return out


def documents(tokens: np.ndarray) -> list[int]:
    """The first tokens of the documents in a row, which are theirs alone."""
    return [int(token) for token in tokens if token >= 1000]


def test_stages_follow_one_another_at_their_tokens(workspace: Path) -> None:
    folder = build_curriculum(chosen(700, None), workspace)
    reader = CurriculumReader(folder)
    first, second = (PackedReader(workspace / f"mixtures/model/stage{n}/0123") for n in (1, 2))
    assert [(stage.begin, stage.end) for stage in reader.stages] == [(0, 700), (700, 700 + second.tokens)]
    assert whole(reader).tolist() == [*whole(first)[:700], *whole(second)]
    assert [reader.stage_at(token) for token in (0, 699, 700, reader.tokens - 1)] == [0, 0, 1, 1]
    # A document begins where the stage does, although the one before it was cut.
    begins = reader.fill(690, np.empty(20, dtype=np.int64))
    assert 10 in begins.tolist()


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_read_from_any_token(workspace: Path, data: st.DataObject) -> None:
    reader = CurriculumReader(build_curriculum(chosen(700, 600), workspace))
    tokens = whole(reader)
    start = data.draw(st.integers(0, reader.tokens))
    out = np.empty(data.draw(st.integers(0, reader.tokens - start)), dtype=np.int64)
    begins = reader.fill(start, out)
    assert out.tolist() == tokens[start : start + len(out)].tolist()
    expected = {0, *(np.flatnonzero(out[:-1] == END) + 1)} | (
        {700 - start} if 0 < 700 - start < len(out) else set()
    )
    assert set(begins.tolist()) == expected


def test_without_fresh_a_later_stage_begins_its_buckets_anew(workspace: Path) -> None:
    same = build_curriculum(chosen(None, None), workspace)
    assert not any(stage.continued for stage in CurriculumReader(same).stages)


@pytest.mark.parametrize("cut", [None, 500])
def test_fresh_repeats_no_document_before_all_of_its_bucket_were_read(workspace: Path, cut: int | None) -> None:
    reader = CurriculumReader(build_curriculum(chosen(cut, None, fresh=True), workspace))
    assert set(reader.stages[1].continued) == {"web/a/eng_Latn", "math/b/eng_Latn"}
    assert reader.stages[0].continued == {}
    read = documents(whole(reader))
    for name, count in (("web/a/eng_Latn", 60), ("math/b/eng_Latn", 12), ("code/c/eng_Latn", 9)):
        own = [each for each in read if FIRSTS[name] <= each < FIRSTS[name] + 1000]
        for at in range(1, len(own) + 1):
            seen = Counter(own[:at])
            # Before a document is read an n-th time, all were read n - 1 times.
            assert max(seen.values()) - (min(seen.values()) if len(seen) == count else 0) <= 1
    # Of each bucket the stage has what its mixture wants, as near as whole documents come.
    stage = reader.stages[1]
    order = Order(reader.workspace / stage.order)
    described = json.loads((reader.workspace / stage.order / "order.json").read_text())["buckets"]
    for each, (name, _, wanted) in zip(described, STAGE2, strict=True):
        assert each["name"] == name
        assert abs(each["tokens"] - wanted) <= 61
    assert stage.end - stage.begin == order.tokens


def test_fresh_goes_on_as_if_there_were_no_boundary(tmp_path: Path) -> None:
    one = (("web/a/eng_Latn", (50,), 800),)
    write_mixture(tmp_path, 1, one, firsts=FIRSTS)
    write_mixture(tmp_path, 2, (("web/a/eng_Latn", (50,), 3000),), firsts=FIRSTS)
    both = CurriculumReader(build_curriculum(chosen(None, None, fresh=True), tmp_path))
    long = write_mixture(tmp_path, 3, (("web/a/eng_Latn", (50,), 5000),), firsts=FIRSTS)
    assert whole(both).tolist() == whole(PackedReader(long))[: both.tokens].tolist()


@given(
    sizes=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=30), min_size=1, max_size=5),
    data=st.data(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_continued_orders(sizes: list[list[int]], data: st.DataObject, tmp_path: Path) -> None:
    buckets = [
        OrderBucket(f"b{n}", np.array(each, dtype=np.int32), data.draw(st.integers(1, 5 * sum(each))))
        for n, each in enumerate(sizes)
    ]
    starts = [data.draw(st.integers(0, 3 * len(each))) for each in sizes]
    totals = write_continued_order(buckets, starts, 1, tmp_path)
    order = Order(tmp_path)
    numbers, found = order.entries(0, order.documents)
    for number, (bucket, start) in enumerate(zip(buckets, starts, strict=True)):
        own = found[numbers == number].tolist()
        assert len(own) == totals.bucket_documents[number]
        tokens = int(bucket.lengths[own].sum())
        assert tokens == totals.bucket_tokens[number]
        # As near to what is wanted as whole documents come, and one at least.
        assert abs(tokens - bucket.tokens) <= bucket.lengths.max() or len(own) == 1
        # What an order of the bucket alone that is long enough gives after its first `start` documents.
        alone = tmp_path / "alone"
        alone.mkdir(exist_ok=True)
        needed = int(bucket.lengths.sum()) * (2 + (start + len(own)) // len(bucket.lengths))
        write_order([OrderBucket(bucket.name, bucket.lengths, needed)], 1, alone)
        _, expected = Order(alone).entries(start, start + len(own))
        assert own == expected.tolist()


def test_an_order_continued_from_nothing_is_the_order(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    buckets = [OrderBucket(f"b{n}", draw.integers(1, 99, 30_000).astype(np.int32), 4_000_000) for n in range(3)]
    for name in ("plain", "continued"):
        (tmp_path / name).mkdir()
    plain = write_order(buckets, 3, tmp_path / "plain")
    assert write_continued_order(buckets, [0, 0, 0], 3, tmp_path / "continued") == plain
    assert plain.documents > 3 * (1 << 16)
    for path in (tmp_path / "plain").iterdir():
        assert path.read_bytes() == (tmp_path / "continued" / path.name).read_bytes(), path.name


def test_one_that_stands_is_left_as_it_is(workspace: Path) -> None:
    folder = build_curriculum(chosen(None, None, fresh=True), workspace)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert build_curriculum(chosen(None, None, fresh=True), workspace) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert build_curriculum(chosen(None, None), workspace) != folder
    assert not list(folder.parent.glob(".*"))


def test_too_many_tokens_are_one_line(workspace: Path) -> None:
    with pytest.raises(BabelmixError, match=r"stages\.0\.tokens: 1000000, but .* write at most as many"):
        build_curriculum(chosen(10**6, None), workspace)


def test_no_curriculum_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match="no curriculum"):
        CurriculumReader(tmp_path)
