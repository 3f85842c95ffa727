"""The Prefect server: where it is, whether it answers, and one of our own where none runs."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.settings import get_current_settings

from sources.errors import BabelmixError

START_S = 90


def api_url() -> str:
    """The Prefect server's URL from Prefect's own settings, or the local default."""
    return str(get_current_settings().api.url or "http://127.0.0.1:4200/api")


def healthy(url: str) -> bool:
    """Whether a Prefect server answers at `url`."""
    try:
        return httpx.get(f"{url}/health", timeout=2).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def server() -> Iterator[str]:
    """The URL of a running Prefect server: the configured one, or one that lives as long as the block.

    The server is started in the foreground of a child process: `prefect server start --background` reports
    success even where the server then dies. It has a session of its own, so that Ctrl-C does not end it before
    those who still have something to tell it.
    """
    url = api_url()
    if healthy(url):
        yield url
        return
    address = httpx.URL(url)
    if address.host not in ("127.0.0.1", "localhost"):
        raise BabelmixError(f"Prefect server {url}: does not answer; start it, or set PREFECT_API_URL")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", address.host]
    process = subprocess.Popen(
        [*command, "--port", str(address.port or 4200)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + START_S
        while not healthy(url):
            if process.poll() is not None:
                raise BabelmixError(
                    f"Prefect server: ended with code {process.returncode}; run `{' '.join(command)}`"
                )
            if time.monotonic() > deadline:
                raise BabelmixError(f"Prefect server {url}: not healthy after {START_S} s")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
