from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import filters.boilerplate
from filters.boilerplate import Boilerplate, Cut, LineCounts, cut, repeated_lines

Document = tuple[str, str | None]


def _strings(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _cut(folder: Path, documents: Sequence[Document], rules: Boilerplate, batch: int = 3, ranks: int = 1) -> Cut:
    texts, urls = [text for text, _ in documents], [url for _, url in documents]
    counts = [LineCounts(folder, rank) for rank in range(ranks)]
    for start in range(0, len(documents), batch):
        part = slice(start, start + batch)
        counts[start // batch % ranks].add(_strings(texts[part]), _strings(urls[part]))
    for each in counts:
        each.close()
    return cut(_strings(texts), _strings(urls), repeated_lines(folder, rules))


def _by_definition(documents: Sequence[Document], rules: Boilerplate) -> list[tuple[str, int]]:
    """The texts that stay and the lines cut from each, counted in plain Python."""
    hosts = [(urlsplit(url).hostname or "").removeprefix("www.") if url else "" for _, url in documents]
    lines = Counter(
        (host, line)
        for host, (text, _) in zip(hosts, documents, strict=True)
        for line in {each.strip() for each in text.split("\n")}
    )
    sizes = Counter(hosts)
    result = []
    for host, (text, _) in zip(hosts, documents, strict=True):
        kept = [
            line
            for line in text.split("\n")
            if not (host and line.strip())
            or lines[host, line.strip()] < max(rules.documents, rules.share * sizes[host])
        ]
        missing = text.count("\n") + 1 - len(kept)
        left = "\n".join(kept)
        result.append((left if left.strip() or not missing else "", missing))
    return result


_LINES = st.sampled_from(["", " ", "Menü", " Menü\t", "Impressum", "日本語", "a", "b", "c"])
_URLS = st.sampled_from(
    ["https://www.one.de/a?x=//two.de", "http://one.de:80/b", "https://me@two.de", None, "none"]
)
_DOCUMENTS = st.lists(st.tuples(st.lists(_LINES, max_size=5).map("\n".join), _URLS), min_size=1, max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_DOCUMENTS, st.integers(2, 4), st.sampled_from([0.1, 0.5, 1.0]), st.integers(1, 3))
def test_lines_in_enough_documents_of_their_host_are_cut(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document], least: int, share: float, ranks: int
) -> None:
    rules = Boilerplate(documents=least, share=share)
    found = _cut(tmp_path_factory.mktemp("lines"), documents, rules, ranks=ranks)
    wanted = _by_definition(documents, rules)
    assert list(zip(found.texts.to_pylist(), found.lines.tolist(), strict=True)) == wanted
    lost = [len(text) - len(left) for (text, _), (left, _) in zip(documents, wanted, strict=True)]
    assert found.characters.tolist() == lost


def test_counts_that_do_not_fit_in_memory_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [
        (f"Kopf\nSeite {number}\nFuß {number % 7}", f"https://host{number % 3}.at/{number}")
        for number in range(300)
    ]
    rules = Boilerplate(documents=10, share=0.3)
    wanted = _cut(tmp_path / "one", documents, rules)
    monkeypatch.setattr(filters.boilerplate, "_BUFFER", 16)
    found = _cut(tmp_path / "two", documents, rules)
    assert found.texts.to_pylist() == wanted.texts.to_pylist()
    assert found.texts[0].as_py() == "Seite 0\nFuß 0"
    assert set(found.lines.tolist()) == {1}


def test_the_same_line_on_another_host_stays(tmp_path: Path) -> None:
    documents = [(f"Cookies\n{number}", f"https://a.com/{number}") for number in range(10)]
    documents += [("Cookies\nother", "https://b.com/")]
    found = _cut(tmp_path, documents, Boilerplate())
    assert found.texts.to_pylist() == [*map(str, range(10)), "Cookies\nother"]


def test_a_document_that_is_nothing_else_is_empty(tmp_path: Path) -> None:
    documents = [("Log in\n\n  \nSign up\n", "https://a.com/")] * 12
    found = _cut(tmp_path, documents, Boilerplate())
    assert found.texts.to_pylist() == [""] * 12
    assert found.lines.tolist() == [2] * 12
    assert found.characters.tolist() == [len(documents[0][0])] * 12


def test_parts_of_arrays(tmp_path: Path) -> None:
    texts = _strings(["x\nMenu", *[f"Menu\n{number}" for number in range(12)], "Menu\ny"])
    urls = _strings(["https://a.com"] * 14)
    counts = LineCounts(tmp_path)
    counts.add(texts[1:13], urls[1:13])
    counts.close()
    found = cut(texts[2:5], urls[2:5], repeated_lines(tmp_path, Boilerplate()))
    assert found.texts.to_pylist() == ["1", "2", "3"]


def test_a_hundred_thousand_blank_lines(tmp_path: Path) -> None:
    documents = [("\n" * 100_000 + "Menu", "https://a.com")] * 10
    found = _cut(tmp_path, documents, Boilerplate())
    assert set(found.texts.to_pylist()) == {""}


def test_nothing_counted_nothing_cut(tmp_path: Path) -> None:
    found = cut(_strings(["a\nb"]), _strings(["https://a.com"]), repeated_lines(tmp_path, Boilerplate()))
    assert found.texts.to_pylist() == ["a\nb"]
