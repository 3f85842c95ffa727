from pathlib import Path

import pyarrow as pa
import pytest

from filters.boilerplate import Boilerplate, cut, repeated_lines
from pipelines.boilerplate import CountingLines
from pipelines.document_files import DocumentWriter


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_lines_of_all_files_are_counted_whoever_does_which(tmp_path: Path, ranks: int) -> None:
    documents = str(tmp_path / "documents")
    for file in range(3):
        with DocumentWriter(documents, f"{file}-") as writer:
            for number in range(4):
                row = {
                    "id": f"{file}{number}",
                    "language": "deu_Latn",
                    "source": "web",
                    "category": "multilingual",
                }
                writer.write({**row, "text": f"Menü\n{file}{number}", "url": "https://a.de/"})
    for rank in range(ranks):
        assert not list(CountingLines(documents, tmp_path / "counts").run(None, rank, ranks))
    repeated = repeated_lines(tmp_path / "counts", Boilerplate(documents=12))
    assert len(repeated) == 1
    found = cut(pa.array(["Menü\n00"]), pa.array(["https://a.de/"]), repeated)
    assert found.texts.to_pylist() == ["00"]
    assert not len(repeated_lines(tmp_path / "counts", Boilerplate(documents=13)))
