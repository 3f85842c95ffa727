"""Measures how many tokens a word comes to: `python -m mixtures.measure_tokens_per_word`.

Writes `tokens_per_word.csv` from the texts of FineWeb-2 in the sample pack: what planning at full size rests on,
since upstream publishes words. About 1,500 words a language: an estimate, good to about a tenth.
"""

import csv
import sys
from pathlib import Path
from typing import Final

from filters.word_tokenizer import IcuWordTokenizer
from mixtures.tokenizer import load_tokenizer
from sources.language import Language, languages
from sources.profile import SAMPLE, subset_files
from sources.readers import read
from sources.source import source

TABLE: Final = Path(__file__).parent / "tokens_per_word.csv"
FINEWEB2: Final = "fineweb-2"


def tokens_per_word(language: Language) -> tuple[int, int]:
    """Tokens of Qwen3's tokenizer and words (ICU's, those with a letter or digit) in the pack's texts."""
    fineweb2 = source(FINEWEB2)
    (subset,) = fineweb2.subsets
    words = IcuWordTokenizer(language.segmentation)
    texts = [
        document["text"]
        for url in subset_files(subset, fineweb2, language, SAMPLE)
        for document in read(url, url, subset, fineweb2, language)
    ]
    tokens = sum(map(len, load_tokenizer().encode_batch(texts)))
    counted = sum(any(map(str.isalnum, word)) for text in texts for word in words.word_tokenize(text))
    return tokens, counted


def main() -> None:
    """Writes the table for every language that the pack has."""
    rows = []
    for code, language in languages().items():
        if FINEWEB2 not in language.datasets:
            continue
        tokens, words = tokens_per_word(language)
        if words:
            rows.append((code, tokens, words, f"{tokens / words:.3f}"))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("language", "tokens", "words", "tokens_per_word"))
        writer.writerows(rows)
    sys.stdout.write(f"{TABLE}: {len(rows)} languages\n")


if __name__ == "__main__":
    main()
