"""Documents by language, from JSON lines or Parquet files that name each document's language."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow.parquet as pq

from sources.readers.stream import open_file, open_stream
from trainer.errors import TrainerError

_JSONL: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst")
# A file is left when so many rows in a row were of languages that have enough.
_PATIENCE: Final = 10_000


def documents_by_language(place: Path, most: int) -> Mapping[str, list[str]]:
    """The first `most` texts of each language in the file or folder `place`, in the order of file names.

    Raises:
        TrainerError: nothing is there, or a row has no text or language.
        BabelmixError: a file is damaged.
    """
    files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if _kind(file))
    if not files:
        raise TrainerError(f"{place}: no .jsonl (.gz, .zst) or .parquet file; name a folder of documents")
    found: dict[str, list[str]] = {}
    for file in files:
        since = 0
        for row, fields in enumerate(_rows(file), start=1):
            text, language = fields.get("text"), fields.get("language")
            if not isinstance(text, str) or not isinstance(language, str):
                raise TrainerError(f"{file}, row {row}: `text` or `language` is missing; each row has both")
            texts = found.setdefault(language, [])
            since += 1
            if text.strip() and len(texts) < most:
                texts.append(text)
                since = 0
            if since >= _PATIENCE:
                break
    found = {language: texts for language, texts in sorted(found.items()) if texts}
    if not found:
        raise TrainerError(f"{place}: its files hold no text; name a folder of documents")
    return found


def _kind(file: Path) -> str | None:
    if file.name.endswith(_JSONL):
        return "jsonl"
    return "parquet" if file.name.endswith(".parquet") else None


def _rows(file: Path) -> Iterator[Mapping[str, Any]]:
    match _kind(file):
        case "jsonl":
            with open_stream(str(file)) as stream:
                for row, line in enumerate(stream, start=1):
                    if line.isspace():
                        continue
                    try:
                        fields = orjson.loads(line)
                    except orjson.JSONDecodeError as error:
                        raise TrainerError(f"{file}, row {row}: not JSON ({error})") from error
                    yield fields if isinstance(fields, dict) else {}
        case "parquet":
            with open_file(str(file)) as opened:
                parquet: Any = pq.ParquetFile(opened)
                lacking = {"text", "language"} - set(parquet.schema_arrow.names)
                if lacking:
                    raise TrainerError(f"{file}: no column {min(lacking)!r}; documents have `text` and `language`")
                for batch in parquet.iter_batches(256, columns=["text", "language"]):
                    yield from batch.to_pylist()
        case _:
            raise TrainerError(f"{file}: neither .jsonl nor .parquet; name a file or folder of documents")
