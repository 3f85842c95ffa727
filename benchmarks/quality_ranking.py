"""Which planted faults the chain and a ranking keep out of the best pairs, and what good pairs it costs.

    python -m benchmarks.quality_ranking [--model FOLDER] [--languages deu_Latn,nld_Latn] [--folder ../shared/data]

Pairs are those of `benchmarks.quality_bitext`: NTREX-128's odd lines, and a tenth as many of each fault. What the
chain keeps is ranked: by the heuristic, and with a model by its cosine and by its ratio margin. Where the chain
keeps `n` good pairs, the best `n` of all and the best `n/2` are looked at: the share of each fault that is not
among them, and the share of good pairs that is. Lengths have no shares here: a pool that is half made of faults
has fewer good pairs of a length than a share would want.
"""

import argparse
import random
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from benchmarks.quality_bitext import MECHANICAL, Pairs, batch, planted, read
from filters.bitext.chain import Chain
from filters.bitext.ranking.margin import Scores
from filters.bitext.ranking.rank import Ranker
from filters.bitext.ranking.settings import LengthBin, Ranking
from filters.bitext.settings import BitextSettings
from sources.language import Language, language

SEED: Final = 1
GOOD: Final = "good"
# Of the faults as many as one in so many good pairs.
ONE_IN: Final = 10
BINS: Final = (LengthBin(words=None, share=1),)
CHAIN: Final = "chain"


def main() -> None:
    """Plants, judges, ranks and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("../shared/data"))
    parser.add_argument("--languages", default="deu_Latn,nld_Latn", help="codes, separated by commas")
    parser.add_argument("--model", help="a sentence-transformers model's folder")
    options = parser.parse_args()
    texts = read(options.folder / "parallel", "odd")
    given: Counter[str] = Counter()
    # By how it was chosen: what is among the best, by kind.
    best: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as cache:
        for code in options.languages.split(","):
            kinds = chosen(planted(code, texts, "odd"))
            given += Counter({kind: len(pairs) for kind, pairs in kinds.items()})
            for way, found in ranked(kinds, language(code), options.model, Path(cache)).items():
                best[way] += found
    show(given, best)


def chosen(kinds: dict[str, Pairs]) -> dict[str, Pairs]:
    """All good pairs, and some of each fault."""
    count = len(kinds[GOOD]) // ONE_IN
    chance = random.Random(SEED)
    return {
        kind: pairs if kind == GOOD else chance.sample(pairs, min(count, len(pairs)))
        for kind, pairs in kinds.items()
    }


def ranked(kinds: dict[str, Pairs], spoken: Language, model: str | None, cache: Path) -> dict[str, Counter[str]]:
    """How many pairs of each kind the chain keeps, and how many are among the best by each way of ranking."""
    judged = {kind: judged_pairs(kind, pairs, spoken) for kind, pairs in kinds.items()}
    # Steps that are left out give no scores.
    every = list(judged[GOOD][1])
    count = judged[GOOD][0].num_rows
    ways = {}
    for top, name in ((count, "n"), (count // 2, "n/2")):
        plain = Ranking(top=top, bins=BINS)
        ways[f"heuristic, {name}"] = plain
        if model is not None:
            for scorer, least in (("cosine", 1 << 30), ("margin", 2)):
                ways[f"{scorer}, {name}"] = plain.model_copy(update={"model": model, "least_pool": least})
    margin = BitextSettings().margin
    rankers = {way: Ranker(ranking, margin, spoken.code, cache) for way, ranking in ways.items()}
    for survivors, scores in judged.values():
        none = np.full(survivors.num_rows, np.nan)
        for ranker in rankers.values():
            list(ranker.add(survivors, {name: scores.get(name, none) for name in every}))
    kept = {CHAIN: Counter({kind: survivors.num_rows for kind, (survivors, _) in judged.items()})}
    for way, ranker in rankers.items():
        found, _ = ranker.ranked()
        assert found is not None
        kept[way] = Counter(name.rsplit("/", 1)[0] for name in found.pairs.column("id").to_pylist())
    return kept


def judged_pairs(kind: str, pairs: Pairs, spoken: Language) -> tuple[pa.RecordBatch, dict[str, Scores]]:
    """The pairs that the chain keeps, with ids that say their kind, and their scores."""
    # Faults have the sentences of good pairs: they would be dropped as duplicates.
    settings = BitextSettings() if kind == GOOD else BitextSettings(skip=("duplicates", "caps"))
    caps = settings.caps.model_copy(update={"remembered": 1 << 16})
    rows = batch(pairs, spoken.code)
    names = pa.array([f"{kind}/{at}" for at in range(len(pairs))])
    rows = rows.set_column(rows.schema.get_field_index("id"), rows.schema.field("id"), names)
    found = Chain(settings.model_copy(update={"caps": caps}), spoken).judge(rows)
    return rows.filter(pa.array(found.kept)), {name: values[found.kept] for name, values in found.scores.items()}


def show(given: Counter[str], best: dict[str, Counter[str]]) -> None:
    """A row for each kind: how many there were, and the share that is kept out (of good pairs: in)."""
    print(f"{'':42}{'pairs':>7}" + "".join(f"{way:>16}" for way in best))
    for kind, count in given.items():
        shares = (best[way][kind] / count for way in best)
        cells = "".join(f"{share if kind == GOOD else 1 - share:>16.1%}" for share in shares)
        what = "good, kept" if kind == GOOD else f"{kind}{' (mechanical)' if kind in MECHANICAL else ''}, out"
        print(f"{what:42}{count:>7,}{cells}")
    sizes = {way: found.total() for way, found in best.items()}
    print(
        f"{'good among those that are kept':49}" + "".join(f"{best[w][GOOD] / n:>16.1%}" for w, n in sizes.items())
    )


if __name__ == "__main__":
    main()
