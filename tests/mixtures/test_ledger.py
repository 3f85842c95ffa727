from pathlib import Path

import pytest

from mixtures.ledger import COLUMNS, read_ledger, write_ledger
from sources.errors import BabelmixError

ROW = {
    "category": "code",
    "source": "s",
    "language": "eng_Latn",
    "documents": 3,
    "tokens": 70,
    "bytes": 300,
    "longest": 40,
    "shards": ["tokens/code/s/eng_Latn/00000"],
    "fingerprint": "ab",
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.parquet")
    write_ledger([ROW], path)
    assert read_ledger(path).to_dicts() == [ROW]
    write_ledger([], path)
    assert read_ledger(path).columns == list(COLUMNS)


def test_no_ledger_and_no_parquet_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    with pytest.raises(BabelmixError, match="no ledger"):
        read_ledger(str(path))
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(BabelmixError, match="no whole Parquet"):
        read_ledger(str(path))
