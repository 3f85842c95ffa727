"""Vectors as transformers' own forward pass gives them: pooling, instruction, truncation, normalisation."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from benchmarks.rank import END, ending, saved_qwen3
from filters.bitext.ranking import model_files
from filters.bitext.ranking.embed import Embedder
from filters.bitext.ranking.settings import QWEN3_INSTRUCTION, Ranking
from mixtures.tokenizer_json import _BYTES
from sources.errors import BabelmixError

SHAPE: Final = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "head_dim": 16, "intermediate_size": 64, "vocab_size": 257, "rope_theta": 1_000_000,
}  # fmt: skip
TEXTS: Final = [
    "The committee will meet again on Thursday.",
    "Das Haus.",
    "委员会将于星期四再次开会。",
    "x",
    "A much longer sentence, which makes all the others wait until its last word has come, and then some more.",
    "ภาษาไทยไม่มีช่องว่าง",
]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def byte_tokenizer() -> Any:
    """Every byte a token, and the end of a text."""
    tokenizer = Tokenizer(models.BPE({shown: number for number, shown in enumerate(_BYTES)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    return ending(tokenizer)


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as Qwen3-Embedding's makers publish it."""
    return saved_qwen3(tmp_path_factory.mktemp("declared"), SHAPE, byte_tokenizer())


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without modules.json."""
    return saved_qwen3(tmp_path_factory.mktemp("bare"), SHAPE, byte_tokenizer(), pooling=False)


def by_hand(folder: Path, texts: list[str], dimension: int | None = None) -> np.ndarray:
    """One text at a time, so that nothing is padded: the last token's state, cut, then normalised."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    for text in texts:
        encoded = tokenizer(f"Instruct: Retrieve parallel sentences\nQuery:{text}", return_tensors="pt")
        assert encoded["input_ids"][0, -1] == tokenizer.convert_tokens_to_ids(END)
        with torch.no_grad():
            state = model(**encoded).last_hidden_state[0, -1]
        cut = state[:dimension]
        rows.append((cut / cut.norm()).numpy())
    return np.stack(rows)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("dimension", [None, 32, 12])
@pytest.mark.parametrize("kind", ["declared", "bare"])
def test_vectors_are_those_of_a_forward_pass(kind: str, dimension: int | None, request: Any) -> None:
    folder = request.getfixturevalue(kind)
    embedder = Embedder(Ranking(model=str(folder), dimension=dimension, dtype="float32"))
    vectors = embedder.encode(TEXTS)
    expected = by_hand(folder, TEXTS, dimension)
    assert vectors.shape == (len(TEXTS), dimension or 32)
    assert vectors.dtype == np.float16
    assert embedder.instruction == QWEN3_INSTRUCTION
    assert cosine(vectors, expected).min() > 0.9999
    assert np.abs(np.linalg.norm(vectors.astype(np.float64), axis=1) - 1).max() < 1e-3
    # The proof would hold of any vectors if all were alike.
    assert cosine(expected[:1], expected[1:]).max() < 0.999


def test_the_mean_would_be_found_out(bare: Path) -> None:
    """What sentence-transformers makes of a folder without modules.json is not what is wanted."""
    from sentence_transformers import SentenceTransformer

    framed = [QWEN3_INSTRUCTION.replace("{text}", text) for text in TEXTS]
    mean = SentenceTransformer(str(bare), device="cpu").encode(framed, normalize_embeddings=True)
    assert cosine(mean, by_hand(bare, TEXTS)).max() < 0.99


def test_order_and_company_do_not_matter(declared: Path) -> None:
    embedder = Embedder(Ranking(model=str(declared)))
    texts = TEXTS + [f"Sentence {number} of many, {'and on ' * (number % 9)}" for number in range(90)]
    together = embedder.encode(texts)
    shuffled = np.random.default_rng(1).permutation(len(texts))
    assert np.array_equal(together[shuffled], embedder.encode([texts[at] for at in shuffled]))
    alone = np.concatenate([embedder.encode([text]) for text in texts[:8]])
    assert cosine(together[:8], alone).min() > 0.9999


def test_texts_are_padded_on_the_left(declared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder(Ranking(model=str(declared)))
    masks = []
    preprocess = embedder._model.preprocess

    def seen(*values: Any, **named: Any) -> Any:
        found = preprocess(*values, **named)
        masks.append(found["attention_mask"])
        return found

    monkeypatch.setattr(embedder._model, "preprocess", seen)
    embedder.encode(TEXTS)
    assert any((mask == 0).any() for mask in masks)
    assert all(mask[:, -1].all() for mask in masks)


def test_nothing_but_the_instruction_stands_around_a_text(declared: Path, tmp_path: Path) -> None:
    """A model's own default prompt does not come on top."""
    folder = Path(shutil.copytree(declared, tmp_path / "prompted"))
    path = folder / "config_sentence_transformers.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "prompts": {"query": "Say: "}, "default_prompt_name": "query"}))
    plain, prompted = (Embedder(Ranking(model=str(each))).encode(TEXTS) for each in (declared, folder))
    assert np.array_equal(plain, prompted)
    own = Embedder(Ranking(model=str(declared), instruction="{text}")).encode(
        [QWEN3_INSTRUCTION.replace("{text}", text) for text in TEXTS]
    )
    assert np.array_equal(plain, own)
    assert not np.array_equal(
        plain, Embedder(Ranking(model=str(declared), instruction="Say {text}")).encode(TEXTS)
    )


def test_half_precision_is_close_to_full(declared: Path) -> None:
    full, half = (
        Embedder(Ranking(model=str(declared), dtype=dtype)).encode(TEXTS) for dtype in ("float32", "bfloat16")
    )
    assert 0.98 < cosine(full, half).min() < 0.99999


@pytest.mark.gpu
def test_a_gpu_gives_what_a_cpu_gives(declared: Path) -> None:
    embedder = Embedder(Ranking(model=str(declared)))
    assert (embedder.device, embedder.dtype) == ("cuda", "bfloat16")
    assert cosine(embedder.encode(TEXTS), by_hand(declared, TEXTS)).min() > 0.99
    full = Embedder(Ranking(model=str(declared), dtype="float32"))
    assert cosine(full.encode(TEXTS), by_hand(declared, TEXTS)).min() > 0.9999


def test_no_texts(declared: Path) -> None:
    assert Embedder(Ranking(model=str(declared))).encode([]).shape == (0, 32)


def test_a_batch_too_large_for_the_gpu_is_parted(declared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder(Ranking(model=str(declared)))
    expected = embedder.encode(TEXTS)
    encode = embedder._model.encode
    sizes = []

    def small(texts: list[str], **named: Any) -> Any:
        sizes.append(len(texts))
        if len(texts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return encode(texts, **named)

    monkeypatch.setattr(embedder._model, "encode", small)
    assert cosine(embedder.encode(TEXTS), expected).min() > 0.9999
    assert sizes[0] == len(TEXTS)
    assert max(sizes[2:]) <= 2
    # What was learnt stays.
    sizes.clear()
    embedder.encode(TEXTS)
    assert max(sizes) <= 2


def test_one_text_too_large_for_the_gpu_is_one_line(declared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder(Ranking(model=str(declared)))

    def none(texts: list[str], **named: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(embedder._model, "encode", none)
    with pytest.raises(BabelmixError, match="GPU's memory is too small for a text of"):
        embedder.encode(TEXTS)


def broken(folder: Path, place: Path, value: float) -> Path:
    """A copy of which all weights of the last normalisation are `value`."""
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(folder, place))
    weights = load_file(copy / "model.safetensors")
    weights["norm.weight"] = torch.full_like(weights["norm.weight"], value)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


@pytest.mark.parametrize(("value", "what"), [(float("nan"), "not a number"), (0.0, "zero")])
def test_a_model_that_gives_no_vectors_is_one_line(bare: Path, tmp_path: Path, value: float, what: str) -> None:
    embedder = Embedder(Ranking(model=str(broken(bare, tmp_path / "broken", value))))
    with pytest.raises(BabelmixError) as caught:
        embedder.encode(["Two\nlines.", "One."])
    assert f"is {what} (2 of 2 in its batch); use dtype float32 or bfloat16, or another model" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_models_that_cannot_be_had_are_one_line(
    declared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in (str(empty), str(tmp_path / "none"), "~/no/such/model"):
        with pytest.raises(BabelmixError, match=r"no folder with a config\.json or modules\.json"):
            Embedder(Ranking(model=name))
    for content in ("{", '{"model_type": "no such"}'):
        folder = Path(shutil.copytree(declared, tmp_path / str(len(content))))
        (folder / "config.json").write_text(content)
        with pytest.raises(BabelmixError, match=r"not JSON|cannot be loaded") as caught:
            Embedder(Ranking(model=str(folder)))
        assert "\n" not in str(caught.value)
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BabelmixError, match=r"^model Qwen/Qwen3-Embedding-0\.6B: cannot be loaded \("):
        Embedder(Ranking(model="Qwen/Qwen3-Embedding-0.6B", revision="0" * 40))


def test_weights_in_a_pickle_are_not_read(bare: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folder = Path(shutil.copytree(bare, tmp_path / "pickle"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(BabelmixError, match="cannot be loaded"):
        Embedder(Ranking(model=str(folder)))


def test_code_of_a_model_is_not_run(declared: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(declared, tmp_path / "code"))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    modules = json.loads((folder / "modules.json").read_text())
    modules[-1]["type"] = "own.Normalize"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BabelmixError, match="cannot be loaded"):
        Embedder(Ranking(model=str(folder)))
    assert not (tmp_path / "ran").exists()


def test_more_dimensions_than_a_model_has(declared: Path) -> None:
    with pytest.raises(BabelmixError, match=r"^dimension: 33 is more than the 32 of .*; write at most 32$"):
        Embedder(Ranking(model=str(declared), dimension=33))


def test_a_model_is_named_after_all_its_bytes(declared: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(declared, tmp_path / declared.name))
    (copy / "README.md").write_text("Words about it.")
    assert model_files.name(Ranking(model=str(copy))) == model_files.name(Ranking(model=str(declared)))
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[len(weights) // 2] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert model_files.name(Ranking(model=str(copy))) != model_files.name(Ranking(model=str(declared)))
    assert model_files.name(Ranking(model="a/b", revision="r1")) == "a/b@r1"


def test_languages_that_a_model_does_not_know(declared: Path) -> None:
    qwen3 = Ranking(model=str(declared))
    assert model_files.knows(qwen3, "deu_Latn")
    assert not model_files.knows(qwen3, "yor_Latn")
    assert model_files.knows(Ranking(model="sentence-transformers/LaBSE"), "yor_Latn")
    assert not model_files.knows(Ranking(model=str(declared), unlisted=("deu_Latn",)), "deu_Latn")
    assert not model_files.knows(Ranking(), "deu_Latn")
