"""Exports of a mixture, read back; by the trainers' own readers in the environments that have them."""

import itertools
import json
import os
import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from mixture_in_folder import BUCKETS, write_mixture

from mixtures.exports.megatron import export_megatron
from mixtures.exports.parquet import export_parquet
from mixtures.exports.streaming import export_streaming
from mixtures.indexed import IndexedDataset
from mixtures.packed import PackedReader
from mixtures.reader import MixtureReader
from mixtures.tokenizer import QWEN3
from sources.errors import BabelmixError

LENGTH = 64
REPOSITORY = Path(__file__).parents[2]
MEGATRON = REPOSITORY / ".venv-megatron" / "bin" / "python"
STREAMING = REPOSITORY / ".venv-streaming" / "bin" / "python"


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_mixture(tmp_path_factory.mktemp("workspace"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["totals"]["tokenizer"] = QWEN3
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def reader(mixture: Path) -> PackedReader:
    return PackedReader(mixture)


def documents(mixture: Path) -> list[list[int]]:
    """The mixture's documents in their order, as the plain reader gives them."""
    plain = MixtureReader(mixture, 1)
    return [plain.document(entry).tolist() for entry in range(plain.order.documents)]


def elsewhere(python: Path, code: str, *arguments: Any) -> Any:
    """What a program prints as JSON in another environment."""
    command = [str(python), "-W", "ignore", "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.splitlines()[-1])


def test_the_megatron_copy_is_the_order(reader: PackedReader, mixture: Path, tmp_path: Path) -> None:
    made = export_megatron(reader, tmp_path / "out")
    copy = IndexedDataset(str(tmp_path / "out" / "mixture"))
    assert [copy.document(number).tolist() for number in range(len(copy))] == documents(mixture)
    assert (made.documents, made.tokens) == (reader.order.documents, reader.tokens)


def test_the_blend_weighs_shards_by_their_tokens(reader: PackedReader, tmp_path: Path) -> None:
    made = export_megatron(reader, tmp_path / "out", copy=False)
    assert not (tmp_path / "out" / "mixture.bin").exists()
    words = (tmp_path / "out" / "data_path.txt").read_text().split()
    blend = {prefix: int(weight) for weight, prefix in zip(words[::2], words[1::2], strict=True)}
    assert len(blend) == made.shards == 4
    for name, shards, tokens in BUCKETS:
        weights = [blend[str(reader.workspace / "tokens" / name / f"{n:05d}")] for n in range(len(shards))]
        sizes = [int(IndexedDataset(prefix).lengths.sum()) for prefix in blend if name in prefix]
        assert abs(sum(weights) - tokens) < len(shards)
        assert weights == [tokens * size // sum(sizes) for size in sizes]


def test_a_blank_in_the_workspace_is_one_line(tmp_path: Path) -> None:
    folder = write_mixture(tmp_path / "my data")
    with pytest.raises(BabelmixError, match="has a blank, at which Megatron splits"):
        export_megatron(PackedReader(folder), tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


MEGATRON_READS = """
import json, sys
from megatron.core.datasets.indexed_dataset import IndexedDataset
dataset = IndexedDataset(sys.argv[1])
print(json.dumps([dataset[number].tolist() for number in range(len(dataset))]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not MEGATRON.exists(), reason="run benchmarks/megatron_env.sh first")
def test_megatron_reads_the_copy(reader: PackedReader, mixture: Path, tmp_path: Path) -> None:
    export_megatron(reader, tmp_path / "out")
    assert elsewhere(MEGATRON, MEGATRON_READS, tmp_path / "out" / "mixture") == documents(mixture)


def test_parquet_of_documents(reader: PackedReader, mixture: Path, tmp_path: Path) -> None:
    export_parquet(reader, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "data").to_pylist()
    assert [row["input_ids"] for row in rows] == documents(mixture)
    position, times = 0, {}
    for row in rows:
        place = (row["category"], row["source"], row["language"])
        bucket = [name for name, _, _ in BUCKETS].index("/".join(place))
        assert row["input_ids"][0] == 1000 * (bucket + 1) + row["document"]
        assert row["position"] == position
        position += len(row["input_ids"])
        # A document's n-th reading is in the n-th epoch.
        key = (*place, row["document"])
        assert row["epoch"] == times.get(key, 0)
        times[key] = times.get(key, 0) + 1


def test_datasets_opens_the_parquet_of_several_files(
    reader: PackedReader, mixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    made = export_parquet(reader, tmp_path / "out", LENGTH, file_tokens=20 * LENGTH)
    assert made.files > 1
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"), split="train")
    plain = list(MixtureReader(mixture, LENGTH))
    assert [row["input_ids"] for row in loaded] == [each.tokens.tolist() for each in plain]
    assert [row["begins"] for row in loaded] == [each.boundaries.tolist() for each in plain]
    assert [row["sequence"] for row in loaded] == list(range(len(plain)))


def test_streaming_shards_are_as_their_format_says(reader: PackedReader, mixture: Path, tmp_path: Path) -> None:
    made = export_streaming(reader, tmp_path / "out", LENGTH, shard_bytes=10_000)
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    found = []
    for shard in index["shards"]:
        data = (tmp_path / "out" / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"] <= 10_000
        (samples,) = struct.unpack_from("<I", data)
        offsets = struct.unpack_from(f"<{samples + 1}I", data, 4)
        assert (samples, offsets[-1]) == (shard["samples"], len(data))
        for begin, end in itertools.pairwise(offsets):
            found.append(np.frombuffer(data[end - 4 * LENGTH : end], dtype="<i4").tolist())
            assert struct.unpack_from("<I", data, begin)[0] == end - begin - 4 - 4 * LENGTH
    assert len(index["shards"]) == made.shards > 1
    assert found == [each.tokens.tolist() for each in MixtureReader(mixture, LENGTH)]


STREAMING_READS = """
import json, sys, types
sys.modules["streaming.vision"] = types.ModuleType("streaming.vision")
from streaming import StreamingDataset
dataset = StreamingDataset(local=sys.argv[1], shuffle=False, batch_size=1)
print(json.dumps([[each["tokens"].tolist(), each["begins"].tolist()] for each in dataset]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not STREAMING.exists(), reason="run benchmarks/streaming_env.sh first")
def test_streaming_reads_the_shards(reader: PackedReader, mixture: Path, tmp_path: Path) -> None:
    export_streaming(reader, tmp_path / "out", LENGTH, shard_bytes=10_000)
    expected = [[each.tokens.tolist(), each.boundaries.tolist()] for each in MixtureReader(mixture, LENGTH)]
    assert elsewhere(STREAMING, STREAMING_READS, tmp_path / "out") == expected


@pytest.mark.parametrize("kind", ["megatron", "parquet", "streaming"])
def test_a_folder_that_is_there_is_left_alone(reader: PackedReader, tmp_path: Path, kind: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(BabelmixError, match="is there and not empty"):
        write(kind, reader, tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine"]


@pytest.mark.parametrize("kind", ["megatron", "parquet", "streaming"])
def test_what_fails_in_the_middle_leaves_nothing(tmp_path: Path, kind: str) -> None:
    folder = write_mixture(tmp_path / "workspace", buckets=(("a/b/eng_Latn", (3000,), 200_000), BUCKETS[0]))
    reader = PackedReader(folder)
    reader.block_at(reader.tokens // 2)
    (tmp_path / "workspace" / "tokens" / BUCKETS[0][0] / "00000.bin").unlink()
    broken = PackedReader(folder)
    with pytest.raises(BabelmixError, match=re.escape("00000.bin: cannot be read")):
        write(kind, broken, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(("length", "said"), [(0, "1 token at least"), (10**7, "not one sequence")])
def test_impossible_lengths_are_one_line(reader: PackedReader, tmp_path: Path, length: int, said: str) -> None:
    with pytest.raises(BabelmixError, match=said):
        export_streaming(reader, tmp_path / "out", length)


def write(kind: str, reader: PackedReader, output: Path) -> None:
    if kind == "megatron":
        export_megatron(reader, output)
    elif kind == "parquet":
        export_parquet(reader, output, LENGTH)
    else:
        export_streaming(reader, output, LENGTH)
