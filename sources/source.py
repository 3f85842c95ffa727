"""The catalog: what each upstream dataset is, where its files lie and which of their columns hold what.

`sources/catalog/<source>.yaml` holds one dataset. A column is declared, never guessed.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from sources.errors import BabelmixError
from sources.loading import load_yaml, nearest

CATALOG = Path(__file__).parent / "catalog"

Category: TypeAlias = Literal[
    "nemotron-cc-high",
    "nemotron-cc-high-synthetic",
    "code",
    "stem",
    "math",
    "wiki",
    "academic",
    "instruction",
    "synthetic",
    "multilingual",
    # Translation pairs: no category of a recipe, they enter one once they are mined.
    "bitext",
]
Format: TypeAlias = Literal["parquet", "jsonl", "nllb-tsv", "ccmatrix-tsv"]
Compression: TypeAlias = Literal["none", "gzip", "zstd"]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextColumn(_Declared):
    """The text is one column of strings."""

    column: str


class TextColumns(_Declared):
    """The text is several columns of strings, joined by `separator`: a problem and its solution."""

    columns: Annotated[tuple[str, ...], Field(min_length=2)]
    separator: str = "\n\n"


class TextMessages(_Declared):
    """The text is a conversation: a column of lists of messages, each rendered in its turn.

    `role` and `content` name the fields of a message; messages of a role in `skip` are left out. A message is
    rendered as its content alone, messages joined by `separator`.
    """

    messages: str
    role: str = "role"
    content: str = "content"
    skip: tuple[str, ...] = ()
    separator: str = "\n\n"


class TextPair(_Declared):
    """The text is a translation pair of an NLLB or CCMatrix file: English and the language, both sides."""

    pair: Literal["both"]


Text: TypeAlias = TextColumn | TextColumns | TextMessages | TextPair


class Upstream(_Declared):
    """How much the dataset's card, or another named place, says there is."""

    source: str
    tokens: int | None = None
    words: int | None = None
    documents: int | None = None


class Subset(_Declared):
    """Some files of a dataset that belong to one category and are read alike."""

    name: str
    # A glob below the dataset's root. `{language}` stands for the language's label in this dataset, `{pair}` for
    # its label and English's in alphabetical order with a hyphen between them.
    path: str
    format: Format
    compression: Compression = "none"
    text: Text
    id: str | None = None
    url: str | None = None
    # Columns that are kept as the document's metadata.
    metadata: tuple[str, ...] = ()
    category: Category
    # FineWeb-2 codes, or "labelled": every registered language whose file names a label in this dataset.
    languages: tuple[str, ...] | Literal["labelled"]
    upstream: Upstream | None = None


class Source(_Declared):
    """One upstream dataset."""

    name: str
    title: str
    hub_id: str
    revision: str | None = None
    # Where the files lie if not on the Hub.
    root: str | None = None
    card: str
    licence: str
    gated: bool = False
    # What a person must do to be let in, or must know before using it.
    gate: str | None = None
    traps: tuple[str, ...] = ()
    subsets: Annotated[tuple[Subset, ...], Field(min_length=1)]


@cache
def sources() -> dict[str, Source]:
    """Every source of the catalog by name, in the order of their names.

    Raises:
        BabelmixError: a file of the catalog is wrong, with file, key and remedy.
    """
    found = {path.stem: load_yaml(path, Source) for path in sorted(CATALOG.glob("*.yaml"))}
    for name, each in found.items():
        if each.name != name:
            raise BabelmixError(f"{CATALOG / name}.yaml: name: {each.name!r} is not the file's name; write {name}")
    return found


def source(name: str) -> Source:
    """The source called `name`.

    Raises:
        BabelmixError: there is none; the line names the nearest.
    """
    try:
        return sources()[name]
    except KeyError:
        raise BabelmixError(
            f"no source {name!r} in the catalog{nearest(name, sources())}; `babelmix sources list` names them"
        ) from None
