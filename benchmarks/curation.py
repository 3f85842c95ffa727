"""Curation beside datatrove's stock FineWeb-2 pipeline, on the same documents, one core each, in one run.

    benchmarks/stock_env.sh                                  # once: datatrove with its word tokenizers
    .venv-stock/bin/python benchmarks/curation.py [--data FOLDER] [--documents N] [LANGUAGE ...]

`--data` holds a file `<language>.jsonl.gz` with a `text` a line for each language, or is `sample`, the bundled
pack. For each language it prints documents and MB a second of the quality filters (Gopher repetition, FineWeb
quality, Gopher quality) and of MinHash signatures, the ratio, and the share of documents on which the two agree
whether they stay, with the reasons of those on which they don't; then, over all languages together, from Parquet
in to tokens out with everything on: repair, identification, filters, duplicates, contamination, privacy, tokens.

Ours is one pass that measures for the filters and makes the signatures, at once or without the latter: what it
takes longer for both is the time of the signatures. Compiling (once a machine) and loading of tables and models
are left out on both sides. A language whose stock word tokenizer is not installed is run with ICU's words on both
sides, and marked.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))

from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.word_tokenizers import WordTokenizer, load_word_tokenizer

from filters.fineweb2_rules import quality_rules, repetition_rules
from filters.identifiers import _model
from filters.rules import first_broken
from filters.settings import CurationSettings
from filters.statistics import measure
from filters.word_tokenizer import IcuWordTokenizer
from mixtures.tokenizer import QWEN3, load_tokenizer
from pipelines.curate import Place, curate_unchecked, measure_documents
from pipelines.tokenise import tokenise
from sources.language import Language, language, languages
from sources.schema import DOCUMENT

PACK = Path(__file__).parent.parent / "sources" / "sample" / "fineweb-2" / "data"
DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "documents"


@dataclass
class Row:
    """One language's figures: seconds for all of its documents, and the two verdicts on each."""

    code: str
    documents: int
    size: int
    stock_words: str
    stock_filters: float
    stock_minhash: float
    ours_filters: float
    ours_both: float
    verdicts: list[tuple[str | None, str | None]]

    @property
    def agreed(self) -> int:
        return sum((theirs is None) == (mine is None) for theirs, mine in self.verdicts)


def _texts(data: Path, code: str, most: int) -> list[str]:
    """The texts of a language."""
    if data == Path("sample"):
        found = pq.read_table(PACK / code / "train" / "000_00000.parquet")["text"].to_pylist()
        return cast(list[str], found[:most])
    path = data / f"{code}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(most), strict=False)]


def _words(found: Language) -> tuple[WordTokenizer, str]:
    try:
        tokenizer = load_word_tokenizer(found.code)
        tokenizer.word_tokenize("one")
        return tokenizer, type(tokenizer).__name__.removesuffix("Tokenizer")
    except Exception as error:
        del error
        return IcuWordTokenizer(found.segmentation), "ICU*"


def _stock_filters(found: Language, words: WordTokenizer) -> list[Any]:
    limits = found.thresholds
    return [
        GopherRepetitionFilter(
            language=words, dup_line_frac=limits.dup_line_frac, dup_para_frac=0, dup_line_char_frac=0,
            dup_para_char_frac=0, top_n_grams=limits.top_n_grams, dup_n_grams=limits.dup_n_grams,
        ),
        FineWebQualityFilter(
            language=words, short_line_thr=999, char_duplicates_ratio=0.1, line_punct_thr=limits.line_punct_thr,
            new_line_ratio=limits.new_line_ratio,
        ),
        GopherQualityFilter(
            language=words, min_avg_word_length=limits.min_avg_word_length,
            max_avg_word_length=limits.max_avg_word_length,
            max_non_alpha_words_ratio=limits.max_non_alpha_words_ratio, stop_words=list(limits.stopwords),
            min_stop_words=2,
        ),
    ]  # fmt: skip


def _stock_verdict(filters: list[Any], text: str) -> str | None:
    document = Document(text=text, id="")
    for each in filters:
        verdict = each.filter(document)
        if verdict is not True:
            return str(verdict[1])
    return None


def _signer(words: WordTokenizer) -> MinhashDedupSignature:
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
    return MinhashDedupSignature(tempfile.mkdtemp(), config, language=words)


def _sign(signer: MinhashDedupSignature, text: str) -> None:
    shingles = signer.get_shingles(text)
    if shingles.size:
        signer.get_signature(shingles)


def _ours(texts: pa.Array, found: Language) -> list[str | None]:
    rules = (*repetition_rules(found.limits), *quality_rules(found.limits))
    places = first_broken(rules, measure(texts, found, signatures=False).statistics, len(texts))
    return [rules[place].reason if place >= 0 else None for place in places]


def _timed(action: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """The median time of an action, and what it gives."""
    taken, result = [], None
    for _ in range(times):
        start = time.perf_counter()
        result = action()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)), result


def compare(code: str, texts: list[str]) -> Row:
    """Both sides on one language."""
    found = language(code)
    words, name = _words(found)
    filters, signer = _stock_filters(found, words), _signer(words)
    array = pa.array(texts, pa.large_string())
    _stock_verdict(filters, texts[0]), _sign(signer, texts[0]), _ours(array[:1], found), measure(array[:1], found)
    stock_filters, theirs = _timed(lambda: [_stock_verdict(filters, text) for text in texts])
    stock_minhash, _ = _timed(lambda: [_sign(signer, text) for text in texts])
    ours_filters, mine = _timed(lambda: _ours(array, found), 5)
    ours_both, _ = _timed(lambda: measure(array, found), 5)
    size = sum(len(text.encode()) for text in texts)
    pairs = list(zip(theirs, mine, strict=True))
    return Row(code, len(texts), size, name, stock_filters, stock_minhash, ours_filters, ours_both, pairs)


def _write(folder: Path, code: str, texts: list[str]) -> None:
    rows = [
        {"id": f"{code}/{at}", "text": text, "language": code, "source": "files", "category": "multilingual",
         "scores": None} for at, text in enumerate(texts)
    ]  # fmt: skip
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, DOCUMENT), folder / "00000.parquet")


def _ours_end_to_end(folder: Path, code: str) -> int:
    at = {
        name: str(folder / name) for name in ("documents", "measured", "curated", "dropped", "standing", "scratch")
    }
    place, settings = Place(**at), CurationSettings.for_profile("a mirror")
    measure_documents(place, language(code), settings)
    curate_unchecked(place, language(code), settings)
    if not any((folder / "curated").glob("*")):
        return 0
    return tokenise(at["curated"], "multilingual", QWEN3, str(folder / "tokens"))["tokens"]


def _stock_end_to_end(folder: Path, code: str, tokenizer: Any) -> int:
    """The stock steps one after the other, each document once; `tokenizers` for the tokens."""
    found = language(code)
    words, _ = _words(found)
    filters, signer = _stock_filters(found, words), _signer(words)
    repair, privacy, tokens = FTFYFormatter(), PIIFormatter(), 0
    for text in pq.read_table(folder / "documents" / "00000.parquet")["text"].to_pylist():
        text = repair.format(text)
        _model("fasttext176").predict([text.replace("\n", " ")], k=-1)
        _sign(signer, text)
        if _stock_verdict(filters, text) is None:
            tokens += len(tokenizer.encode(privacy.format(text)).ids)
    return tokens


def _tokenizers() -> Any:
    """Qwen3's tokenizer as the `tokenizers` package runs it."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    from mixtures.tokenizer import QWEN3_SPLIT, qwen3_ranks

    ranks = qwen3_ranks()
    letters = pre_tokenizers.ByteLevel.alphabet()
    del letters
    table = _byte_letters()
    spelled = {token: "".join(table[byte] for byte in token) for token in ranks}
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda pair: pair[1]):
        if len(token) > 1 and (parts := _split(token, ranks, rank)):
            merges.append((spelled[parts[0]], spelled[parts[1]]))
    model = BPE(vocab={spelled[token]: rank for token, rank in ranks.items()}, merges=merges)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN3_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    del models
    return tokenizer


def _byte_letters() -> dict[int, str]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the others for what follows U+0100."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + at) for at, byte in enumerate(others)}


def _split(token: bytes, ranks: dict[bytes, int], most: int) -> tuple[bytes, bytes] | None:
    """The two tokens that a token is merged from: what is left of its bytes when lower ranks are merged."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        best, at = most, -1
        for place in range(len(parts) - 1):
            rank = ranks.get(parts[place] + parts[place + 1], most)
            if rank < best:
                best, at = rank, place
        if at < 0:
            return None
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--documents", type=int, default=10**9, help="at most so many of each language")
    parser.add_argument("--filters-only", action="store_true", help="leave out the run from Parquet to tokens")
    parser.add_argument("--floor", type=float, help="exit with 1 where the middle language's ratio is less")
    parser.add_argument("language", nargs="*")
    return parser.parse_args()


def _print(rows: list[Row]) -> None:
    titles = ("", "documents", "KB", "words by", "stock/s", "MB/s", "ours/s", "MB/s", "ratio", "MinHash", "agreed")
    print(*(f"{title:>9}" for title in titles))
    for row in rows:
        ours, stock = row.ours_filters, row.stock_filters
        cells = (
            row.code,
            str(row.documents),
            f"{row.size / row.documents / 1000:.1f}",
            row.stock_words,
            f"{row.documents / stock:.1f}",
            f"{row.size / stock / 1e6:.2f}",
            f"{row.documents / ours:,.0f}",
            f"{row.size / ours / 1e6:.1f}",
            f"{stock / ours:.0f}",
            f"{row.stock_minhash / (row.ours_both - ours):.0f}",
            f"{row.agreed / row.documents:.1%}",
        )
        print(*(f"{cell:>9}" for cell in cells))


def _differences(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        found = Counter(pair for pair in row.verdicts if (pair[0] is None) != (pair[1] is None))
        for (theirs, mine), count in found.most_common():
            yield f"{row.code} {count}: stock {theirs or 'keeps'}, ours {mine or 'keeps'}"


def main() -> None:
    """Prints the figures of every language, and of all together."""
    options = _arguments()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    known = [
        code for code in languages() if (options.data / f"{code}.jsonl.gz").is_file() or (PACK / code).is_dir()
    ]
    texts = {code: _texts(options.data, code, options.documents) for code in options.language or known}
    codes = list(texts)
    rows = [compare(code, texts[code]) for code in codes]
    _print(rows)
    names = ("stock_filters", "ours_filters", "stock_minhash", "ours_both", "documents")
    filters, ours, minhash, both, documents = (sum(getattr(row, name) for row in rows) for name in names)
    print(
        f"all: filters {filters / ours:.0f} times stock ({documents / ours:,.0f} documents a second), signatures"
        f" {minhash / (both - ours):.0f} times; both together {(filters + minhash) / both:.0f} times"
        f" ({documents / both:,.0f} a second); agreed on {sum(row.agreed for row in rows) / documents:.2%}"
    )
    print("\nThey differ on:", *_differences(rows), sep="\n  ")
    middle = float(np.median([row.stock_filters / row.ours_filters for row in rows]))
    if options.floor and middle < options.floor:
        sys.exit(f"the filters of the middle language are {middle:.0f} times stock, less than {options.floor:g}")
    if options.filters_only:
        return
    tokenizer = _tokenizers()
    load_tokenizer(QWEN3).encode_batch(["warm"])
    with tempfile.TemporaryDirectory() as folder:
        for code in codes:
            _write(Path(folder) / code / "documents", code, texts[code])
        ours, tokens = _timed(lambda: sum(_ours_end_to_end(Path(folder) / code, code) for code in codes))
        stock, their_tokens = _timed(
            lambda: sum(_stock_end_to_end(Path(folder) / code, code, tokenizer) for code in codes)
        )
    size = sum(row.size for row in rows)
    print(f"\nParquet to tokens, everything on: {documents} documents of {size / documents / 1000:.1f} KB; stock"
          f" {documents / stock:.1f} documents a second ({their_tokens:,} tokens), ours {documents / ours:.0f}"
          f" ({tokens:,} tokens), {size / ours / 1e6:.2f} MB/s; ratio {stock / ours:.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
