"""Which model a server serves, for a caller who names only the server."""

import urllib.error
import urllib.request
from typing import Final

import orjson

from sources.errors import BabelmixError

_ANSWER_S: Final = 10.0


def served_model(url: str, model: str | None = None, api_key: str | None = None) -> str:
    """The name of the one model that the server at `url` serves, or `model` if it is among several.

    Raises:
        BabelmixError: no server answers, it does not serve `model`, or serves several and none was named.
    """
    base = url.rstrip("/").removesuffix("/v1")
    if not base.startswith(("http://", "https://")):
        raise BabelmixError(f"{url}: no address of a server; write it as http://localhost:8000")
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        asked = urllib.request.Request(f"{base}/v1/models", headers=headers)
        with urllib.request.urlopen(asked, timeout=_ANSWER_S) as answer:
            models = [str(each["id"]) for each in orjson.loads(answer.read())["data"]]
    except urllib.error.HTTPError as error:
        raise BabelmixError(
            f"{base}: /v1/models answers HTTP {error.code}; name a server that lists them"
        ) from error
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise BabelmixError(f"{base}: no connection ({reason}); start a server there, or name another") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BabelmixError(
            f"{base}: /v1/models does not answer as an OpenAI-compatible server does; name one that does"
        ) from error
    if model is None and len(models) == 1:
        return models[0]
    if model is None:
        raise BabelmixError(f"{base}: serves {', '.join(models) or 'no model'}; name one of them")
    if model not in models:
        raise BabelmixError(f"{base}: does not serve {model!r}; it serves {', '.join(models)}")
    return model
