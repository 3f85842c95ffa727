"""The English part of the pack: web, code, science, reference and instruction text as upstream lays it out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from sources.sample_pack import derive, write
from sources.sample_pack.document import Identity, Sample, identity
from sources.sample_pack.texts import Texts, english

CODE = "eng_Latn"

Item = Mapping[str, Any]  # a question of the benchmark: question, options, answer, language
# How many of the benchmark's English questions leak into one exercise sheet.
_SHEET = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the pack: whose layout it has, where it stands, and how a document becomes a row of it."""

    source: str
    path: str
    texts: str
    row: Callable[[Identity, Sample], dict[str, Any]]
    schema: pa.Schema | None = None  # None: JSON lines
    id: str = "id"


def _nemotron_cc(who: Identity, sample: Sample) -> dict[str, Any]:
    return {"id": who.id, "text": sample.text}


_NEMOTRON_CC = pa.schema([("id", pa.string()), ("text", pa.string())])


def _specialized(who: Identity, sample: Sample) -> dict[str, Any]:
    # Written by people, so no model is named.
    metadata = {"category": sample.topic, "models_used": "none"}
    return {"uuid": _bare(who.id), "license": "Apache-2.0", "text": sample.text, "metadata": metadata}


_SPECIALIZED = pa.schema(
    [
        ("uuid", pa.string()),
        ("license", pa.string()),
        ("text", pa.string()),
        ("metadata", pa.struct([("category", pa.string()), ("models_used", pa.string())])),
    ]
)


def _dolmino(who: Identity, sample: Sample) -> dict[str, Any]:
    return {
        "id": _bare(who.id),
        "text": sample.text,
        "source": "babelmix-sample",
        "added": who.date,
        "metadata": {"title": sample.topic, "url": who.url},
    }


def _finemath(who: Identity, sample: Sample) -> dict[str, Any]:
    # A score between 4 and 5, as the subset's name promises.
    score = round(4 + who.draw, 4)
    return {
        "url": who.url,
        "fetch_time": int(who.date[:4]) * 10**10,
        "content_mime_type": "text/html",
        "warc_filename": "sample/eng_Latn/000_00000.warc.gz",
        "text": sample.text,
        "token_count": len(sample.text) // 4,
        "char_count": len(sample.text),
        "metadata": "{}",
        "score": score,
        "int_score": round(score),
        "crawl": "SAMPLE-2024-01",
        "snapshot_type": "latest",
        "language": "en",
        "language_score": round(0.95 + 0.05 * who.draw, 6),
    }


_FINEMATH = pa.schema(
    [
        ("url", pa.string()),
        ("fetch_time", pa.int64()),
        ("content_mime_type", pa.string()),
        ("warc_filename", pa.string()),
        ("text", pa.string()),
        ("token_count", pa.int32()),
        ("char_count", pa.int32()),
        ("metadata", pa.string()),
        ("score", pa.float64()),
        ("int_score", pa.int64()),
        ("crawl", pa.string()),
        ("snapshot_type", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float64()),
    ]
)

PLACES = (
    Place(
        "nemotron-cc-v2",
        "High-Quality/part_000000.parquet",
        "nemotron-cc-high",
        _nemotron_cc,
        _NEMOTRON_CC,
    ),
    Place(
        "nemotron-cc-v2",
        "High-Quality-Synthetic/part_000000.parquet",
        "nemotron-cc-high-synthetic",
        _nemotron_cc,
        _NEMOTRON_CC,
    ),
    Place(
        "nemotron-pretraining-specialized-v1",
        "Nemotron-Pretraining-Scientific-Coding/part_000000.parquet",
        "code",
        _specialized,
        _SPECIALIZED,
        "uuid",
    ),
    Place(
        "nemotron-pretraining-specialized-v1",
        "Nemotron-Pretraining-RQA/part_000000.parquet",
        "stem",
        _specialized,
        _SPECIALIZED,
        "uuid",
    ),
    Place(
        "nemotron-pretraining-specialized-v1",
        "Nemotron-Pretraining-Math-Textbooks/part_000000.parquet",
        "synthetic",
        _specialized,
        _SPECIALIZED,
        "uuid",
    ),
    Place("finemath", "finemath-4plus/train-00000-of-00001.parquet", "math", _finemath, _FINEMATH, "url"),
    Place("dolmino-mix-1124", "data/wiki/wiki-0000.json.gz", "wiki", _dolmino),
    Place("dolmino-mix-1124", "data/pes2o/pes2o-0000.json.gz", "academic", _dolmino),
    Place("dolmino-mix-1124", "data/flan/flan-0000.json.gz", "instruction", _dolmino),
)


def documents(place: Place, everyone: Mapping[str, Texts], items: Sequence[Item]) -> list[Sample]:
    """The documents of one file in its order, originals before their copies. `items` is the benchmark."""
    rows = [Sample("good", entry["topic"], entry["text"]) for entry in english(place.texts)]
    questions = [item for item in items if item["language"] == CODE]
    if place.texts == "nemotron-cc-high":
        rows += _web(everyone, questions[0]["question"])
    if place.texts == "stem":
        rows.append(_exercises(questions[1 : 1 + _SHEET]))
    if place.texts == "instruction":
        rows.append(_exercises(questions[1 + _SHEET : 1 + 2 * _SHEET]))
    copied = rows[3]
    return [*rows, Sample("exact duplicate", copied.topic, copied.text, "duplicates")]


def write_place(root: Path, place: Place, first: int, samples: Sequence[Sample]) -> list[str]:
    """Write one file and return the ids of its rows. `first` counts the source's rows in earlier files."""
    rows = []
    for number, sample in enumerate(samples, start=first):
        rows.append(place.row(identity(place.source, CODE, number, sample), sample))
    path = root / place.source / place.path
    if place.schema is None:
        write.json_lines(path, rows)
    else:
        write.parquet(path, rows, place.schema)
    return [row[place.id] for row in rows]


def _web(everyone: Mapping[str, Texts], question: str) -> list[Sample]:
    """The project's English web texts with every fault that a crawl has."""
    own = everyone[CODE]
    rows = [Sample("good", topic, text) for topic, _, text in own.documents]
    contact, emails, ips = derive.contact(0)
    notices = derive.notices(own.sentences[:12], contact)
    rows.append(Sample("addresses", "notices", notices, emails=emails, ips=ips))
    foreign = everyone["fin_Latn"].documents[0]
    rows.append(Sample("wrong language (fin_Latn)", foreign[0], foreign[2], "language"))
    rows.append(Sample("boilerplate", "menu", own.boilerplate, "quality"))
    rows.append(Sample("spam", "offer", derive.spam(rows[5].text), "repetition"))
    rows.append(Sample("fragment", "teaser", derive.fragment(rows[6].text, CODE), "quality"))
    near = derive.near_duplicate(rows[1].text, CODE)
    rows.append(Sample("near-duplicate", rows[1].topic, near, "duplicates"))
    paragraphs = [" ".join(own.sentences[12:]), *own.explanations]
    leaked = derive.contaminated(paragraphs, question)
    rows.append(Sample("contaminated", "exercise", leaked, "contamination"))
    return rows


def _exercises(items: Sequence[Item]) -> Sample:
    """A page of exercises that somebody took from the benchmark, with the answers."""
    parts = []
    for item in items:
        options = item["options"]
        parts.append(f"{item['question']}\n{'; '.join(options)}.\nAnswer: {options[item['answer']]}.")
    return Sample("contaminated", "exercises", "\n\n".join(parts), "contamination")


def _bare(identifier: str) -> str:
    return identifier.removeprefix("<urn:uuid:").removesuffix(">")
