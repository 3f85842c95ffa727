"""The forms in which pairs are written, as text and as chat records: `templates.yaml`."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from sources.loading import load_yaml

TEMPLATES: Final = Path(__file__).parent / "templates.yaml"


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str


class TextForm(_Form):
    """A pair as running text."""

    text: str


class ChatForm(_Form):
    """What a user asks for; the answer is the translation."""

    user: str


class Templates(BaseModel):
    """The forms that a pair may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    documents: tuple[TextForm, ...]
    chat: tuple[ChatForm, ...]


@cache
def templates() -> Templates:
    """The forms of `templates.yaml`.

    Raises:
        BabelmixError: the file does not fit.
    """
    return load_yaml(TEMPLATES, Templates)


def templates_digest() -> str:
    """SHA-256 of the file of forms."""
    return hashlib.sha256(TEMPLATES.read_bytes()).hexdigest()
