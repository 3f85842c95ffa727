"""A published model carries its tokenizer, and it gives the ids that the model was trained on."""

from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from mixtures.tokenizer import QWEN3, QWEN3_EOD, load_tokenizer
from trainer.tokenizer_files import write_tokenizer

TEXTS = [
    "Hello, world! It's 2026;  two blanks\n\n\tand a tab",
    "Καλημέρα κόσμε, τι κάνετε;",
    "สวัสดีชาวโลก นี่คือการทดสอบ",
    "你好，世界！こんにちは 세계",
    "e\u0301 is composed; 👩‍👩‍👧 is not",
    "def f(x):\n    return x ** 2  # ñandú",
]


def test_transformers_opens_it_and_its_ids_are_the_mixtures(tmp_path: Path) -> None:
    assert write_tokenizer(QWEN3, tmp_path)
    found = AutoTokenizer.from_pretrained(tmp_path)
    for text, ids in zip(TEXTS, load_tokenizer(QWEN3).encode_batch(TEXTS), strict=True):
        assert np.array_equal(found(text)["input_ids"], ids), text
    assert found.eos_token_id == found.pad_token_id == QWEN3_EOD
    assert found.decode(found(TEXTS[3])["input_ids"]) == TEXTS[3]


def test_another_one_is_left_to_its_owner(tmp_path: Path) -> None:
    assert not write_tokenizer("some/tokenizer", tmp_path)
    assert not list(tmp_path.iterdir())
