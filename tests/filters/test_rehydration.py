import json
from pathlib import Path

import pytest

from filters.rehydration import weight, weights
from sources.language import languages


@pytest.mark.parametrize(
    ("size", "wanted"), [(0, 1), (1, 1), (2, 3), (6, 6), (7, 7), (16, 9), (17, 10), (25, 10), (145, 1), (10**9, 1)]
)
def test_a_size_between_two_has_the_weight_of_the_smaller(size: int, wanted: int) -> None:
    # The table that FineWeb-2's own page on rehydration prints and explains.
    assert weight("ita_Latn", size) == wanted


def test_every_language_of_ours_but_english_has_a_table() -> None:
    sizes = range(1, 2000)
    for code in languages():
        found = [weight(code, size) for size in sizes]
        assert found[0] == 1
        assert (max(found) == 1) == (code == "eng_Latn"), code
        assert 1 <= min(found) <= max(found) <= 10


def test_upstreams_size_counts_where_it_is_larger() -> None:
    metadata = ['{"minhash_cluster_size": 17, "dump": "x"}', None, "{}", '{"minhash_cluster_size": 2}', None]
    assert weights("ita_Latn", [1.0, 2.0, None, 17.0, 1.0], metadata).tolist() == [10, 3, 1, 10, 1]


def test_what_is_no_size_is_none() -> None:
    metadata = [
        '{"minhash_cluster_size": null}',
        '{"minhash_cluster_size": "many"}',
        '{"a": "minhash_cluster_size"}',
    ]
    assert weights("ita_Latn", [1.0] * 3, metadata).tolist() == [1, 1, 1]


def test_the_tables_are_those_that_were_published() -> None:
    published = Path(__file__).parents[3] / "shared" / "facts" / "fineweb2_rehydration_up_to_10.json"
    if not published.is_file():
        pytest.skip("the published tables are not here")
    for code, table in json.loads(published.read_text()).items():
        assert {int(size): times for size, times in table.items()} == {
            int(size): weight(code, int(size)) for size in table
        }
