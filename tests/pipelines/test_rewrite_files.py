"""Translation of documents of one's own, by a server that speaks HTTP and knows a few sentences."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from aiohttp import web

from filters.verdict import Drop
from pipelines.rewrite_files import rewrite_files
from sources.errors import BabelmixError
from sources.language import language
from synth.engine.settings import EngineSettings
from synth.settings import Synthesis
from synth.translation.document_task import Task
from synth.translation.translate_documents import Translation
from tests.synth.engine_server import MODEL, PlantedServer

ENGLISH, GERMAN = language("eng_Latn"), language("deu_Latn")
KNOWN = {
    "The old bridge over the river was built in 1821 and is still used by people who walk to the market.": (
        "Die alte Brücke über den Fluss wurde 1821 gebaut und wird noch heute von Menschen benutzt,"
        " die zum Markt gehen."
    ),
    "Every spring the farmers of the valley bring their sheep to the mountains, where they stay until October.": (
        "Jedes Frühjahr bringen die Bauern des Tals ihre Schafe in die Berge, wo sie bis zum Oktober bleiben."
    ),
    "The school has 12 teachers and was founded by a woman who had taught in three other villages before.": (
        "Die Schule hat 13 Lehrer und wurde von einer Frau gegründet, die zuvor in drei anderen Dörfern"
        " gelehrt hatte."
    ),
}


class Translator(PlantedServer):
    """Translates what it knows; the last sentence with another number in it."""

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = body["messages"][-1]["content"]
        self.served.append(asked)
        found = next((german for english, german in KNOWN.items() if english in asked), "")
        message = {"role": "assistant", "content": f"<translation>{found}</translation>"}
        answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
        return web.json_response(answer | {"usage": {"prompt_tokens": 1, "completion_tokens": 1}})


def _run(folder: Path, url: str, texts: list[str]) -> dict[str, Any]:
    file = folder / "texts.jsonl"
    file.write_text("".join(json.dumps({"id": f"d{at}", "text": text}) + "\n" for at, text in enumerate(texts)))

    def task(engine: Any) -> Task:
        return Translation(ENGLISH, GERMAN, engine)

    synthesis = Synthesis(writer=EngineSettings(url=url, model=MODEL))
    return rewrite_files([str(file)], ENGLISH, GERMAN, str(folder / "out"), synthesis, task)


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return rows


def test_documents_are_translated_or_named(tmp_path: Path) -> None:
    with Translator() as server:
        totals = _run(tmp_path, server.url, list(KNOWN))
        asked = len(server.served)
        kept, dropped = _rows(tmp_path / "out" / "documents"), _rows(tmp_path / "out" / "dropped")
        assert [row["id"] for row in kept] == ["d0/deu_Latn", "d1/deu_Latn"]
        assert [row["text"] for row in kept] == list(KNOWN.values())[:2]
        (lost,) = dropped
        assert (lost["id"], lost["filter"]) == ("d2", "synthesis") and "number" in lost["reason"]
        assert totals["documents"] == 3 and totals["kept"] == 2
        records = _rows(tmp_path / "out" / "records" / "00000.parquet")
        assert [row["id"] for row in records] == [row["id"] for row in kept]
        assert [row["source_id"] for row in records] == ["d0", "d1"]
        page = (tmp_path / "out" / "records" / "sheet.html").read_text(encoding="utf-8")
        assert page.count("<article>") == 2 and all(text in page for text in list(KNOWN)[:2])
        told = json.loads(kept[0]["metadata"])
        assert told["model"] == MODEL and told["source_language"] == "eng_Latn"
        # The one with another number was asked for again, and none is a second time in the next run.
        assert totals["asked_again"] == 2 and asked == 5
        before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")}
        again = _run(tmp_path, server.url, list(KNOWN))
        assert len(server.served) == asked and again["replayed"] == 5
        assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")} == before


def test_nothing_kept_is_one_line(tmp_path: Path) -> None:
    with Translator() as server, pytest.raises(BabelmixError, match="none of 1 documents is kept; most: "):
        _run(
            tmp_path,
            server.url,
            ["A sentence that the server does not know at all, and so it says nothing of it."],
        )
    assert not (tmp_path / "out" / "documents").exists()


def test_rows_of_what_is_dropped_come_in_the_order_of_the_documents(tmp_path: Path) -> None:
    def refuse(document: Any) -> Drop:
        return Drop("refused", 0.0, 1.0)

    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"id": f"d{at}", "text": "text"}) + "\n" for at in range(30)))
    synthesis = Synthesis(writer=EngineSettings(url="http://127.0.0.1:9", model=MODEL))
    with pytest.raises(BabelmixError, match=r"none of 30 documents is kept; most: refused \(30\)"):
        rewrite_files([str(file)], ENGLISH, ENGLISH, str(tmp_path / "out"), synthesis, lambda engine: refuse)
