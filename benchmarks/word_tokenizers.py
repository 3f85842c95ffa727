"""Our words beside those that FineWeb-2's thresholds were computed with, and what these come to for ours.

    benchmarks/stock_env.sh
    .venv-stock/bin/python benchmarks/word_tokenizers.py [--data FOLDER] [LANGUAGE ...]

For each language it prints how many words of theirs one of ours is, the share of words with a letter in theirs and
ours, and what FineWeb-2's thresholds come to in our words: the odds of a word with a letter, a word's length and
the number of words are scaled as the two differ over all of the reference text. The odd documents are the
reference, so that `benchmarks/curation.py` sees as many that are not.
"""

import argparse
import gzip
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from datatrove.utils.text import PUNCTUATION_SET
from datatrove.utils.word_tokenizers import load_word_tokenizer

from filters.word_tokenizer import IcuWordTokenizer
from sources.language import language, languages

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "documents"


def _counts(words: list[str]) -> tuple[int, int, int, int]:
    """Words, words with a letter, words that are more than marks, and the characters of these."""
    spoken = [word for word in words if any(mark not in PUNCTUATION_SET for mark in word)]
    letters = sum(any(mark.isalpha() for mark in word) for word in words)
    return len(words), letters, len(spoken), sum(map(len, spoken))


def main() -> None:
    """Prints a line a language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("language", nargs="*")
    options = parser.parse_args()
    for code in options.language or languages():
        found = language(code)
        try:
            theirs = load_word_tokenizer(code)
            theirs.word_tokenize("one")
        except Exception as error:
            print(f"{code}: its tokenizer is not here ({type(error).__name__})")
            continue
        with gzip.open(options.data / f"{code}.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in lines][1::2]
        ours = IcuWordTokenizer(found.segmentation)
        a, b = (
            [sum(column) for column in zip(*(_counts(each.word_tokenize(text)) for text in texts), strict=True)]
            for each in (theirs, ours)
        )
        words, length = a[0] / b[0], (a[3] / a[2]) / (b[3] / b[2])
        odds = (a[1] / (a[0] - a[1])) / (b[1] / (b[0] - b[1]))
        limits = found.thresholds
        share = limits.max_non_alpha_words_ratio
        scaled = share / (share + (1 - share) * odds)
        cells = (
            code,
            type(theirs).__name__,
            f"words {words:.3f}",
            f"with a letter {a[1] / a[0]:.3f} and {b[1] / b[0]:.3f}",
            f"length {a[3] / a[2]:.2f} and {b[3] / b[2]:.2f}",
            f"max_non_alpha_words_ratio {share} -> {scaled:.3f}",
            f"new_line_ratio {limits.new_line_ratio} -> {limits.new_line_ratio * words:.3f}",
            f"min_avg_word_length {limits.min_avg_word_length} -> {limits.min_avg_word_length / length:.2f}",
            f"max_avg_word_length {limits.max_avg_word_length} -> {limits.max_avg_word_length / length:.2f}",
        )
        print(*cells, sep="; ")


if __name__ == "__main__":
    main()
