import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from huggingface_hub import HfFileSystem, constants

from sources.errors import BabelmixError, UnreachableError
from sources.language import language
from sources.profile import check_profile, profile_root, subset_files, subset_glob
from sources.source import source


def test_a_profile_is_the_pack_the_hub_or_a_mirror() -> None:
    fineweb2 = source("fineweb-2")
    assert Path(profile_root("sample", fineweb2)).is_dir()
    assert profile_root("hub", fineweb2) == f"hf://datasets/HuggingFaceFW/fineweb-2@{fineweb2.revision}"
    assert profile_root("s3://bucket/mirror/", fineweb2) == "s3://bucket/mirror/fineweb-2"
    # NLLB's and CCMatrix's files are not on the Hub.
    assert profile_root("hub", source("ccmatrix")) == "http://data.statmt.org/cc-matrix"


@pytest.mark.parametrize(
    ("name", "code", "glob"),
    [
        ("fineweb-2", "ekk_Latn", "data/ekk_Latn/train/*.parquet"),
        ("nemotron-sft-multilingual", "deu_Latn", "data/super-v3_*_de_translated*_final.jsonl"),
        ("nllb", "cym_Latn", "cym_Latn-eng_Latn.gz"),
        ("nllb", "fil_Latn", "eng_Latn-tgl_Latn.gz"),
        ("ccmatrix", "deu_Latn", "de-en.bitextf.tsv.gz"),
        ("ccmatrix", "fra_Latn", "en-fr.bitextf.tsv.gz"),
        ("ccmatrix", "ekk_Latn", "en-et.bitextf.tsv.gz"),
    ],
)
def test_a_glob_holds_the_label_that_the_dataset_has_for_the_language(name: str, code: str, glob: str) -> None:
    assert subset_glob(source(name).subsets[0], source(name), language(code)) == glob


def test_files_of_a_mirror_are_found_in_order_whatever_its_folder_is_called(tmp_path: Path) -> None:
    mirror = tmp_path / "copy [2026]*"
    folder = mirror / "fineweb-2" / "data" / "dan_Latn"
    names = ["train/000_00001.parquet", "train/000_00000.parquet", "test/000_00000.parquet", "train/x.json"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert files(str(mirror)) == [f"{folder}/train/000_00000.parquet", f"{folder}/train/000_00001.parquet"]
    assert files(str(mirror), code="swe_Latn") == []


def files(profile: str, name: str = "fineweb-2", code: str = "dan_Latn") -> list[str]:
    return subset_files(source(name).subsets[0], source(name), language(code), profile)


@pytest.mark.parametrize("profile", ["nowhere", "s3x://bucket/mirror"])
def test_a_profile_that_is_not_there_is_refused_with_what_to_write(profile: str) -> None:
    with pytest.raises(BabelmixError, match=f"^profile {profile}: .* folder"):
        check_profile(profile)


@contextmanager
def hub(
    monkeypatch: pytest.MonkeyPatch,
    status: int = 200,
    error: str | None = None,
    *names: str,
    refused: str = "/api/datasets",
) -> Iterator[None]:
    """A Hub on this machine: every dataset holds `names`; an address with `refused` is answered with `status`."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, tree, folder = self.path.partition("/tree/")
            body: Any = {"id": "a/b", "sha": "0" * 40}
            stopped = status != 200 and refused in self.path
            if tree and not stopped:
                body = listing(folder.partition("?")[0].partition("/")[2].replace("%2F", "/"))
            content = json.dumps(body).encode()
            self.send_response(status if stopped else 200)
            if error and stopped:
                self.send_header("X-Error-Code", error)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    def listing(folder: str) -> list[dict[str, Any]]:
        below = [PurePosixPath(name) for name in names]
        inside = [name.relative_to(folder) for name in below if name.is_relative_to(folder or ".")]
        found = {(name.parts[0], len(name.parts) > 1) for name in inside}
        return [
            {
                "type": "directory" if is_folder else "file",
                "path": str(PurePosixPath(folder) / name),
                "oid": "0",
                "size": 0,
            }
            for name, is_folder in sorted(found)
        ]

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as web:
        threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        with at(monkeypatch, f"http://127.0.0.1:{web.server_port}"):
            yield
        web.shutdown()


@contextmanager
def at(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> Iterator[None]:
    """The Hub at `endpoint`, without what was remembered of another."""
    with monkeypatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", endpoint)
        HfFileSystem.clear_instance_cache()
        yield
    HfFileSystem.clear_instance_cache()


def test_files_on_the_hub_are_found_at_the_pinned_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["data/dan_Latn/train/000_00001.parquet", "data/dan_Latn/train/000_00000.parquet", "README.md"]
    with hub(monkeypatch, 200, None, *names):
        root = profile_root("hub", source("fineweb-2"))
        assert files("hub") == [f"{root}/{name}" for name in sorted(names[:2])]


@pytest.mark.parametrize("refused", ["/api/datasets", "/tree/"])
@pytest.mark.parametrize(("status", "error"), [(403, "GatedRepo"), (401, None), (401, "RepoNotFound")])
def test_a_refused_gate_is_one_line_with_how_to_be_let_in(
    monkeypatch: pytest.MonkeyPatch, status: int, error: str | None, refused: str
) -> None:
    with (
        hub(monkeypatch, status, error, refused=refused),
        pytest.raises(BabelmixError, match=r"Nemotron-CC-v2/.*: access refused; ask on .* `hf auth login`"),
    ):
        files("hub", "nemotron-cc-v2", "eng_Latn")


@pytest.mark.parametrize("error", ["RepoNotFound", "RevisionNotFound"])
def test_a_dataset_or_revision_that_is_not_there_names_the_file_to_mend(
    monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    with (
        hub(monkeypatch, 404, error),
        pytest.raises(BabelmixError, match=r"not found .*check hub_id, revision and path in .*fineweb-2\.yaml"),
    ):
        files("hub")


def test_a_glob_that_matches_nothing_on_the_hub_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(monkeypatch, 200, None, "finemath-4plus/README.md"):
        assert files("hub", "finemath", "eng_Latn") == []


def test_what_may_pass_at_the_next_try_is_told_from_what_will_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(monkeypatch, 500), pytest.raises(UnreachableError, match=r"500.*check the network"):
        files("hub")
    with at(monkeypatch, "http://127.0.0.1:9"), pytest.raises(UnreachableError, match="cannot be reached"):
        files("hub")
    with hub(monkeypatch, 404, "RepoNotFound"), pytest.raises(BabelmixError) as found:
        files("hub")
    assert not isinstance(found.value, UnreachableError)
