"""Workspaces on an S3 server: what stands after a kill, who may write, and what is said where the store fails."""

import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import s3fs
from mixture_in_folder import write_mixture
from object_store import BUCKET, environment, filesystem, s3_server, upload

from mixtures import local_copy
from mixtures.reader import MixtureReader
from pipelines import store_lock
from pipelines.document_files import DocumentWriter, document_files
from pipelines.take_over import take_over
from pipelines.tokenise import Standing, tokenise
from pipelines.workspace import Workspace
from sources import object_store
from sources.errors import BabelmixError, UnreachableError

TOKENIZER = "Qwen/Qwen3-0.6B-Base"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url, tmp_path_factory.mktemp("store")).items():
            patch.setenv(name, value)
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        fsspec.config.conf["s3"] = {"use_listings_cache": False, "endpoint_url": url}
        s3fs.S3FileSystem.clear_instance_cache()
        object_store._opened.clear()
        local_copy._root.cache_clear()
        yield url
        object_store._opened.clear()
        s3fs.S3FileSystem.clear_instance_cache()
    local_copy._root.cache_clear()


@pytest.fixture
def workspace(server: str, request: pytest.FixtureRequest) -> Workspace:
    return Workspace(f"s3://{BUCKET}/{request.node.name}")


def make(workspace: Workspace, content: str, *names: str) -> None:
    with workspace.replacing(["a"], {"fingerprint": content, "totals": {}}) as (target,):
        for name in names or ("data",):
            Path(target, name).write_text(content)


def names(server: str, workspace: Workspace) -> list[str]:
    root = workspace.url.removeprefix("s3://")
    return sorted(name.removeprefix(f"{root}/") for name in filesystem(server).find(root))


def test_the_bytes_are_those_of_a_folder(server: str, workspace: Workspace, tmp_path: Path) -> None:
    make(workspace, "content")
    make(Workspace(str(tmp_path)), "content")
    for name in ("data", "manifest.json"):
        held = filesystem(server).cat_file(f"{workspace.url}/a/{name}")
        assert held == (tmp_path / "a" / name).read_bytes()


def test_a_folder_is_replaced_whole(server: str, workspace: Workspace) -> None:
    make(workspace, "old", "one", "two")
    make(workspace, "new", "two", "three")
    assert names(server, workspace) == ["a/manifest.json", "a/three", "a/two"]
    manifest = workspace.manifest("a")
    assert manifest is not None and manifest["fingerprint"] == "new"


def test_a_failed_block_leaves_what_stood_before(workspace: Workspace) -> None:
    make(workspace, "old")
    with pytest.raises(RuntimeError), workspace.replacing(["a"], {"fingerprint": "new"}):
        raise RuntimeError
    manifest = workspace.manifest("a")
    assert manifest is not None and manifest["fingerprint"] == "old"


def test_an_upload_that_ends_in_the_middle_leaves_nothing_that_looks_finished(
    server: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New files of the same sizes beside the old manifest would be taken for the old ones."""
    make(workspace, "old", "one", "two")
    put = s3fs.S3FileSystem._put_file

    async def ends(self: Any, lpath: str, rpath: str, **kwargs: Any) -> None:
        if lpath.endswith("two"):
            await asyncio.sleep(2)  # the other's upload has ended
            raise RuntimeError
        await put(self, lpath, rpath, **kwargs)

    monkeypatch.setattr(s3fs.S3FileSystem, "_put_file", ends)
    with pytest.raises(RuntimeError):
        make(workspace, "new", "one", "two")
    assert filesystem(server).cat_file(f"{workspace.url}/a/one") == b"new"
    assert workspace.manifest("a") is None


def test_a_store_that_cannot_be_listed_is_no_empty_folder(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(workspace, "content", "00000.parquet")
    assert document_files(workspace.at("a")) == ["00000.parquet"]

    async def fails(*_: Any, **__: Any) -> None:
        raise OSError("503")

    monkeypatch.setattr(s3fs.S3FileSystem, "_lsdir", fails)
    with pytest.raises(OSError, match="503"):
        document_files(workspace.at("a"))


def test_a_bucket_that_is_not_there_is_one_clear_line(server: str) -> None:
    with (
        pytest.raises(UnreachableError, match=r"^workspace s3://none/w: the object store failed .*NoSuchBucket"),
        Workspace("s3://none/w").lock(),
    ):
        pass


def hold(url: str, ready: Any) -> None:
    with Workspace(url).lock():
        ready.set()
        signal.pause()


@pytest.fixture
def holder(workspace: Workspace) -> Iterator[Any]:
    """Another process that holds the lock of `workspace`."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(workspace.url, ready))
    process.start()
    assert ready.wait(120)
    yield process
    if process.is_alive():
        process.kill()
    process.join()


def test_a_second_run_at_once_is_refused_and_a_killed_one_gives_the_lock_back(
    workspace: Workspace, holder: Any
) -> None:
    with (
        pytest.raises(BabelmixError, match=f"another babelmix run is working in it .process {holder.pid} on "),
        workspace.lock(patience_s=0),
    ):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with workspace.lock(patience_s=0) as held:
        make(held, "content")
    assert workspace.manifest("a") is not None


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_lock, "BEAT_S", 0.3)
    monkeypatch.setattr(store_lock, "EXPIRY_S", 1.5)
    monkeypatch.setattr(store_lock, "_LOOK_S", 0.1)


def put_lock(server: str, workspace: Workspace, beats: int = 0) -> None:
    """A lock of another machine."""
    held = {"holder": "other", "machine": "elsewhere", "process": 7, "started": "1", "beats": beats}
    filesystem(server).pipe_file(f"{workspace.url}/.lock", json.dumps(held).encode())


@pytest.mark.usefixtures("quick")
def test_a_lock_of_another_machine_lasts_as_long_as_it_gives_signs_of_life(
    server: str, workspace: Workspace
) -> None:
    put_lock(server, workspace)
    began = time.monotonic()
    with workspace.lock(patience_s=0):
        assert time.monotonic() - began > 1.5
        held = json.loads(filesystem(server).cat_file(f"{workspace.url}/.lock"))
        assert held["process"] == os.getpid()
    assert names(server, workspace) == []


@pytest.mark.usefixtures("quick")
def test_a_run_that_lost_its_lock_writes_nothing_more(server: str, workspace: Workspace) -> None:
    with workspace.lock(patience_s=0) as held:
        make(held, "old")
        put_lock(server, workspace)
        with pytest.raises(BabelmixError, match="cut off for so long that another took the workspace"):
            make(held, "new")
    manifest = workspace.manifest("a")
    assert manifest is not None and manifest["fingerprint"] == "old"
    # The lock of the other is left alone, by the beat and by the end.
    assert json.loads(filesystem(server).cat_file(f"{workspace.url}/.lock"))["holder"] == "other"


def test_a_run_whose_files_the_next_holder_swept_away_says_so(server: str, workspace: Workspace) -> None:
    with workspace.lock(patience_s=0) as held:
        manifest = {"fingerprint": "new"}
        with (
            pytest.raises(BabelmixError, match="cut off for so long that another took the workspace"),
            held.replacing(["a"], manifest) as (target,),
        ):
            Path(target, "0").write_text("0")
            put_lock(server, workspace)
            shutil.rmtree(held.staging)


def with_manifests(folder: Path) -> None:
    """Adds to each folder of files the manifest that a step leaves, with their sizes."""
    for place in {path.parent for path in folder.rglob("*") if path.is_file()}:
        path = place / "manifest.json"
        held = (
            json.loads(path.read_text())
            if path.exists()
            else {"fingerprint": str(place.relative_to(folder / "tokens"))}
        )
        files = {each.name: each.stat().st_size for each in place.iterdir() if each.is_file() and each != path}
        path.write_text(json.dumps({**held, "files": files}))


def test_a_mixture_is_read_as_from_a_folder(server: str, workspace: Workspace, tmp_path: Path) -> None:
    mixture = write_mixture(tmp_path)
    with_manifests(tmp_path)
    root = workspace.url.removeprefix("s3://")
    upload(server, tmp_path, root)
    here = MixtureReader(mixture, 64)
    there = MixtureReader(f"{workspace.url}/{mixture.relative_to(tmp_path)}", 64)
    for ours, theirs in zip(here, there, strict=True):
        assert np.array_equal(ours.tokens, theirs.tokens)
        assert np.array_equal(ours.boundaries, theirs.boundaries)


def test_tokens_that_were_made_again_are_noticed(server: str, workspace: Workspace, tmp_path: Path) -> None:
    mixture = write_mixture(tmp_path)
    with_manifests(tmp_path)
    root = workspace.url.removeprefix("s3://")
    upload(server, tmp_path, root)
    url = f"{workspace.url}/{mixture.relative_to(tmp_path)}"
    assert len(list(MixtureReader(url, 64)))
    path = next((tmp_path / "tokens").rglob("manifest.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": "another"}))
    upload(server, tmp_path, root)
    local_copy._known.clear()  # as another process would begin
    with pytest.raises(BabelmixError, match="made again since"):
        MixtureReader(url, 64)


def test_tokens_that_stand_there_are_not_made_again(
    server: str, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = str(tmp_path / "documents")
    with DocumentWriter(documents, "0-") as writer:
        row = {"text": "one", "language": "eng_Latn", "source": "s", "category": "wiki", "scores": None}
        writer.write({"id": "1", **row})
    made: dict[str, Any] = {}
    with workspace.replacing(["a"], made) as (target,):
        made["totals"] = tokenise(documents, "wiki", TOKENIZER, target)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} was loaded: something is tokenised")

    monkeypatch.setattr("pipelines.tokenise.load_tokenizer", refuse)
    (tmp_path / "again").mkdir()
    standing = Standing(workspace.at("a"), made["totals"])
    again = tokenise(documents, "wiki", TOKENIZER, str(tmp_path / "again"), standing=standing)
    assert again == made["totals"]
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == filesystem(server).cat_file(f"{workspace.at('a')}/{path.name}")
    assert not take_over(workspace.at("a"), "00001.bin", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
