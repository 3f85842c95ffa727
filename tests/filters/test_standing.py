from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from filters.standing import Standing, against, copies, in_earlier_sources, in_priority, write_standing
from filters.statistics import Ragged
from sources.errors import BabelmixError

Array = npt.NDArray[np.uint64]


def _standing(folder: Path, bands: Array, exact: Array, near: npt.NDArray[np.bool_] | None = None) -> Standing:
    ids = [f"{folder.name}:{number}ø" for number in range(len(exact))]
    write_standing(folder, folder.name, ids, bands, exact, np.ones(len(exact), np.bool_) if near is None else near)
    return Standing(folder)


def _random(count: int, seed: int, values: int = 40) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    return (
        random.integers(0, values, (count, 3), dtype=np.uint64) << np.uint64(58),
        random.integers(0, values * 2, count, dtype=np.uint64),
        random.random(count) < 0.8,
    )


def test_the_pairs_are_all_that_agree_in_a_key(tmp_path: Path) -> None:
    old = [_random(30, 1), _random(25, 2)]
    standing = [_standing(tmp_path / str(number), *each) for number, each in enumerate(old)]
    bands, exact, near = _random(20, 3)
    pairs = against(standing, bands, exact, near, most=1000)
    wanted = []
    for new in range(20):
        same = [
            (new, source, document, 1)
            for source, (_, theirs, _) in enumerate(old)
            for document in range(len(theirs))
            if theirs[document] == exact[new]
        ]
        wanted += same[:1]
        if not same and near[new]:
            wanted += [
                (new, source, document, 0)
                for source, (theirs, _, of_near) in enumerate(old)
                for document in range(len(theirs))
                if of_near[document] and (theirs[document] == bands[new]).any()
            ]
    assert len(wanted) > 20
    rows = zip(pairs.new, pairs.source, pairs.document, pairs.exact, strict=True)
    assert [tuple(map(int, row)) for row in rows] == wanted


def test_a_template_that_stands_ten_thousand_times_gives_few_candidates(tmp_path: Path) -> None:
    count = 10_000
    bands = np.full((count, 14), 7, dtype=np.uint64)
    standing = _standing(tmp_path / "old", bands, np.arange(count, dtype=np.uint64))
    new = np.arange(count, count + 100, dtype=np.uint64)
    pairs = against([standing], bands[:100], new, np.ones(100, np.bool_), most=5)
    assert pairs.new.tolist() == [number for number in range(100) for _ in range(5)]
    assert pairs.document.tolist() == [0, 1, 2, 3, 4] * 100


def _shingles(texts: list[range]) -> Callable[[npt.NDArray[np.int64]], Ragged]:
    def shingles_of(documents: npt.NDArray[np.int64]) -> Ragged:
        parts = [np.array(texts[each], dtype=np.uint64)[::-1] for each in documents]
        return Ragged(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))

    return shingles_of


def test_a_candidate_is_a_copy_only_where_its_shingles_say_so(tmp_path: Path) -> None:
    old = [range(100), range(2, 102), range(500, 600)]
    standing = _standing(tmp_path / "old", np.ones((3, 14), np.uint64), np.arange(3, dtype=np.uint64))
    new = [range(3, 103), range(50, 150), range(500, 600)]
    pairs = against(
        [standing], np.ones((3, 14), np.uint64), np.array([10, 11, 2], np.uint64), np.ones(3, np.bool_)
    )
    found = copies(pairs, 3, 0.8, _shingles(new), lambda _, documents: _shingles(old)(documents))
    assert found.source.tolist() == [0, -1, 0]
    assert found.document.tolist() == [1, -1, 2]
    assert found.exact.tolist() == [False, False, True]
    unverified = copies(pairs, 3, 0.8)
    assert unverified.document.tolist() == [-1, -1, 2]


def test_the_source_of_the_highest_priority_keeps_a_text(tmp_path: Path) -> None:
    assert in_priority(["c4", "wiki", "books", "a"], ["books", "wiki"]) == ["books", "wiki", "a", "c4"]
    hashes = {"books": [5, 6], "wiki": [9, 6, 7], "a": [], "c4": [7, 5, 8, 7]}
    standing = [
        _standing(tmp_path / name, np.zeros((len(each), 14), np.uint64), np.array(each, dtype=np.uint64))
        for name, each in hashes.items()
    ]
    assert in_earlier_sources(standing, 0).tolist() == [False, False]
    assert in_earlier_sources(standing, 1).tolist() == [False, True, False]
    assert in_earlier_sources(standing, 2).tolist() == []
    assert in_earlier_sources(standing, 3).tolist() == [True, True, False, True]


def test_ids_and_what_takes_the_place_of_what_stood(tmp_path: Path) -> None:
    _standing(tmp_path / "web", *_random(10, 1))
    standing = _standing(tmp_path / "web", *_random(4, 2))
    assert standing.source == "web"
    assert [standing.id(document) for document in range(4)] == ["web:0ø", "web:1ø", "web:2ø", "web:3ø"]
    assert [each.name for each in tmp_path.iterdir()] == ["web"]


def test_damage_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match="no standing signatures"):
        Standing(tmp_path)
    _standing(tmp_path / "web", *_random(10, 1))
    cut = tmp_path / "web" / "band_01.keys.npy"
    cut.write_bytes(cut.read_bytes()[:-8])
    with pytest.raises(BabelmixError, match=r"band_01\.keys\.npy: cannot be read"):
        Standing(tmp_path / "web")
    (tmp_path / "web" / "standing.json").write_text('{"version": 0}')
    with pytest.raises(BabelmixError, match="not version 1"):
        Standing(tmp_path / "web")


def test_other_numbers_of_bands_are_refused(tmp_path: Path) -> None:
    standing = _standing(tmp_path / "web", *_random(10, 1))
    bands, exact, near = _random(4, 2)
    with pytest.raises(BabelmixError, match="3 bands, the new documents have 2"):
        against([standing], bands[:, :2], exact, near)
