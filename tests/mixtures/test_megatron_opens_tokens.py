"""Another reader than ours opens the tokens: megatron-core's, in an environment of its own."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mixtures.indexed import IndexedWriter
from mixtures.tokenizer import load_tokenizer

MEGATRON = Path(__file__).parents[2] / ".venv-megatron" / "bin" / "python"
READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
from megatron.core.datasets.indexed_dataset import IndexedDataset
dataset = IndexedDataset(sys.argv[1])
lengths, ends = dataset.sequence_lengths.tolist(), dataset.document_indices.tolist()
print(json.dumps({"lengths": lengths, "ends": ends, "ids": [dataset[n].tolist() for n in range(len(dataset))]}))
"""
TEXTS = ["Kalimera, Καλημέρα σας.", "今天天气很好。", "A second document\nof two lines."]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MEGATRON.exists(), reason="run benchmarks/megatron_env.sh first"),
]


def test_megatron_reads_the_documents_that_were_written(tmp_path: Path) -> None:
    tokenizer = load_tokenizer()
    with IndexedWriter(str(tmp_path / "00000")) as writer:
        for ids in tokenizer.encode_batch(TEXTS):
            writer.add(np.append(ids, np.uint32(tokenizer.eod)))
    command = [str(MEGATRON), "-c", READ, str(tmp_path / "00000")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(output.splitlines()[-1])
    assert found["ends"] == [0, 1, 2, 3]
    assert found["lengths"] == [len(ids) for ids in found["ids"]]
    assert [tokenizer.decode(ids[:-1]) for ids in found["ids"]] == TEXTS
    assert {ids[-1] for ids in found["ids"]} == {tokenizer.eod}
