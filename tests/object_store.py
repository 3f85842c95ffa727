"""An S3 server on this machine (moto's), for tests of workspaces on object stores."""

import hashlib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import s3fs
from command_line import BIN

BUCKET = "bucket"


def environment(url: str, folder: Path) -> dict[str, str]:
    """What a person sets to use the server at `url`, with a cache and a scratch folder of its own."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TMPDIR": str(folder),
    }


def filesystem(url: str) -> Any:
    """The server's files, as they are at each moment."""
    return s3fs.S3FileSystem(endpoint_url=url, key="test", secret="test", use_listings_cache=False)


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a running server with one empty bucket."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        url = f"http://127.0.0.1:{port}"
        filesystem(url).mkdir(BUCKET)
        yield url
    finally:
        process.kill()
        process.wait()


def digests_in_store(url: str, folder: str) -> dict[str, str]:
    """SHA-256 of every object of a workspace by its path in it, but for the times that steps took."""
    fs = filesystem(url)
    found = {name.removeprefix(f"{folder}/"): name for name in fs.find(folder)}
    return {
        name: hashlib.sha256(fs.cat_file(path)).hexdigest()
        for name, path in sorted(found.items())
        if not name.startswith("spent/")
    }


def upload(url: str, folder: Path, place: str) -> None:
    """Copies a folder into the store."""
    fs = filesystem(url)
    for path in folder.rglob("*"):
        if path.is_file():
            fs.pipe_file(f"{place}/{path.relative_to(folder)}", path.read_bytes())
