"""Test 13 of the trainer: planted routing is found again, and the numbers and the page say so."""

import gzip
import json
import re
import struct
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from trainer.commands import make_signatures, upcycle_checkpoint
from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.hugging_face import export_model
from trainer.model.transformer import Transformer
from trainer.signatures.clustering import cluster, correlations
from trainer.signatures.documents import documents_by_language
from trainer.signatures.page import signatures_page
from trainer.signatures.picture import EVEN, LESS, MORE, png
from trainer.signatures.routing import Routed, route

torch.set_num_threads(1)

EXPERTS, PER_TOKEN, HIDDEN, VOCABULARY = 8, 2, 32, 40
CONFIG = ModelConfig(
    vocab_size=VOCABULARY,
    hidden_size=HIDDEN,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    num_experts=EXPERTS,
    num_experts_per_tok=PER_TOKEN,
    moe_intermediate_size=16,
)


def planted() -> Transformer:
    """Token t goes to experts of group t // 10 alone: 0 and 1, 2 and 3, 4 and 5, 6 and 7."""
    model = Transformer(CONFIG)
    model.initialise(1)
    groups = torch.eye(4).repeat_interleave(10, 0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # What the layers add is nothing, so that a router sees the embedding.
            if name.endswith(("o_proj.weight", "down_proj")):
                parameter.zero_()
        model.head.copy_(torch.cat([groups, torch.zeros(VOCABULARY, HIDDEN - 4)], dim=1))
        for layer in model.model.layers:
            rows = torch.eye(4).repeat_interleave(2, 0)
            layer.mlp.gate.weight.copy_(torch.cat([rows, torch.zeros(EXPERTS, HIDDEN - 4)], dim=1))
    return model


def texts(groups: dict[int, int], documents: int = 3, seed: int = 0) -> list[np.ndarray]:
    """Documents with so many tokens of each group."""
    draw = np.random.default_rng(seed)
    return [
        np.concatenate([draw.integers(group * 10, group * 10 + 10, count) for group, count in groups.items()])
        for _ in range(documents)
    ]


def test_planted_routing_is_found_again_and_rows_sum_to_the_experts_of_a_token() -> None:
    routed = route(planted(), {"a": texts({0: 10}), "b": texts({1: 30, 3: 10}), "c": texts({2: 5, 0: 5})})
    np.testing.assert_allclose(routed.shares.sum(axis=-1), PER_TOKEN)
    wanted = np.array(
        [[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0.75, 0.75, 0, 0, 0.25, 0.25], [0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0]]
    )
    for layer in range(2):
        np.testing.assert_allclose(routed.shares[:, layer], wanted)
    assert routed.tokens.tolist() == [30, 120, 30] and routed.documents.tolist() == [3, 3, 3]


def test_packing_does_not_change_what_is_counted() -> None:
    model = Transformer(CONFIG)
    model.initialise(2)
    both = texts({0: 9, 1: 7, 2: 4}, documents=2)
    together = route(model, {"a": both}).shares
    apart = [route(model, {"a": [each]}).shares for each in both]
    np.testing.assert_allclose(together, (apart[0] + apart[1]) / 2)


def test_languages_that_are_routed_alike_are_neighbours_in_the_tree() -> None:
    routed = route(
        planted(),
        {
            "one": texts({0: 8, 1: 2}),
            "other": texts({2: 8, 3: 2}),
            "like one": texts({0: 7, 1: 3}),
            "like other": texts({2: 7, 3: 3}),
        },
    )
    found = correlations(routed.shares)
    wanted = np.corrcoef(routed.shares.reshape(4, -1))
    np.testing.assert_allclose(found, wanted)
    tree = cluster(found)
    order = [routed.languages[leaf] for leaf in tree.order]
    assert {frozenset(order[:2]), frozenset(order[2:])} == {
        frozenset({"one", "like one"}),
        frozenset({"other", "like other"}),
    }
    first, _, last = tree.merges
    assert first.height == pytest.approx(1 - max(wanted[0, 2], wanted[1, 3]))
    # Average linkage: the last join is the mean over the four pairs across.
    across = wanted[np.ix_([0, 2], [1, 3])]
    assert last.height == pytest.approx(1 - across.mean())


def test_a_layer_parts_languages_from_0_all_alike_to_almost_1_all_apart() -> None:
    shares = np.zeros((4, 2, 8))
    shares[:, 0] = 0.25
    for language in range(4):
        shares[language, 1, 2 * language : 2 * language + 2] = 1
    routed = Routed(tuple("abcd"), shares, np.full(4, 100), np.full(4, 1))
    np.testing.assert_allclose(routed.parting, [0, 0.75])


def test_a_language_alone_is_a_tree_of_one() -> None:
    routed = route(planted(), {"a": texts({0: 5})})
    tree = cluster(correlations(routed.shares))
    assert tree.order == (0,) and tree.merges == ()
    assert "a" in signatures_page("x", routed, correlations(routed.shares), tree)


def test_a_picture_has_a_pixel_a_number() -> None:
    values = np.array([[-1.0, 0.0, 1.0], [2.0, -3.0, 0.5]])
    content = b64decode(png(values).removeprefix("data:image/png;base64,"))
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == (3, 2)
    start = content.index(b"PLTE") + 4
    palette = content[start : start + 255 * 3]
    assert tuple(palette[:3]) == LESS and tuple(palette[-3:]) == MORE and tuple(palette[127 * 3 : 128 * 3]) == EVEN
    pixels = zlib.decompress(content[content.index(b"IDAT") + 4 : content.index(b"IEND") - 8])
    assert list(pixels) == [0, 0, 127, 254, 0, 254, 0, 190]


def workspace(tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint upcycled from a dense one, and documents in JSON lines and Parquet."""
    dense = CONFIG.model_copy(update={"num_experts": 0, "vocab_size": 151_936, "hidden_size": 16})
    model = Transformer(dense)
    model.initialise(0)
    export_model(model, tmp_path / "dense")
    (tmp_path / "model.yaml").write_text(
        "hidden_size: 16\nintermediate_size: 64\nnum_hidden_layers: 2\nnum_attention_heads: 4\n"
        "num_key_value_heads: 2\nhead_dim: 8\nnum_experts: 8\nnum_experts_per_tok: 2\nmoe_intermediate_size: 16\n"
    )
    upcycle_checkpoint(tmp_path / "dense", tmp_path / "model.yaml", tmp_path / "moe")
    place = tmp_path / "documents"
    place.mkdir()
    greek = [{"text": f"Καλημέρα κόσμε {n} <script>", "language": "ell_Grek"} for n in range(5)]
    (place / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, greek)).encode()))
    german = [{"text": f"Guten Tag {n}", "language": "deu_Latn", "id": str(n)} for n in range(4)]
    pq.write_table(
        pa.Table.from_pylist([*german, {"text": "<b>", "language": "<i>x", "id": ""}]), place / "b.parquet"
    )
    return tmp_path / "moe", place


def test_the_command_writes_a_page_and_its_numbers(tmp_path: Path) -> None:
    checkpoint, documents = workspace(tmp_path)
    made = make_signatures(checkpoint, documents, tmp_path / "out", per_language=3)
    shares = pq.read_table(made.shares)
    assert shares.num_rows == 3 * 2 * 8
    totals = shares.group_by(["language", "layer"]).aggregate([("share", "sum")])
    np.testing.assert_allclose(totals["share_sum"].to_numpy(), 2)
    assert pq.read_table(made.correlations).num_rows == 9
    assert dict(zip(made.routed.languages, made.routed.documents.tolist(), strict=True)) == {
        "<i>x": 1,
        "deu_Latn": 3,
        "ell_Grek": 3,
    }
    page = made.page.read_text()
    assert "Greek" in page and "German" in page and page.count("<svg") == 3 and page.count("<image") == 2
    # Self-contained, and a language's name cannot become markup.
    assert "<i>x" not in page and "&lt;i&gt;x" in page
    assert not re.search(r"(?:src|href)='(?!data:)", page) and "http" not in page.replace("http-equiv", "")


def test_as_many_documents_as_asked_for_and_no_empty_ones(tmp_path: Path) -> None:
    rows = [{"text": text, "language": "a"} for text in ("one", " ", "two", "three")]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert documents_by_language(tmp_path, 2) == {"a": ["one", "two"]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"text": "a"}', "row 1: `text` or `language` is missing"),
        ('{"text": "a", "language": "b"}\n[1]', "row 2: `text` or `language` is missing"),
        ("{", "row 1: not JSON"),
        ('{"text": " ", "language": "b"}', "hold no text"),
        (None, "no .jsonl (.gz, .zst) or .parquet file"),
    ],
)
def test_bad_documents_are_told_in_one_line(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(TrainerError) as caught:
        documents_by_language(tmp_path, 2)
    assert told in str(caught.value) and str(tmp_path) in str(caught.value)


def test_a_dense_model_and_a_foreign_tokenizer_are_told() -> None:
    dense = Transformer(CONFIG.model_copy(update={"num_experts": 0}))
    with pytest.raises(TrainerError, match="is a dense model"):
        route(dense, {"a": texts({0: 5})})
    with pytest.raises(TrainerError, match="token 99 is outside the model's vocabulary of 40"):
        route(planted(), {"a": [np.array([99])]})
