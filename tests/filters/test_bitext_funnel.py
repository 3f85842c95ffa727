from pathlib import Path

from filters.bitext.chain import Chain
from filters.bitext.funnel import FUNNEL, Funnel, dropped_rows, malformed_rows
from filters.bitext.settings import BitextSettings, Caps
from sources.language import language
from sources.pair_files import PairFile
from sources.readers.pair_batches import read_pair_batches
from sources.schema import DROPPED

GOOD = "1.1\tThe government announced a new plan on Monday.\tΗ κυβέρνηση ανακοίνωσε ένα νέο σχέδιο τη Δευτέρα.\n"
ROWS = (
    GOOD.encode() * 2
    + b"1.1\tonly one side\n"
    + GOOD.replace("1.1", "much").encode()
    + GOOD.replace("1.1", "1.5").encode()
    + b"1.1\tThe same.\tThe same.\n"
    + b"\n"
    + GOOD.replace("Η", "H").encode("iso-8859-7")
)


def test_no_row_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "en-el.tsv"
    path.write_bytes(ROWS)
    file = PairFile(str(path), path.name, "ccmatrix", "ell_Grek", "ccmatrix-tsv")
    chain = Chain(BitextSettings(caps=Caps(remembered=64)), language("ell_Grek"))
    funnel = Funnel("ell_Grek")
    rows = []
    for batch in read_pair_batches(file, 3):
        judged = chain.judge(batch.pairs)
        funnel.add(batch, judged, file)
        for dropped in (malformed_rows(batch.malformed, file), dropped_rows(batch.pairs, judged)):
            assert dropped.schema == DROPPED
            rows += dropped.to_pylist()
    assert (funnel.kept, funnel.lost) == (1, 0)
    assert funnel.read == ROWS.count(b"\n") == funnel.kept + len(rows)
    assert funnel.dropped == {"duplicate": 1, "high_margin": 1, "identical": 1}
    assert set(funnel.malformed) == {"columns", "score", "empty_line", "encoding"}
    assert sorted(int(row["id"].rsplit(":", 1)[1]) for row in rows) == list(range(2, funnel.read + 1))
    assert all(row["id"].startswith("ccmatrix:en-el.tsv:") and row["filter"] == "bitext" for row in rows)
    high = next(row for row in rows if row["reason"] == "high_margin")
    assert (high["value"], high["threshold"]) == (1.5, 1.25)
    short = next(row for row in rows if row["reason"] == "malformed_columns")
    assert short["detail"] == "2 columns instead of 3: '1.1\\tonly one side'"
    assert funnel.examples["columns"][0] == f"{path}: row 3: {short['detail']}"

    table = funnel.table()
    assert table.schema == FUNNEL
    assert table.column("pairs").to_pylist()[0] == funnel.read
    assert sum(table.column("pairs").to_pylist()[1:]) == funnel.read
    assert funnel.as_json()["dropped"] == {"identical": 1, "high_margin": 1, "duplicate": 1}


def test_a_language_of_which_nothing_came_has_a_table_too() -> None:
    assert Funnel("ell_Grek").table().column("share").to_pylist() == [0.0, 0.0]
