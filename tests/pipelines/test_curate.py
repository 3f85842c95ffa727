import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.boilerplate import Boilerplate
from filters.quality_model import QualityModelSettings, model_digest
from filters.settings import Band, Contamination, CurationSettings, Removal, benchmarks_digest
from filters.train_quality_model import train_quality_model
from pipelines.collect import collect
from pipelines.curate import Funnel, Place, curate, measure_documents
from pipelines.curate_files import curate_files
from pipelines.standing_files import Stand
from sources.errors import BabelmixError
from sources.language import language
from sources.schema import DOCUMENT
from sources.source import source

SAMPLE = Path(__file__).parents[2] / "sources" / "sample"
OPEN = CurationSettings.for_profile("a mirror")
PROSE = (
    "On the first morning of the market the baker set out {0} loaves, and the old ferryman came to look at them "
    "before anyone else was awake. He said that the river had been too high for the boats since {1}, and that the "
    "people of the {2} village would have to walk over the hill with their {3} on their backs. The baker gave him "
    "the smallest loaf, as she had done for years, and they spoke of the weather until the bell rang."
)


@cache
def _labels() -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in (SAMPLE / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault((row["source"], row["language"]), []).append(row)
    return found


def _curate(
    folder: Path, code: str, name: str, settings: CurationSettings = OPEN, workers: int = 1, **more: Any
) -> Funnel:
    at = {room: str(folder / room) for room in ("measured", "curated", "dropped", "standing", "scratch")}
    place = Place(documents=str(folder / "in"), **at)
    measure_documents(place, language(code), settings, workers)
    return curate(place, language(code), name, settings, workers, **more)


def _write(folder: Path, *files: list[dict[str, Any]]) -> None:
    (folder / "in").mkdir(parents=True)
    for number, rows in enumerate(files):
        held = [
            {"language": "eng_Latn", "source": "web", "category": "nemotron-cc-high", "scores": [], **row}
            for row in rows
        ]
        table = pa.Table.from_pylist(held, schema=DOCUMENT)
        pq.write_table(table, folder / "in" / f"{number:05d}.parquet")


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        f"{room}/{path.name}": path.read_bytes()
        for room in ("measured", "curated", "dropped")
        for path in sorted((folder / room).glob("*"))
    }


def _prose(number: int) -> str:
    words = ("twelve", "April", "upper", "baskets", "forty", "Easter", "lower", "sheep", "nine", "harvest", "next")
    return PROSE.format(*(words[(number * step + step) % len(words)] for step in (1, 2, 3, 5))) + "".join(
        f" Nobody in the {words[(number + at) % 11]} house had heard of the {words[(number * 3 + at) % 11]} one."
        for at in range(4)
    )


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fineweb-2", "ell_Grek"),
        ("fineweb-2", "deu_Latn"),
        ("fineweb-2", "rus_Cyrl"),
        ("fineweb-2", "tha_Thai"),
        ("fineweb-2", "cmn_Hani"),
        ("fineweb-2", "jpn_Jpan"),
        ("fineweb-2", "hin_Deva"),
        ("fineweb-2", "urd_Arab"),
        ("nemotron-cc-v2", "eng_Latn"),
        ("dolmino-mix-1124", "eng_Latn"),
        ("finemath", "eng_Latn"),
        ("nemotron-pretraining-specialized-v1", "eng_Latn"),
    ],
)
def test_verdicts_on_the_sample_pack_equal_its_labels(tmp_path: Path, name: str, code: str) -> None:
    collect(source(name), language(code), "sample", str(tmp_path / "in"))
    funnel = _curate(tmp_path, code, name, CurationSettings.for_profile("sample"))
    wanted = {row["id"]: row for row in _labels()[name, code]}
    kept, dropped = _rows(tmp_path / "curated"), _rows(tmp_path / "dropped")
    found = {row["id"]: None for row in kept} | {row["id"]: row["filter"] for row in dropped}
    assert found == {each: row["filter"] for each, row in wanted.items()}
    assert (funnel.documents, funnel.kept) == (len(wanted), len(kept))
    held = [row["pii"] for row in wanted.values() if row["filter"] is None]
    assert sum(funnel.redacted.values()) == sum(each["email"] + each["ip"] for each in held)
    assert not any("name" in row["text"] and "@example" in row["text"].split("name", 1)[1][:12] for row in kept)
    # Every number that was computed stays with the document.
    assert all(dict(row["scores"])["duplicates.cluster_size"] >= 1 for row in kept)


def test_twice_the_same_bytes_with_one_worker_or_two(tmp_path: Path) -> None:
    collect(source("fineweb-2"), language("dan_Latn"), "sample", str(tmp_path / "whole"))
    (whole,) = (tmp_path / "whole").glob("*.parquet")
    table = pq.read_table(whole)
    folders = [tmp_path / name for name in ("one", "again", "two workers")]
    for folder in folders:
        (folder / "in").mkdir(parents=True)
        pq.write_table(table.slice(0, 9), folder / "in" / "00000.parquet")
        pq.write_table(table.slice(9), folder / "in" / "00001.parquet")
    funnels = [
        _curate(folder, "dan_Latn", "fineweb-2", workers=workers)
        for folder, workers in zip(folders, (1, 1, 2), strict=True)
    ]
    assert funnels[0] == funnels[1] == funnels[2]
    assert _bytes(folders[0]) == _bytes(folders[1]) == _bytes(folders[2])
    assert not any((folder / "scratch").exists() for folder in folders)
    # And the same verdicts as from one file.
    (tmp_path / "together" / "in").mkdir(parents=True)
    pq.write_table(table, tmp_path / "together" / "in" / "00000.parquet")
    assert _curate(tmp_path / "together", "dan_Latn", "fineweb-2").as_dict() == funnels[0].as_dict()


def test_every_document_is_accounted_for_although_ids_occur_twice(tmp_path: Path) -> None:
    texts = [_prose(0), _prose(1), _prose(0), "too short", "", "   ", _prose(2)]
    rows = [{"id": "same", "text": text} for text in texts]
    _write(tmp_path, rows, [{"id": "same", "text": _prose(1)}])
    funnel = _curate(tmp_path, "eng_Latn", "web")
    assert funnel.documents == 8
    assert funnel.kept == len(_rows(tmp_path / "curated"))
    assert funnel.kept + len(_rows(tmp_path / "dropped")) == 8
    # The three that differ stay, in the order in which they came.
    assert [row["text"] for row in _rows(tmp_path / "curated")] == [_prose(0), _prose(1), _prose(2)]
    assert funnel.by_filter()["duplicates"] == 2
    assert json.loads(json.dumps(funnel.as_dict())) == funnel.as_dict()


def test_prose_filters_are_for_prose(tmp_path: Path) -> None:
    code = "def f(x):\n    return x  # mail me@example.com, host 192.0.2.7\n" + "x = f(x)\n" * 30
    rows = [
        {"id": "code", "text": code, "category": "code"},
        {"id": "again", "text": code, "category": "code"},
        {"id": "empty", "text": " \n", "category": "code"},
        {"id": "web", "text": code.replace("f(x)", "g(y)")},
        {"id": "good", "text": _prose(4) + " Write to me@example.org."},
    ]
    _write(tmp_path, rows)
    funnel = _curate(tmp_path, "eng_Latn", "web")
    dropped = {row["id"]: (row["filter"], row["reason"]) for row in _rows(tmp_path / "dropped")}
    kept = {row["id"]: row for row in _rows(tmp_path / "curated")}
    assert kept.keys() == {"code", "good"}
    assert kept["code"]["text"] == code
    assert "me@example.org" not in kept["good"]["text"]
    assert dict(kept["code"]["scores"])["duplicates.cluster_size"] == 2
    assert dropped["again"] == ("duplicates", "exact")
    assert dropped["empty"][1] == "empty"
    assert dropped["web"][0] in ("language", "repetition", "quality")
    assert funnel.redacted == {"emails": 1}


def test_one_document(tmp_path: Path) -> None:
    _write(tmp_path, [{"id": "only", "text": _prose(1)}])
    funnel = _curate(tmp_path, "eng_Latn", "web")
    assert (funnel.documents, funnel.kept, funnel.dropped) == (1, 1, ())


def test_nothing_left_is_an_error_unless_expected(tmp_path: Path) -> None:
    _write(tmp_path, [{"id": str(number), "text": f"nothing {number}"} for number in range(3)])
    with pytest.raises(BabelmixError, match=r"web/eng_Latn: curation removed all of 3 documents \(.+ \d"):
        _curate(tmp_path, "eng_Latn", "web")
    for room in ("curated", "dropped"):
        for path in (tmp_path / room).glob("*"):
            path.unlink()
    expected = OPEN.model_copy(update={"removal": Removal(empty=True)})
    assert _curate(tmp_path, "eng_Latn", "web", expected).kept == 0


def test_a_share_outside_its_band_stops(tmp_path: Path) -> None:
    rows = [{"id": str(number), "text": _prose(number % 8)} for number in range(40)]
    _write(tmp_path, rows)
    narrow = OPEN.model_copy(update={"removal": Removal(default=Band(most=0.5))})
    with pytest.raises(BabelmixError, match=r"removed \d+ of 40 documents, \d\d\.\d% \(duplicates \d+"):
        _curate(tmp_path, "eng_Latn", "web", narrow)


def test_no_documents_is_an_error(tmp_path: Path) -> None:
    _write(tmp_path, [])
    with pytest.raises(BabelmixError, match="no documents of eng_Latn"):
        _curate(tmp_path, "eng_Latn", "web")


def test_files_of_another_run_are_not_counted_silently(tmp_path: Path) -> None:
    _write(tmp_path, [{"id": "only", "text": _prose(1)}])
    (tmp_path / "curated").mkdir()
    rows = [{"id": "old", "text": "x", "language": "eng_Latn", "source": "web", "category": "wiki"}]
    pq.write_table(pa.Table.from_pylist(rows, schema=DOCUMENT), tmp_path / "curated" / "90000.parquet")
    with pytest.raises(BabelmixError, match="1 documents came in, but 2 were kept and 0 dropped"):
        _curate(tmp_path, "eng_Latn", "web")


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    _write(tmp_path, [{"id": "only", "text": _prose(1)}])
    path = tmp_path / "in" / "00000.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BabelmixError, match=r"00000\.parquet: cannot be read as Parquet"):
        _curate(tmp_path, "eng_Latn", "web")


def test_a_language_that_the_identifier_does_not_know_is_said(tmp_path: Path) -> None:
    zulu = language("zul_Latn")
    assert zulu.identifiers.fasttext176 is None
    _write(tmp_path, [{"id": "one", "text": "x", "language": "zul_Latn", "category": "code"}])
    funnel = _curate(tmp_path, "zul_Latn", "web")
    assert any("zul_Latn: fasttext176 does not know it" in note for note in funnel.notes)


def test_files_of_ones_own(tmp_path: Path) -> None:
    rows = [{"text": _prose(number), "id": f"d{number}"} for number in (0, 1, 2, 1)]
    rows.append({"text": "menu", "id": "short"})
    own = tmp_path / "own.jsonl"
    own.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "out"
    first = curate_files([str(own)], language("eng_Latn"), str(output), OPEN)
    again = curate_files([str(own)], language("eng_Latn"), str(output), OPEN)
    assert first == again
    assert sorted(path.name for path in output.iterdir()) == ["curated", "dropped", "report.html", "report.json"]
    report = json.loads((output / "report.json").read_text())
    assert (report["documents"], report["kept"]) == (5, len(_rows(output / "curated")))
    dropped = Counter(row["filter"] for row in _rows(output / "dropped"))
    assert dropped["duplicates"] == 1
    assert {row["filter"] for row in report["dropped"]} == dropped.keys()


def test_a_failed_run_leaves_the_result_of_the_one_before(tmp_path: Path) -> None:
    own, broken = tmp_path / "own.jsonl", tmp_path / "broken.jsonl"
    own.write_text(json.dumps({"text": _prose(0)}) + "\n")
    broken.write_text('{"text": "fine"}\n{"text": \n')
    output = tmp_path / "out"
    curate_files([str(own)], language("eng_Latn"), str(output), OPEN)
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    with pytest.raises(BabelmixError, match="broken"):
        curate_files([str(broken)], language("eng_Latn"), str(output), OPEN)
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before


def test_a_report_is_written_even_where_all_is_removed(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"text": "menu"}\n{"text": "home"}\n')
    with pytest.raises(BabelmixError, match="removed all of 2 documents"):
        curate_files([str(own)], language("eng_Latn"), str(tmp_path / "out"), OPEN)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["kept"] == 0
    assert len(_rows(tmp_path / "out" / "dropped")) == 2


def test_boilerplate_is_cut_where_it_is_asked_for(tmp_path: Path) -> None:
    menu = "Home | About us | All of our recipes | Contact"
    rows = [
        {"id": str(number), "text": f"{menu}\n{_prose(number)}", "url": f"https://bakery.example/{number}"}
        for number in range(12)
    ]
    rows.append({"id": "nothing else", "text": menu, "url": "https://bakery.example/menu"})
    rows.append({"id": "elsewhere", "text": f"{menu}\n{_prose(20)}", "url": "https://other.example/"})
    _write(tmp_path, rows)
    cutting = OPEN.model_copy(update={"boilerplate": Boilerplate(documents=10, share=0.5)})
    funnel = _curate(tmp_path, "eng_Latn", "web", cutting)
    kept = {row["id"]: row for row in _rows(tmp_path / "curated")}
    assert all(menu not in kept[row["id"]]["text"] for row in rows[:12] if row["id"] in kept)
    assert menu in kept["elsewhere"]["text"]
    assert dict(kept["0"]["scores"])["boilerplate.lines"] == 1
    dropped = {row["id"]: (row["filter"], row["reason"]) for row in _rows(tmp_path / "dropped")}
    assert dropped["nothing else"] == ("language", "empty")
    assert funnel.documents == 14


def test_questions_are_cut_where_that_is_asked_for(tmp_path: Path) -> None:
    question = (
        "A ferryman rows nine sheep over the river and comes back for the four that he has left behind today"
    )
    (tmp_path / "list.jsonl").write_text(json.dumps({"id": "q", "question": question}) + "\n")
    lists = (str(tmp_path / "list.jsonl"),)
    cutting = Contamination(lists=lists, digest=benchmarks_digest(lists), action="cut")
    rows = [
        {"id": "most stays", "text": f"{question.upper()}?\n{_prose(1)}"},
        {"id": "little stays", "text": f"{question} {question} " * 5},
        {"id": "clean", "text": _prose(5)},
    ]
    _write(tmp_path, rows)
    _curate(tmp_path, "eng_Latn", "web", OPEN.model_copy(update={"contamination": cutting}))
    kept = {row["id"]: row for row in _rows(tmp_path / "curated")}
    assert kept.keys() == {"most stays", "clean"}
    assert kept["most stays"]["text"] == _prose(1)
    assert dict(kept["most stays"]["scores"])["contamination.characters"] == len(question) + 2
    assert "contamination.characters" not in dict(kept["clean"]["scores"])


def test_a_quality_model_is_one_of_the_filters(tmp_path: Path) -> None:
    words = ("lamp", "sofa", "kettle", "carpet", "mirror", "blanket", "curtain", "basket")
    good = [f"{_prose(number)} It was the {word} that they remembered." for number in range(11) for word in words]
    web = [
        f"Order your new {word} today and save {number} percent on the price that you would pay elsewhere. We "
        "ship to every country within two working days, and you may send it back for free if you dislike the "
        "colour. Have a look at our great offers of the week, sign up for the newsletter, and win a voucher "
        "that is worth more than you think. Click here to read what our customers say about our service."
        for number in range(11)
        for word in words
    ]
    train_quality_model(good, web, language("eng_Latn"), tmp_path / "english.bin")
    path = str(tmp_path / "english.bin")
    rows = [{"id": str(at), "text": good[at * 9]} for at in range(3)] + [{"id": "advert", "text": web[5]}]
    kept = {}
    for name, asked in (("threshold", {"threshold": 0.5}), ("share", {"kept_share": 0.5})):
        model = QualityModelSettings(path=path, digest=model_digest(path), **asked)
        _write(tmp_path / name, rows)
        _curate(
            tmp_path / name, "eng_Latn", "web", OPEN.model_copy(update={"quality_models": {"eng_Latn": model}})
        )
        kept[name] = {
            row["id"]: dict(row["scores"])["quality.model"] for row in _rows(tmp_path / name / "curated")
        }
        dropped = {row["id"]: row for row in _rows(tmp_path / name / "dropped")}
        assert (dropped["advert"]["filter"], dropped["advert"]["reason"]) == ("quality", "quality_model")
    assert min(kept["threshold"].values()) >= 0.5
    assert len(kept["share"]) <= 2


def test_what_an_earlier_source_keeps_is_not_kept_again(tmp_path: Path) -> None:
    _write(tmp_path / "first", [{"id": "a", "text": _prose(1)}, {"id": "b", "text": "too short"}])
    rows = [("x", _prose(1).replace(" ", "  ")), ("y", "too  SHORT"), ("z", _prose(3))]
    _write(tmp_path / "second", [{"id": name, "text": text} for name, text in rows])
    _curate(tmp_path / "first", "eng_Latn", "wiki")
    _curate(tmp_path / "second", "eng_Latn", "web", earlier={"wiki": _stand(tmp_path / "first")})
    assert [row["id"] for row in _rows(tmp_path / "second" / "curated")] == ["z"]
    dropped = {row["id"]: row for row in _rows(tmp_path / "second" / "dropped")}
    assert (dropped["x"]["filter"], dropped["x"]["reason"]) == ("duplicates", "other_source")
    assert dropped["x"]["detail"] == "wiki: a"
    # What the earlier source dropped itself is no copy of anything.
    assert dropped["y"]["reason"] != "other_source"


def _stand(folder: Path) -> Stand:
    return Stand(signatures=str(folder / "standing"), documents=str(folder / "curated"))


def test_a_near_copy_of_an_earlier_source_is_not_kept(tmp_path: Path) -> None:
    texts = [_prose(number) for number in range(8)]
    _write(tmp_path / "first", [{"id": f"a{at}", "text": texts[at]} for at in (1, 2)])
    _write(tmp_path / "second", [{"id": f"b{at}", "text": texts[at]} for at in (3, 4)])
    rows = [
        ("cut", texts[1].rpartition(". ")[0] + " until the bell was heard."),
        ("longer", "They met. " + texts[4]),
        ("other", texts[5]),
        ("template", texts[2].replace("loaves", "cakes").replace("ferryman", "miller").replace("river", "lake")
            .replace("boats", "rafts").replace("hill", "ridge").replace("weather", "harvest")),
    ]  # fmt: skip
    _write(tmp_path / "third", [{"id": name, "text": text} for name, text in rows])
    _curate(tmp_path / "first", "eng_Latn", "wiki")
    _curate(tmp_path / "second", "eng_Latn", "books", earlier={"wiki": _stand(tmp_path / "first")})
    earlier = {name: _stand(tmp_path / folder) for name, folder in (("wiki", "first"), ("books", "second"))}
    funnel = _curate(tmp_path / "third", "eng_Latn", "web", earlier=earlier)
    assert [row["id"] for row in _rows(tmp_path / "third" / "curated")] == ["other", "template"]
    dropped = {row["id"]: row for row in _rows(tmp_path / "third" / "dropped")}
    assert {name: (row["filter"], row["reason"], row["detail"]) for name, row in dropped.items()} == {
        "cut": ("duplicates", "near_other_source", "wiki: a1"),
        "longer": ("duplicates", "near_other_source", "books: b4"),
    }
    assert all(0.8 == row["threshold"] <= row["value"] < 1 for row in dropped.values())
    assert funnel.kept == 2


def test_sources_without_near_duplicates_leave_none_to_stand(tmp_path: Path) -> None:
    _write(tmp_path / "first", [{"id": "a", "text": _prose(1), "category": "math"}])
    _write(tmp_path / "second", [{"id": "b", "text": _prose(1) + " And that was all there was to say."}])
    _curate(tmp_path / "first", "eng_Latn", "exercises")
    _curate(tmp_path / "second", "eng_Latn", "web", earlier={"exercises": _stand(tmp_path / "first")})
    assert [row["id"] for row in _rows(tmp_path / "second" / "curated")] == ["b"]
