"""Measures what good pairs of each language look like, and writes `lengths.yaml` and `identified.yaml`.

    python -m filters.bitext.measure_languages ../shared/data/parallel

The folder holds `ntrex/<code>.jsonl.gz` (line, english, text) and `flores/<code>.jsonl.gz` (flores, text), aligned
by line. Of NTREX-128 the even lines alone are read, so that the odd ones can show how well the numbers hold
(benchmarks/quality_bitext.py); FLORES-200 stands in where NTREX has no file.
"""

import argparse
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from filters.bitext import compiled
from filters.bitext.english import buffers, english, stop_words
from filters.bitext.identification import STOP_WORDS, agreement
from filters.bitext.language_numbers import ERAS, IDENTIFIED, LENGTHS, MYRIADS
from filters.bitext.letters import letters_of
from filters.bitext.settings import Identification, Numbers
from filters.identifiers import _model, identified
from sources.language import Language, languages

CONFUSABLE: Final = Path(__file__).parent / "confusable.yaml"
# A label that so many good sentences of a language are taken for counts for the language.
_OFTEN: Final = 0.03
# Thresholds that are tried, and the share of good sentences that one may lose.
_TRIED: Final = (
    0.2,
    0.15,
    0.1,
    0.05,
    0.0,
    -0.05,
    -0.1,
    -0.15,
    -0.2,
    -0.25,
    -0.3,
    -0.35,
    -0.4,
    -0.5,
    -0.6,
    -0.7,
    -0.8,
)
_MAY_LOSE: Final = 0.02
# Residuals beyond this many standard deviations are no lengths of good pairs but faults of the set.
_OUTLIER: Final = 3.5


def main() -> None:
    """Measures all languages and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    confusable = yaml.safe_load(CONFUSABLE.read_text(encoding="utf-8"))
    lengths, taken = {}, {}
    for code, language in languages().items():
        if code == "eng_Latn":
            continue
        pairs = list(training_pairs(folder, code))
        if not pairs:
            print(f"{code}: no pairs in {folder}; left out")
            continue
        lengths[code] = _lengths(pairs, language)
        taken[code] = _taken([text for _, text in pairs], language, confusable.get(code, []))
    source = (
        "NTREX-128 (MicrosoftTranslator/NTREX, CC BY-SA 4.0), even lines;"
        " FLORES-200 (dadelani/sib-200, CC BY-SA 4.0) where NTREX has no file."
        " Computed by filters/bitext/measure_languages.py."
    )
    for path, found in ((LENGTHS, lengths), (IDENTIFIED, taken)):
        rows = "".join(f"  {code}: {orjson.dumps(row).decode()}\n" for code, row in found.items())
        path.write_text(f"source: >-\n  {source}\nlanguages:\n{rows}", encoding="utf-8")


def training_pairs(folder: Path, code: str) -> Iterator[tuple[str, str]]:
    """English and the other side of a language's pairs to measure by."""
    path = folder / "ntrex" / f"{code}.jsonl.gz"
    if path.is_file():
        yield from ((row["english"], row["text"]) for row in _rows(path) if row["line"] % 2 == 0)
        return
    path = folder / "flores" / f"{code}.jsonl.gz"
    if path.is_file():
        english = {row["flores"]: row["text"] for row in _rows(folder / "flores" / "eng_Latn.jsonl.gz")}
        yield from ((english[row["flores"]], row["text"]) for row in _rows(path) if row["flores"] in english)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rb") as lines:
        yield from map(orjson.loads, lines)


def _stop_words(texts: list[str], language: Language) -> npt.NDArray[np.float64]:
    values = _measured([(text, text) for text in texts], language)
    shares: npt.NDArray[np.float64] = values[:, 2 * compiled.SIDE + compiled.STOPS]
    return shares


def _measured(pairs: list[tuple[str, str]], language: Language) -> npt.NDArray[np.float64]:
    table = letters_of(language)
    nothing = np.zeros(1, dtype=np.uint64)
    words = english()
    stops = stop_words(language.thresholds.stopwords, language.script)
    sides = [buffers(pa.array([pair[side] for pair in pairs], pa.string())) for side in (0, 1)]
    values: npt.NDArray[np.float64]
    values, _ = compiled.measure_pairs(
        *sides[0], *sides[1], table.facts, table.lower, table.base, False, words.phrases, words.notices,
        words.begins, words.number_words, words.number_values, stops, Numbers().small, language.script in MYRIADS,
        ERAS.get(language.code, 0), 0, 0, nothing, nothing, nothing,
    )  # fmt: skip
    return values


def _lengths(pairs: list[tuple[str, str]], language: Language) -> dict[str, Any]:
    values = _measured(pairs, language)
    first, second = values[:, : compiled.SIDE], values[:, compiled.SIDE : 2 * compiled.SIDE]
    whole = (first[:, compiled.VISIBLE] > 0) & (second[:, compiled.VISIBLE] > 0)
    first, second = first[whole], second[whole]
    logs = np.log(second[:, compiled.VISIBLE] / first[:, compiled.VISIBLE])
    median = float(np.median(logs))
    spread, by_length = _variance(logs - median, first[:, compiled.VISIBLE])
    closed = [np.isin(side[:, compiled.ENDS], (1, 2, 3)) for side in (first, second)]
    return {
        "ratio": round(float(np.exp(median)), 4),
        "spread": round(spread, 5),
        "by_length": round(by_length, 3),
        "ends": round(float(closed[1][closed[0]].mean()), 3),
        "numbers": round(float((values[whole, 2 * compiled.SIDE + compiled.AGREEMENT] >= 0.5).mean()), 3),
        "pairs": len(logs),
    }


def _variance(residuals: npt.NDArray[np.float64], characters: npt.NDArray[np.float64]) -> tuple[float, float]:
    """`spread` and `by_length`: least squares of the squared residuals on 1 / characters, without outliers."""
    design = np.stack([np.ones(len(residuals)), 1 / characters], axis=1)
    kept = np.ones(len(residuals), dtype=np.bool_)
    spread, by_length = float(np.var(residuals)), 0.0
    for _ in range(5):
        # By weights, as squares of what varies more vary more.
        weight = 1 / (spread + by_length / characters[kept])
        found, *_ = np.linalg.lstsq(design[kept] * weight[:, None], residuals[kept] ** 2 * weight, rcond=None)
        spread, by_length = (max(0.0, float(each)) for each in found)
        spread = max(spread, 1e-3)
        kept = np.abs(residuals) <= _OUTLIER * np.sqrt(spread + by_length / characters)
    return spread, by_length


def _taken(texts: list[str], language: Language, confusable: list[str]) -> dict[str, Any]:
    cut = pc.utf8_slice_codeunits(pa.array(texts), 0, Identification().characters)
    found, _ = _model("fasttext176").predict(pc.replace_substring(cut, "\n", " ").to_pylist(), k=1)
    names = [[label.removeprefix("__label__") for label in labels] for labels in found]
    own = identified(language, "fasttext176")
    first = Counter(each[0] for each in names)
    often = [label for label, times in first.most_common() if times >= _OFTEN * len(names) and label != "en"]
    labels = list(dict.fromkeys([*([own.label] if own else []), *confusable, *often]))
    sums = agreement(pa.array(texts), labels, "fasttext176", Identification().characters)
    sums += STOP_WORDS * _stop_words(texts, language)
    threshold = next((each for each in _TRIED if (sums < each).mean() <= _MAY_LOSE), _TRIED[-1])
    return {"labels": labels, "threshold": threshold, "lost": round(float((sums < threshold).mean()), 4)}


if __name__ == "__main__":
    main()
