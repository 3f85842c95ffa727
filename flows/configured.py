"""Whether a Prefect server is configured and answers; Prefect itself, which takes seconds, is not imported."""

import os
import tomllib
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sources.errors import BabelmixError

_SETTINGS = "prefect.toml"


def configured_server() -> str | None:
    """The API of the server that PREFECT_API_URL or this folder's prefect.toml names, if it answers.

    Raises:
        BabelmixError: PREFECT_API_URL names one that does not answer. That of prefect.toml may be asleep: it is
            the one that `babelmix serve` starts.
    """
    named = os.environ.get("PREFECT_API_URL")
    url = named or _from_file(Path(_SETTINGS))
    if url and _answers(url):
        return url
    if named:
        raise BabelmixError(f"PREFECT_API_URL: {named} does not answer; start the server, or unset the variable")
    return None


def _from_file(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BabelmixError(f"{path}: {error}; correct it") from error
    url: str | None = settings.get("api", {}).get("url")
    return url


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError, ValueError):
        return False
