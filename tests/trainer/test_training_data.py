"""The curriculum's sequences: which comes when, what they are labelled with, what is held out."""

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_mixture import END, LANGUAGES, TOKENIZER, build_mixture

from mixtures.reader import MixtureReader
from sources.errors import BabelmixError
from trainer.training.data import NO_LABEL, Curriculum
from trainer.training.documents import DocumentFinder, HeldOut
from trainer.training.settings import TrainSettings

LENGTH = 32


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two stages of one workspace; the first lacks a language."""
    workspace = tmp_path_factory.mktemp("workspace")
    both = {name: LANGUAGES[name] for name in ("aaa_Latn", "bbb_Grek")}
    return [build_mixture(workspace, 1, both), build_mixture(workspace, 2)]


def settings_of(stages: list[dict[str, Any]] | None = None, **changes: Any) -> TrainSettings:
    schedule = {"peak": 0.01}
    stages = stages or [
        {"name": "one", "tokens": 1600, "schedule": schedule},
        {"name": "two", "tokens": 3200, "schedule": schedule},
    ]
    given = {
        "model": "model.yaml",
        "tokenizer": TOKENIZER,
        "stages": stages,
        "batch": {"sequence_length": LENGTH, "sequences": 6, "micro_sequences": 2},
        "evaluation": {"every_steps": 1, "documents": 3},
    }
    return TrainSettings.model_validate(given | changes)


def rows(curriculum: Curriculum, rank: int = 0, ranks: int = 1, first: int = 0) -> list[list[tuple[int, ...]]]:
    """The sequences of every step."""
    return [
        [tuple(row.tolist()) for batch in step.batches for row in batch.tokens]
        for step in curriculum.read(first, rank, ranks)
    ]


def test_stages_switch_at_an_exact_token(mixtures: list[Path]) -> None:
    curriculum = Curriculum(settings_of(), mixtures)
    read = [row for step in rows(curriculum) for row in step]
    first, second = (MixtureReader(mixture, LENGTH) for mixture in mixtures)
    expected = [next(first.read(number)) for number in range(50)] + [
        next(second.read(each)) for each in range(100)
    ]
    assert read == [tuple(sequence.tokens.tolist()) for sequence in expected]
    assert curriculum.steps == 25
    # Step 8 begins in the first stage with its sequences 48 and 49, and goes on in the second.
    assert curriculum.stage_of(8) == (0, 48 * LENGTH, 50 * LENGTH)
    assert curriculum.stage_of(9) == (1, 4 * LENGTH, 100 * LENGTH)


@pytest.mark.parametrize("ranks", [2, 3, 6])
def test_any_number_of_ranks_trains_on_the_same_steps(mixtures: list[Path], ranks: int) -> None:
    curriculum = Curriculum(settings_of(), mixtures)
    alone = [sorted(step) for step in rows(curriculum)]
    shared = zip(*(rows(curriculum, rank, ranks) for rank in range(ranks)), strict=True)
    assert [sorted(chain.from_iterable(step)) for step in shared] == alone


@given(first=st.integers(0, 24))
def test_goes_on_from_any_step(mixtures: list[Path], first: int) -> None:
    curriculum = Curriculum(settings_of(), mixtures)
    assert rows(curriculum, first=first) == rows(curriculum)[first:]


@given(length=st.integers(1, 300), data=st.data())
def test_spans_are_the_readers_boundaries(mixtures: list[Path], length: int, data: st.DataObject) -> None:
    reader = MixtureReader(mixtures[1], length)
    number = data.draw(st.integers(0, reader.sequences - 1))
    sequence = next(reader.read(number))
    spans = DocumentFinder(reader).spans(number)
    assert spans.starts.tolist() == sequence.boundaries.tolist()
    assert spans.lengths(length).sum() == length
    for place in range(1, len(spans.starts)):  # the first may be the rest of a document
        start, size = spans.starts[place], spans.lengths(length)[place]
        document = reader.bucket(int(spans.buckets[place])).document(int(spans.numbers[place]))
        assert sequence.tokens[start : start + size].tolist() == document[:size].tolist()


def test_labels_follow_within_documents_and_skip_what_is_held_out(mixtures: list[Path]) -> None:
    curriculum = Curriculum(settings_of(), mixtures)
    held = {tuple(document.tolist()) for _, documents in curriculum.held_out() for document in documents}
    assert len(held) == 9
    without = Counter[bool]()
    for step in curriculum.read(0):
        for batch in step.batches:
            for tokens, labels, documents in zip(
                *map(np.asarray, (batch.tokens, batch.labels, batch.documents)), strict=True
            ):
                begins = np.flatnonzero(np.diff(documents, prepend=-1))
                for start, stop in zip(begins, [*begins[1:], LENGTH], strict=True):
                    ids, following = tuple(tokens[start:stop].tolist()), labels[start:stop].tolist()
                    assert following[-1] == NO_LABEL
                    if ids in held:
                        assert set(following) == {NO_LABEL}
                        without[True] += 1
                    elif ids[-1] == END and start:
                        assert following[:-1] == list(ids[1:])
                        without[False] += 1
    assert without[True] and without[False] > without[True]


def test_served_tokens_are_counted_by_bucket_and_near_the_plan(mixtures: list[Path]) -> None:
    curriculum = Curriculum(settings_of(), mixtures)
    served = sum(step.served for step in curriculum.read(0))
    assert isinstance(served, np.ndarray)
    assert served[:2].sum() == 50 * LENGTH
    assert served[2:].sum() == 100 * LENGTH
    for bucket, tokens in zip(curriculum.buckets, served, strict=True):
        total = (50, 100)[bucket.stage] * LENGTH
        assert abs(tokens - bucket.planned * total) <= 2 * 40 + LENGTH


def test_a_small_mixture_is_read_again(mixtures: list[Path]) -> None:
    stages = [{"name": "only", "tokens": 20_000, "schedule": {"peak": 1.0}, "max_passes": 3}]
    curriculum = Curriculum(settings_of(stages, batch={"sequence_length": 1000, "sequences": 1}), [mixtures[0]])
    read = [step[0] for step in rows(curriculum)]
    held = MixtureReader(mixtures[0], 1000).sequences
    assert read[held : 2 * held] == read[:held]
    assert len(read) == 20


@given(size=st.integers(0, 1000), wanted=st.integers(0, 50))
def test_held_out_documents_are_as_many_as_wanted_and_half_at_most(size: int, wanted: int) -> None:
    held = HeldOut.of(size, wanted)
    assert len(held.numbers()) == min(wanted, size // 2)
    assert [number for number in range(size) if held.holds(number)] == held.numbers()


def test_mistakes_are_one_line(mixtures: list[Path], tmp_path: Path) -> None:
    other = build_mixture(tmp_path, 2, seed=1)
    cases: list[tuple[TrainSettings, list[Path], str]] = [
        (settings_of(tokenizer="Qwen/Qwen3-0.6B-Base"), mixtures, "made with tokenizer 'test/tokenizer'"),
        (
            settings_of([{"name": "a", "tokens": 10**6, "schedule": {"peak": 1.0}}]),
            mixtures[:1],
            "raise max_passes",
        ),
        (settings_of(), [mixtures[0], other], "holds other documents than in stage one"),
        (settings_of(), [], "stage one: no mixture"),
        (settings_of(), [*mixtures, other], "3 folders for 2 stages"),
        (settings_of(batch={"sequence_length": LENGTH, "sequences": 500}), mixtures, "a step takes 500 sequences"),
        (settings_of(), [tmp_path / "nowhere"], "manifest"),
    ]
    for settings, folders, expected in cases:
        with pytest.raises(BabelmixError, match=expected) as raised:
            Curriculum(settings, folders)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("ranks", [4, 7])
def test_more_ranks_than_sequences_is_one_line(mixtures: list[Path], ranks: int) -> None:
    with pytest.raises(BabelmixError, match=f"cannot be shared out to {ranks} ranks"):
        Curriculum(settings_of(), mixtures).read(0, 0, ranks)
