"""Translation pairs with English: NLLB's nine columns, CCMatrix's three, and OPUS-100's Parquet."""

from collections.abc import Iterator
from typing import Final

import orjson

from sources.errors import BabelmixError
from sources.pair_files import PairFile
from sources.profile import ENGLISH
from sources.readers.document import MAX_DOCUMENT_BYTES, Document, Place
from sources.readers.pair_batches import read_pair_batches
from sources.readers.stream import open_stream
from sources.special_tokens import neutralise

# Source: the loader script of allenai/nllb. "_" stands for what is not known.
_NLLB: Final = (
    "source", "target", "laser_score", "source_lid", "target_lid",
    "source_corpus", "source_url", "target_corpus", "target_url",
)  # fmt: skip
_CCMATRIX: Final = ("laser_score", "source", "target")
_UNKNOWN: Final = "_"


def read_pairs(place: Place) -> Iterator[Document]:
    """A document for each pair: the English sentence and the other language's on two lines.

    `metadata` holds `english`, `translation`, and what the file says of both. Which column is English follows
    from the file's name: its labels stand in the order of its columns.

    Raises:
        BabelmixError: as `read`; a row has other columns, or the file's name does not hold English and another.
    """
    if place.subset.format == "pairs-parquet":
        yield from _from_parquet(place)
        return
    names = _NLLB if place.subset.format == "nllb-tsv" else _CCMATRIX
    english_first = _english_first(place)
    with open_stream(place.url, place.subset.compression, place.gate) as stream:
        row = 0
        while line := stream.readline(MAX_DOCUMENT_BYTES + 1):
            row += 1
            place.check_line(len(line), MAX_DOCUMENT_BYTES, row)
            try:
                cells = line.decode("utf-8").rstrip("\r\n").split("\t")
            except UnicodeDecodeError as error:
                raise place.error(row, f"not UTF-8 at byte {error.start + 1:,}; mend its encoding") from error
            if len(cells) != len(names):
                raise place.error(row, f"{len(cells)} columns instead of {len(names)} ({', '.join(names)})")
            yield _pair(dict(zip(names, cells, strict=True)), english_first, place, row)


def _from_parquet(place: Place) -> Iterator[Document]:
    file = PairFile(place.url, place.name, place.source, place.language, "pairs-parquet", gate=place.gate)
    for batch in read_pair_batches(file):
        if batch.malformed:
            raise place.error(batch.malformed[0].row, f"{batch.malformed[0].detail}; remove the row")
        for pair in batch.pairs.to_pylist():
            row = int(pair["id"].rsplit(":", 1)[1])
            english, translation = (place.checked(pair[side], row) for side in ("source_text", "target_text"))
            text, special = neutralise(f"{english}\n{translation}")
            yield {
                "id": f"{place.name}:{row}",
                "text": text,
                "language": place.language,
                "source": place.source,
                "category": place.subset.category,
                "url": None,
                "metadata": orjson.dumps({"english": english, "translation": translation}).decode(),
                "special_tokens": special,
            }


def _english_first(place: Place) -> bool:
    labels = place.name.rsplit("/", 1)[-1].split(".")[0].split("-")
    english = [label in (ENGLISH, "en") for label in labels]
    if english not in ([True, False], [False, True]):
        raise BabelmixError(
            f"{place.url}: the name does not say which side is English; name it after both labels, as in"
            f" eng_Latn-{place.language}.gz"
        )
    return english[0]


def _pair(cells: dict[str, str], english_first: bool, place: Place, row: int) -> Document:
    sides = [place.checked(cells.pop(name), row) for name in ("source", "target")]
    english, translation = sides if english_first else reversed(sides)
    text, special = neutralise(f"{english}\n{translation}")
    try:
        score = float(cells.pop("laser_score"))
    except ValueError as error:
        raise place.error(row, "laser_score is no number; are the columns in another order?") from error
    known = {name: value for name, value in cells.items() if value != _UNKNOWN}
    side = "target" if english_first else "source"
    return {
        "id": f"{place.name}:{row}",
        "text": text,
        "language": place.language,
        "source": place.source,
        "category": place.subset.category,
        "url": known.get(f"{side}_url"),
        "metadata": orjson.dumps(
            {"english": english, "translation": translation, "laser_score": score, **known}
        ).decode(),
        "special_tokens": special,
    }
