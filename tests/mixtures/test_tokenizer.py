import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures import tokenizer as tokenizer_module
from mixtures.tokenizer import QWEN3_EOD, QWEN3_SPLIT, load_tokenizer, qwen3_ranks, tokenizer_fingerprint
from sources.errors import BabelmixError
from sources.language import languages
from sources.profile import subset_files
from sources.readers import read
from sources.source import source


def sample_texts() -> list[str]:
    """One text of each language of the sample pack."""
    fineweb2 = source("fineweb-2")
    (subset,) = fineweb2.subsets
    texts = []
    for language in languages().values():
        for url in subset_files(subset, fineweb2, language, "sample") if "fineweb-2" in language.datasets else ():
            texts.append(next(read(url, url, subset, fineweb2, language))["text"])
    return texts


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Qwen's ranks as a `tokenizer.json`: the same tokenizer by another library, `tokenizers`."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    from mixtures.tokenizer_json import _BYTES

    ranks = qwen3_ranks()
    shown = {token: "".join(_BYTES[byte] for byte in token) for token in ranks}
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            left, right = merged_last(token, ranks, rank)
            merges.append((shown[left], shown[right]))
    tokenizer = Tokenizer(models.BPE({shown[token]: rank for token, rank in ranks.items()}, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN3_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    folder = tmp_path_factory.mktemp("converted")
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def merged_last(token: bytes, ranks: dict[bytes, int], rank: int) -> tuple[bytes, bytes]:
    """The two parts that byte-pair encoding joins last to make `token`."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda at: ranks.get(parts[at] + parts[at + 1], rank))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]


def test_known_ids() -> None:
    (ids,) = load_tokenizer().encode_batch(["Hello, world! 你好"])
    assert ids.tolist() == [9707, 11, 1879, 0, 220, 108386]
    assert load_tokenizer().eod == QWEN3_EOD == 151643


def test_ids_are_those_of_the_tokenizers_library_in_every_language(converted: Path) -> None:
    texts = sample_texts()
    assert len(texts) == 63
    other = load_tokenizer(str(converted))
    for ours, theirs in zip(load_tokenizer().encode_batch(texts), other.encode_batch(texts), strict=True):
        assert ours.tolist() == theirs.tolist()
    assert other.eod == QWEN3_EOD


@given(text=st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_ids_are_those_of_the_tokenizers_library_for_any_text(text: str, converted: Path) -> None:
    ours, theirs = (
        load_tokenizer(name).encode_batch([text])[0] for name in ("Qwen/Qwen3-0.6B-Base", str(converted))
    )
    assert ours.tolist() == theirs.tolist()


def test_text_comes_back_composed() -> None:
    tokenizer = load_tokenizer()
    for text in [*sample_texts(), "e\u0301 <|endoftext|> \t\n  x", ""]:
        (ids,) = tokenizer.encode_batch([text])
        import unicodedata

        assert tokenizer.decode(ids) == unicodedata.normalize("NFC", text)


def test_a_literal_end_of_document_is_text() -> None:
    (ids,) = load_tokenizer().encode_batch(["<|endoftext|>"])
    assert QWEN3_EOD not in ids.tolist()


pieces = st.sampled_from(
    [
        "word",
        " two words",
        "\n",
        "\n\n",
        "   ",
        "\t",
        "12345",
        "x9 ",
        "don't",
        "!?...",
        "你好，世界。",
        "  \r\n ",
        "é",
        "—",
    ]
)


@given(parts=st.lists(pieces, min_size=1, max_size=60), size=st.integers(1, 12))
@settings(max_examples=300, deadline=None)
def test_a_long_text_is_cut_where_its_ids_stay_the_same(parts: list[str], size: int) -> None:
    text = "".join(parts)
    (whole,) = load_tokenizer().encode_batch([text])
    before = tokenizer_module._PIECE
    tokenizer_module._PIECE = size
    try:
        (cut,) = load_tokenizer().encode_batch([text])
    finally:
        tokenizer_module._PIECE = before
    assert cut.tolist() == whole.tolist()


def test_a_long_run_of_blanks_neither_panics_nor_changes() -> None:
    text = "a" + " " * 1_200_000 + "b"
    tokenizer = load_tokenizer()
    (ids,) = tokenizer.encode_batch([text])
    assert tokenizer.decode(ids) == text


def test_a_tokenizer_can_be_sent_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(load_tokenizer()))
    assert again.fingerprint == load_tokenizer().fingerprint == tokenizer_fingerprint("Qwen/Qwen3-0.6B-Base")


def test_the_converted_tokenizer_has_the_bundled_ones_vocabulary(converted: Path) -> None:
    from mixtures.tokenizer_json import TokenizerJson

    found = TokenizerJson.find(str(converted))
    assert found.difference(qwen3_ranks(), QWEN3_SPLIT, QWEN3_EOD) is None
    path = converted / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["vocab"]["a word that no vocabulary has"] = 999_999
    other = converted.parent / "other"
    other.mkdir()
    (other / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    assert "1 entries" in str(TokenizerJson.find(str(other)).difference(qwen3_ranks(), QWEN3_SPLIT, QWEN3_EOD))
    assert TokenizerJson.find(str(other)).fingerprint != found.fingerprint


def test_a_folder_without_a_tokenizer_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=r"no tokenizer\.json"):
        load_tokenizer(str(tmp_path))
