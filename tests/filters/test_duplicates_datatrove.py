"""datatrove's own stages 2 and 3 on our files."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import MinhashDedupBuckets, MinhashDedupCluster

from filters.clusters import clusters
from filters.duplicates_datatrove import CONFIG, SignatureFiles, read_labels, write_signatures
from filters.statistics import BANDS, measure
from sources.language import language


def _labels(folder: Path, counts: list[int], workers: int = 1) -> npt.NDArray[np.int64]:
    """Stages 2 and 3, with several workers a bucket."""
    at = {name: str(folder / name) for name in ("signatures", "pairs", "found")}
    tasks = CONFIG.num_buckets * workers
    for rank in range(tasks):
        MinhashDedupBuckets(at["signatures"], at["pairs"], config=CONFIG).run(None, rank, tasks)
    MinhashDedupCluster(at["pairs"], at["found"], config=CONFIG, save_cluster_id=True).run(None, 0, 1)
    return read_labels(at["found"], counts)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_stages_find_our_clusters(tmp_path: Path, workers: int) -> None:
    random = np.random.default_rng(5)
    counts = [120, 1, 80]
    count = sum(counts)
    bands = random.integers(0, 1 << 64, (count, BANDS), dtype=np.uint64)
    exact = random.integers(0, 1 << 64, count, dtype=np.uint64)
    for one, other, band in random.integers(0, [count, count, BANDS + 1], (70, 3)):
        column = exact if band == BANDS else bands[:, band]
        column[one] = column[other]
    # The largest keys are those that datatrove would pass over.
    bands[[3, 140], 2] = (1 << 64) - 1
    near = random.random(count) < 0.8
    near[[3, 140]] = True
    start = 0
    for rank, size in enumerate(counts):
        part = slice(start, start + size)
        write_signatures(str(tmp_path / "signatures"), rank, bands[part], exact[part], near[part])
        start += size
    wanted = clusters(bands, exact, near)
    assert (wanted != np.arange(count)).sum() > 40
    assert wanted[3] == wanted[140]
    assert np.array_equal(_labels(tmp_path, counts, workers), wanted)


def test_signatures_of_documents(tmp_path: Path) -> None:
    words = [f"λέξη{letter}" for letter in "αβγδεζηθικλμνξοπρστυφχψω"]
    text = " ".join(words * 3)
    texts = [text, text + " άλλη", "μια άλλη πρόταση", text, text + " τρίτη", "μια  ΆΛΛΗ πρόταση"]
    categories = ["web", "web", "web", "code", "code", "code"]
    files = [range(4), range(4, 6)]
    greek = language("ell_Grek")
    for rank, rows in enumerate(files):
        documents = [Document(texts[row], str(row), metadata={"category": categories[row]}) for row in rows]
        assert not list(SignatureFiles(str(tmp_path / "signatures"), greek, ["web"]).run(documents, rank, 2))
    labels = _labels(tmp_path, [4, 2])
    assert labels.tolist() == [0, 0, 2, 0, 4, 2]
    found = measure(pa.array(texts), greek)
    assert np.array_equal(labels, clusters(found.bands, found.exact, np.array(categories) == "web"))


def test_nothing_found_is_every_document_for_itself(tmp_path: Path) -> None:
    assert read_labels(str(tmp_path), [2, 0, 1]).tolist() == [0, 1, 2]
