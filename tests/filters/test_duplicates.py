from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.duplicates import Found, duplicates, preference
from filters.statistics import Ragged

Shingles = Sequence[int]


def _asked(texts: Sequence[Shingles], log: list[int] | None = None) -> Callable[[npt.NDArray[np.int64]], Ragged]:
    def shingles_of(documents: npt.NDArray[np.int64]) -> Ragged:
        if log is not None:
            log.extend(documents.tolist())
        parts = [np.array(texts[each], dtype=np.uint64) for each in documents]
        return Ragged(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))

    return shingles_of


def _found(
    texts: Sequence[Shingles],
    labels: Sequence[int] | None = None,
    score: Sequence[float] | None = None,
    exact: Sequence[int] | None = None,
    near: Sequence[bool] | None = None,
    overlap: float = 0.8,
    log: list[int] | None = None,
) -> Found:
    """All in one cluster, of one score, of different hashes and near, unless said otherwise."""
    count = len(texts)
    return duplicates(
        np.array([0] * count if labels is None else labels, dtype=np.int64),
        np.array([0.0] * count if score is None else score),
        np.array(range(count) if exact is None else exact, dtype=np.uint64),
        np.array([True] * count if near is None else near, dtype=np.bool_),
        _asked(texts, log),
        overlap,
    )


def _by_definition(
    texts: Sequence[Shingles], labels: Sequence[int], score: Sequence[float], exact: Sequence[int],
    near: Sequence[bool], overlap: float, most: int,
) -> list[tuple[int, bool]]:  # fmt: skip
    """For each document the one kept instead or -1, and whether by its hash; sets in plain Python."""
    result = [(-1, False)] * len(texts)
    for label in set(labels):
        by_hash: dict[int, int] = {}
        compared: list[int] = []
        inside = [document for document in range(len(texts)) if labels[document] == label]
        for each in sorted(inside, key=lambda document: (-score[document], document)):
            if exact[each] in by_hash:
                result[each] = by_hash[exact[each]], True
                continue
            best: tuple[float, int] | None = None
            for other in compared if near[each] else []:
                mine, theirs = set(texts[each]), set(texts[other])
                share = len(mine & theirs) / len(mine | theirs) if mine | theirs else -1.0
                if share >= overlap and (best is None or share > best[0]):
                    best = share, other
            if best:
                result[each] = best[1], False
                by_hash[exact[each]] = best[1]
                continue
            by_hash[exact[each]] = each
            if near[each] and len(compared) < most:
                compared.append(each)
    return result


@st.composite
def _clusters(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[float], list[int], list[bool], float]:
    count = draw(st.integers(1, 10))
    size = {"min_size": count, "max_size": count}
    texts = draw(st.lists(st.lists(st.integers(0, 9), max_size=12), **size))
    exact = draw(st.lists(st.integers(0, 5), **size))
    groups = draw(st.lists(st.integers(0, 2), **size))
    # The same hash is in the same cluster, as `clusters` has it.
    groups = [groups[exact.index(each)] for each in exact]
    labels = [groups.index(group) for group in groups]
    score = draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, -1.0]), **size))
    near = draw(st.lists(st.booleans(), **size))
    return texts, labels, score, exact, near, draw(st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]))


@settings(deadline=None)  # the first example compiles
@given(_clusters(), st.integers(1, 4))
def test_each_document_is_held_against_what_is_kept(
    given: tuple[list[list[int]], list[int], list[float], list[int], list[bool], float], most: int
) -> None:
    texts, labels, score, exact, near, overlap = given
    found = duplicates(
        np.array(labels), np.array(score), np.array(exact, dtype=np.uint64), np.array(near), _asked(texts),
        overlap, most,
    )  # fmt: skip
    wanted = _by_definition(*given, most)
    assert list(zip(found.kept.tolist(), found.exact.tolist(), strict=True)) == wanted
    for document, (kept, _) in enumerate(wanted):
        holder = document if kept < 0 else kept
        assert found.size[document] == 1 + sum(other == holder for other, _ in wanted)


def test_the_best_is_kept_not_the_first() -> None:
    found = _found([range(100), range(1, 101), range(2, 102)], score=[1.0, 3.0, 2.0])
    assert found.kept.tolist() == [1, -1, 1]
    assert found.size.tolist() == [3, 3, 3]
    assert not found.exact.any()


def test_texts_of_one_template_stay() -> None:
    """Half of each text is the template; over the limits of a batch and of what is compared."""
    template = list(range(100))
    texts = [template + list(range(1000 * number, 1000 * number + 100)) for number in range(1, 700)]
    assert (_found(texts).kept == -1).all()


def test_a_chain_is_not_a_cluster() -> None:
    texts = [range(start, start + 100) for start in range(0, 110, 4)]
    kept = _found(texts).kept
    assert (kept >= 0).sum() > 5
    assert (kept < 0).sum() > 5
    for number, other in enumerate(kept):
        if other >= 0:
            assert kept[other] < 0
            assert len({*texts[number]} & {*texts[other]}) / len({*texts[number]} | {*texts[other]}) >= 0.8


def test_what_is_kept_is_remembered_over_batches() -> None:
    """The last of a cluster of many different texts is a copy of the first, and one of another cluster between."""
    texts = [list(range(1000 * number, 1000 * number + 50)) for number in range(600)]
    texts.append([*texts[0][:49], 5])
    found = _found(texts)
    assert np.flatnonzero(found.kept >= 0).tolist() == [600]
    assert found.kept[600] == 0


def test_no_shingles_are_asked_for_where_hashes_decide() -> None:
    asked: list[int] = []
    same = _found([[1], [1], [2], [3]], labels=[0, 0, 2, 3], exact=[7, 7, 8, 9], log=asked)
    assert same.kept.tolist() == [-1, 0, -1, -1]
    assert same.exact.tolist() == [False, True, False, False]
    assert not asked


def test_a_copy_of_a_copy_is_one_of_what_is_kept() -> None:
    found = _found([range(100), range(1, 101), range(1, 101)], exact=[1, 2, 2])
    assert found.kept.tolist() == [-1, 0, 0]
    assert found.exact.tolist() == [False, False, True]
    assert found.size.tolist() == [3, 3, 3]


def test_repeated_shingles_count_once() -> None:
    assert _found([[5] * 100_000 + [6], [6, 5]]).kept.tolist() == [-1, 0]


@pytest.mark.parametrize(("overlap", "kept"), [(0.96, -1), (95 / 101, 0), (95 / 101 + 1e-9, -1)])
def test_the_overlap_is_reached_exactly(overlap: float, kept: int) -> None:
    one, other = list(range(98)), [*range(95), 200, 201, 202]
    assert len({*one} & {*other}) / len({*one} | {*other}) == 95 / 101
    assert _found([one, other], overlap=overlap).kept.tolist() == [-1, kept]


def test_no_documents() -> None:
    found = _found([])
    assert [len(each) for each in (found.kept, found.size, found.exact)] == [0, 0, 0]


def test_preference_is_by_passing_then_by_each_score() -> None:
    passes = np.array([False, True, True, True, True])
    language = np.array([1.0, 0.5, np.nan, 0.9, 0.9])
    length = np.array([9, 9, 9, 10, 20])
    assert preference(passes, language, length).tolist() == [0, 2, 1, 3, 4]
