import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.rehydration import weight as rehydration_weight
from mixtures.order import OrderBucket, write_order
from mixtures.tokenizer import load_tokenizer
from pipelines.curate import DOCUMENT
from pipelines.document_files import DocumentWriter, document_files
from pipelines.document_index import DocumentIndex, Place, read_row
from pipelines.tokenise import tokenise
from pipelines.trace import Tracer
from pipelines.workspace import Workspace
from sources.errors import BabelmixError

TOKENIZER = "Qwen/Qwen3-0.6B-Base"
CATEGORIES = ("math", "wiki")
# Documents of many copies are repeated within an epoch, in the category that rehydrates.
SIZES = {4: 2.0, 9: 5.0, 18: 5.0, 21: 5.0}


def a_document(number: int, **own: object) -> dict[str, object]:
    return {
        "id": f"id {number}",
        "text": f"Document {number} says {'something ' * (number % 7 + 1)}<script>alert(1)</script>.",
        "language": "eng_Latn",
        "source": "dolmino-mix-1124",
        "category": CATEGORIES[number % 3 == 0],
        "url": f"https://example.org/{number}",
        "metadata": json.dumps({"dump": "D", **own}),
        "scores": [("duplicates.cluster_size", SIZES.get(number, 1.0)), ("quality.words", float(number))],
    }


def publish(workspace: Workspace, folder: str, step: str, inputs: dict[str, str], fill: object) -> str:
    """Makes a complete folder as a step would; its fingerprint is its name."""
    settings = {"profile": "sample", "input": "abc", "language": "eng_Latn"} if step == "collect" else {}
    identity = {"step": step, "version": 3, "settings": settings, "inputs": inputs}
    manifest = {"fingerprint": f"fingerprint of {folder}", "identity": identity}
    with workspace.replacing((folder,), manifest) as (target,):
        manifest["totals"] = fill(target)  # type: ignore[operator]
    return manifest["fingerprint"]  # type: ignore[return-value]


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    """Two categories of one source, in two files of documents; one of them repeated within an epoch."""
    workspace = Workspace(str(tmp_path / "workspace"))
    place = "dolmino-mix-1124/eng_Latn"

    def documents(target: str) -> dict[str, int]:
        for start, prefix in ((0, "0-"), (15, "1-")):
            with DocumentWriter(target, prefix) as writer:
                for number in range(start, start + 15):
                    writer.write(a_document(number, **({"model": "m", "prompt": "p@1"} if number == 5 else {})))
        return {"documents": 30}

    def dropped(target: str) -> dict[str, object]:
        rows = [
            ("copy", "duplicates", "near", 2.0, 1.0, "id 4"),
            ("other", "quality", "gopher_short_doc", 3.0, 50.0, None),
            ("liar", "duplicates", "near", 2.0, 1.0, "id 40"),
        ]
        names = ["id", "filter", "reason", "value", "threshold", "detail"]
        table = pa.table({name: [row[at] for row in rows] for at, name in enumerate(names)})
        pq.write_table(table, f"{target}/00000.parquet")
        return {"dropped": [{"filter": "duplicates", "reason": "near", "documents": 3}]}

    collected = publish(workspace, f"collected/{place}", "collect", {}, documents)
    curated = publish(workspace, f"curated/{place}", "render", {f"collected/{place}": collected}, documents)
    publish(workspace, f"dropped/{place}", "curate", {}, dropped)
    rows, buckets = [], []
    for category in CATEGORIES:
        folder = f"tokens/{category}/{place}"
        rehydrate = "ita_Latn" if category == "wiki" else None
        fill = lambda target, category=category, rehydrate=rehydrate: tokenise(  # noqa: E731
            workspace.at(f"curated/{place}"), category, TOKENIZER, target, rehydrate
        )
        fingerprint = publish(workspace, folder, "tokenise", {f"curated/{place}": curated}, fill)
        manifest = workspace.manifest(folder)
        assert manifest is not None
        shards = [f"{folder}/{number:05d}" for number in range(2)]
        from mixtures.indexed import IndexedDataset

        lengths = np.concatenate([IndexedDataset(workspace.at(shard)).lengths for shard in shards])
        tokens = int(manifest["totals"]["tokens"] * 2.5)
        buckets.append(OrderBucket(f"{category}/{place}", lengths, tokens))
        names = {"category": category, "source": "dolmino-mix-1124", "language": "eng_Latn"}
        rows.append({**names, "shards": shards, "fingerprint": fingerprint})
    folder = tmp_path / "workspace" / "mixtures" / "m" / "stage4" / "f"
    folder.mkdir(parents=True)
    write_order(buckets, 7, folder)
    (folder / "manifest.json").write_text(json.dumps({"totals": {"buckets": rows}}))
    return folder


def test_every_token_is_traced_to_the_text_that_it_was_made_from(mixture: Path) -> None:
    tracer, tokenizer = Tracer(mixture), load_tokenizer(TOKENIZER)
    from mixtures.reader import MixtureReader

    seen = set()
    length = 64
    for sequence in MixtureReader(mixture, length):
        parts = tracer.sequence(sequence.number, length)
        assert [part["from"] for part in parts] == sequence.boundaries.tolist()
        assert [part["from"] for part in parts[1:]] == [part["to"] for part in parts[:-1]]
        assert parts[-1]["to"] == length
        for part in parts:
            found = tracer.token(sequence.number, length, part["from"])
            assert (found["id"], found["url"]) == (part["id"], part["url"])
            wanted = [*tokenizer.encode_batch([found["text"]])[0].tolist(), tokenizer.eod]
            start = found["token_of_document"]
            shown = sequence.tokens[part["from"] : part["to"]].tolist()
            assert wanted[start : start + len(shown)] == shown
            assert found["epoch"] == part["epoch"] <= found["epochs"] == 3
            seen.add(found["id"])
    assert len(seen) == 30


def test_a_document_is_read_in_the_sequences_that_trace_says(mixture: Path) -> None:
    tracer = Tracer(mixture)
    for number in (0, 4, 16, 29):
        (found,) = tracer.document(f"id {number}", 64)
        assert found["text"] == a_document(number)["text"]
        assert [each["epoch"] for each in found["readings"]][:2] == [1, 2]
        for reading in found["readings"][:-1]:
            parts = tracer.sequence(reading["first_sequence"], 64)
            assert f"id {number}" in [part["id"] for part in parts]


def test_a_document_that_is_repeated_within_an_epoch_is_read_as_often(mixture: Path) -> None:
    tracer = Tracer(mixture)
    times = {number: len(tracer.document(f"id {number}", 64)[0]["readings"]) for number in (9, 12, 18, 21)}
    weight = rehydration_weight("ita_Latn", 5)
    assert weight > 1
    # Two whole epochs and the beginning of a third.
    assert 2 <= times[12] <= 3
    for number in (9, 18, 21):
        assert 2 * weight <= times[number] <= 3 * weight


def test_what_a_document_stood_for_and_who_wrote_it(mixture: Path) -> None:
    tracer = Tracer(mixture)
    (kept,) = tracer.document("id 4", 64)
    wanted = {"id": "copy", "source": "dolmino-mix-1124", "language": "eng_Latn", "reason": "near"}
    assert kept["duplicates"] == {"cluster_size": 2, "stood_for": [wanted], "not_indexed": []}
    assert kept["synthetic"] is None
    (written,) = tracer.document("id 5", 64)
    assert written["synthetic"] == {"model": "m", "prompt": "p@1"}
    assert written["duplicates"]["stood_for"] == []
    assert [step["step"] for step in written["made_by"]] == ["collect", "render"]
    assert written["revision"]["profile"] == "sample"


def test_a_document_that_is_not_there_says_which_filter_dropped_it(mixture: Path) -> None:
    tracer = Tracer(mixture)
    with pytest.raises(BabelmixError, match="filter quality dropped it: gopher_short_doc"):
        tracer.document("other", 64)
    with pytest.raises(BabelmixError, match="no document of this mixture has this id"):
        tracer.document("id 400", 64)
    with pytest.raises(BabelmixError, match="no document of this mixture has this id"):
        tracer.document("id 4", 64, language="ell_Grek")


def test_sequences_and_tokens_that_are_not_there(mixture: Path) -> None:
    tracer = Tracer(mixture)
    last = tracer.lineage.tokens // 64
    for number in (-1, last, 10**12):
        with pytest.raises(BabelmixError, match=f"has {last:,} sequences, counted from 0"):
            tracer.sequence(number, 64)
    for token in (-1, 64):
        with pytest.raises(BabelmixError, match="from 0 to 63"):
            tracer.token(0, 64, token)


@pytest.mark.parametrize("folder", ["curated", "tokens/math"])
def test_what_was_made_again_since_is_not_taken_for_what_was_mixed(mixture: Path, folder: str) -> None:
    path = mixture.parents[3] / folder / "dolmino-mix-1124" / "eng_Latn" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "fingerprint": "another"}))
    with pytest.raises(BabelmixError, match="made again since"):
        Tracer(mixture).document("id 4", 64)


def test_an_index_finds_every_row_and_is_not_made_twice(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    folder = tmp_path / "curated" / "s" / "l"
    for prefix in ("0-", "1-"):
        with DocumentWriter(str(folder), prefix) as writer:
            for number in range(100):
                writer.write(a_document(number, file=prefix))
    index = DocumentIndex(workspace, "curated/s/l", "id", "f" * 64)
    assert len(index) == 200
    assert document_files(str(folder)) == ["0-00000.parquet", "1-00000.parquet"]
    for number in (0, 57, 99):
        places = index.find(f"id {number}")
        assert places == [Place(0, number), Place(1, number)]
        rows = [read_row(str(folder), place) for place in places]
        assert [row["id"] for row in rows] == [f"id {number}"] * 2
        assert set(rows[0]) == set(DOCUMENT.names)
    assert index.find("id 100") == []
    (file,) = (tmp_path / "index" / "curated" / "s" / "l").iterdir()
    assert file.stat().st_size == 200 * 16
    before = file.stat().st_mtime_ns
    assert DocumentIndex(workspace, "curated/s/l", "id", "f" * 64).find("id 3") == index.find("id 3")
    assert file.stat().st_mtime_ns == before
    # Of other documents it is another index, and the old one goes.
    DocumentIndex(workspace, "curated/s/l", "id", "e" * 64)
    assert [each.name for each in file.parent.iterdir()] == [f"id-1-{'e' * 16}.bin"]
