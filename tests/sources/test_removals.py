import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sources.errors import BabelmixError
from sources.removals import Removal, Removals, UrlPrefix, parse_removals, read_removal_file


def matched(removals: Removals, rows: list[tuple[str, str | None]]) -> list[bool]:
    ids, urls = zip(*rows, strict=True)
    found: list[bool] = removals.matches(pa.array(ids, pa.string()), pa.array(urls, pa.string())).tolist()
    return found


@pytest.mark.parametrize(
    ("prefix", "url", "begins"),
    [
        ("https://example.org/a/", "https://example.org/a/b", True),
        ("https://example.org/a/", "http://EXAMPLE.org:80/a/b?q#f", True),
        ("https://example.org/a/", "https://example.org/A/b", False),
        ("https://example.org/a/", "https://example.org/b", False),
        ("https://example.org", "https://example.organic.com/", False),
        ("https://example.org", "https://example.org", True),
        ("example.org/", "https://example.org", True),
        ("example.org", "https://www.example.org/", False),
        ("*.example.org", "https://www.example.org/x", True),
        ("*.example.org", "https://example.org/x", True),
        ("*.example.org", "https://notexample.org/x", False),
        ("https://*.example.org/x", "https://a.b.example.org/x/y", True),
        ("https://*.example.org/x", "https://a.b.example.org/y", False),
        ("example.org:8080/x", "http://example.org:8080/x", True),
        ("example.org/x", "http://example.org:8080/x", False),
        ("example.org/users/ann", "https://example.org/users/anna", True),
        ("example.org", "https://user:secret@example.org./x", True),
        ("bücher.example", "https://xn--bcher-kva.example/1", True),
        ("xn--bcher-kva.example", "https://Bücher.example/1", True),
        ("example.org", "https://evil.com/?u=https://example.org/", False),
        ("example.org", "https://evil.com/example.org/", False),
    ],
)
def test_urls_begin_as_a_person_means_it(prefix: str, url: str, begins: bool) -> None:
    assert UrlPrefix.of(prefix).begins(url) is begins
    assert matched(Removals([Removal(url_prefix=prefix)]), [("i", url), ("j", None)]) == [begins, False]


@pytest.mark.parametrize(
    "prefix", ["", " ", "https://", "/path", "com", "*.com", "https://*", "a b.org", "ex*.org"]
)
def test_a_prefix_that_would_remove_too_much_or_nothing_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError, match=r"beginning of a URL|would remove"):
        Removal(url_prefix=prefix)


def test_ids_match_whole_and_in_their_source_and_language_alone() -> None:
    removals = Removals([Removal(id="a"), Removal(id="b", source="s"), Removal(id="c", language="ell_Grek")])
    rows: list[tuple[str, str | None]] = [("a", None), ("b", None), ("c", None), ("ab", None), ("A", None)]
    assert matched(removals.of("s", "ell_Grek"), rows) == [True, True, True, False, False]
    assert matched(removals.of("s", "deu_Latn"), rows) == [True, True, False, False, False]
    assert matched(removals.of("t", "deu_Latn"), rows) == [True, False, False, False, False]
    assert matched(Removals(), rows) == [False] * 5


@given(st.lists(st.text(min_size=1, max_size=6).filter(str.strip), unique=True, min_size=1, max_size=8))
def test_a_digest_knows_what_is_removed_and_nothing_else(ids: list[str]) -> None:
    removals = Removals(Removal(id=each) for each in ids)
    again = Removals(Removal(id=each, because="asked twice", asked="2026-11-21") for each in reversed(ids))
    assert removals.digest == again.digest == (removals + again).digest
    assert len(removals + again) == len(ids)
    assert Removals(removals.entries[1:]).digest != removals.digest
    assert Removals(Removal(url_prefix=f"{number}.org") for number in range(len(ids))).digest != removals.digest


def test_why_is_what_was_said_or_what_is_named() -> None:
    removals = Removals([Removal(id="a"), Removal(url_prefix="x.org", because="letter of May")])
    assert removals.why("a", "https://x.org/1") == "named by its id"
    said = removals.why("b", "https://x.org/1")
    assert said == "letter of May (URL begins with x.org)"
    assert [removals.still("b", said), removals.still("a", ""), removals.still("b", "letter of May")] == [1, 1, 0]
    assert not Removals(removals.entries[:1]).still("b", said)
    assert removals.why("b", "https://y.org/1") is None
    assert removals.why("b", None) is None


def test_files_of_ids_and_of_removals(tmp_path: Path) -> None:
    plain, lines = tmp_path / "ids.txt", tmp_path / "list.jsonl"
    plain.write_text("# from the letter\n<urn:uuid:1>\n\n  path/file.parquet#3 \n")
    assert read_removal_file(plain).ids == ("<urn:uuid:1>", "path/file.parquet#3")
    lines.write_text(json.dumps({"id": "1", "source": "s"}) + "\n\n" + json.dumps({"url_prefix": "x.org/"}) + "\n")
    assert [entry.key for entry in read_removal_file(lines).entries] == [
        ("1", "", "s", ""),
        ("", "x.org/", "", ""),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON object"),
        ("[]", "line 2"),
        ('{"id": "a", "url_prefix": "b.org"}', "either `id` or `url_prefix`"),
        ("{}", "either `id` or `url_prefix`"),
        ('{"id": " "}', "empty"),
        ('{"id": 3}', "id: "),
        ('{"idd": "a"}', "idd"),
        ('{"url_prefix": "*.org"}', "every host of .org"),
    ],
)
def test_a_wrong_line_is_named(line: str, said: str) -> None:
    with pytest.raises(BabelmixError, match=r"list: line 2") as raised:
        list(parse_removals(['{"id": "a"}', line], "list"))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe"])
def test_a_file_that_names_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(content)
    with pytest.raises(BabelmixError, match=r"ids\.txt: (names no document|not UTF-8)"):
        read_removal_file(path)
    with pytest.raises(BabelmixError, match="cannot be read"):
        read_removal_file(tmp_path / "absent.txt")
