"""What ranking keeps out of the best pairs beyond what the chain drops, fault by fault.

    python -m benchmarks.quality_ranking [--folder ../shared/data] [--half odd|even] [--languages deu_Latn,...]
                                         [--model NAME_OR_FOLDER]

The pairs and planted faults of `quality_bitext.py`. For each language and fault the good pairs and those with the
fault go through the chain together, and what stands is ranked, as many to be kept as good pairs stand. Printed
are the share of faults that the chain drops, the share that chain and ranking keep out, and the area under the
curve of the rank alone (0.5: it knows nothing of the fault; pairs that the chain dropped are not in it).
Without --model the heuristic ranks.
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from benchmarks.quality_bitext import MECHANICAL, Pairs, batch, planted, read
from filters.bitext.chain import Chain
from filters.bitext.ranking.rank import Ranker
from filters.bitext.ranking.settings import LengthBin, Ranking
from filters.bitext.settings import BitextSettings, Caps
from sources.language import language, languages

SETTINGS: Final = BitextSettings(skip=("duplicates", "caps"), caps=Caps(remembered=16))


def main() -> None:
    """Plants, judges, ranks and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=["odd", "even"], default="odd")
    parser.add_argument("--languages", help="codes, separated by commas; default all")
    parser.add_argument("--model", help="a sentence-transformers model")
    options = parser.parse_args()
    texts = read(options.folder / "parallel", options.half)
    codes = options.languages.split(",") if options.languages else [code for code in languages() if code in texts]
    found: dict[str, list[tuple[int, int, int, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as cache:
        for code in codes:
            pairs = planted(code, texts, options.half)
            good = pairs.pop("good")
            for fault, faulty in pairs.items():
                found[fault].append(ranked(code, good, faulty, options.model, Path(cache)))
    print(f"{'fault':<24}{'pairs':>9}{'chain':>9}{'and rank':>10}{'rank AUC':>10}")
    for fault, rows in found.items():
        count, chain, both = (sum(row[at] for row in rows) for at in range(3))
        areas = [row[3] for row in rows if not np.isnan(row[3])]
        area = float(np.mean(areas)) if areas else float("nan")
        mark = " *" if fault in MECHANICAL else ""
        print(f"{fault + mark:<24}{count:>9,}{chain / count:>9.1%}{both / count:>10.1%}{area:>10.3f}")
    by = options.model or "the heuristic"
    print(f"* mechanical. {len(codes)} languages, {options.half} lines, ranked by {by}.")


def ranked(code: str, good: Pairs, faulty: Pairs, model: str | None, cache: Path) -> tuple[int, int, int, float]:
    """Pairs with the fault; those that the chain drops; those that chain and rank keep out; the rank's AUC."""
    pairs = batch(good + faulty, code)
    judged = Chain(SETTINGS, language(code)).judge(pairs)
    kept = judged.kept
    stand = int(kept[: len(good)].sum())
    dropped = int((~kept[len(good) :]).sum())
    bins = (LengthBin(words=None, share=1.0),)
    whole = Ranking(top=len(pairs), model=model, bins=bins, of_one_host=len(pairs))
    ranker = Ranker(whole, SETTINGS.margin, code, cache)
    survivors = pairs.filter(pa.array(kept))
    list(ranker.add(survivors, {name: values[kept] for name, values in judged.scores.items()}))
    result, _ = ranker.ranked()
    if result is None:
        return len(faulty), dropped, dropped, float("nan")
    is_good = np.array([int(name) < len(good) for name in result.pairs.column("id").to_pylist()])
    out = dropped + int((~is_good[stand:]).sum())
    return len(faulty), dropped, out, area(is_good)


def area(is_good: np.ndarray) -> float:
    """The chance that a good pair stands before one with the fault, in a list from the best to the worst."""
    bad = int((~is_good).sum())
    if not bad or bad == len(is_good):
        return float("nan")
    after = bad - np.cumsum(~is_good)
    return float(after[is_good].mean() / bad)


if __name__ == "__main__":
    main()
