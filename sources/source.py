"""The catalog: what each upstream dataset is, where its files lie and which of their columns hold what.

`sources/catalog/<source>.yaml` holds one dataset. A column is declared, never guessed.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from sources.errors import BabelmixError
from sources.loading import load_yaml, nearest

CATALOG = Path(__file__).parent / "catalog"

RecipeCategory: TypeAlias = Literal[
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
]
# Also what no recipe mixes: translation pairs, which enter a mixture once they are mined, and conversations and
# prompts that a model meets after pre-training.
Category: TypeAlias = Literal[RecipeCategory, "bitext", "post-training"]
Format: TypeAlias = Literal["parquet", "jsonl", "nllb-tsv", "ccmatrix-tsv", "pairs-parquet"]
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
    """The text is a translation pair: English and the language, both sides."""

    pair: Literal["both"]


def _text_kind(text: Any) -> str | None:
    """Which kind a declaration is by the key that only this kind has, so that its mistakes alone are told."""
    if isinstance(text, _Declared):
        return type(text).__name__
    kinds = {"column": "TextColumn", "columns": "TextColumns", "messages": "TextMessages", "pair": "TextPair"}
    return next((kinds[key] for key in text if key in kinds), None) if isinstance(text, Mapping) else None


Text: TypeAlias = Annotated[
    Annotated[TextColumn, Tag("TextColumn")]
    | Annotated[TextColumns, Tag("TextColumns")]
    | Annotated[TextMessages, Tag("TextMessages")]
    | Annotated[TextPair, Tag("TextPair")],
    Discriminator(
        _text_kind,
        custom_error_type="text",
        custom_error_message="write {column: NAME}, {columns: [NAME, NAME]}, {messages: NAME} or {pair: both}",
    ),
]


def _codes_or_labelled(languages: Any) -> Any:
    if isinstance(languages, str) and languages != "labelled":
        raise ValueError(f"{languages!r} is no list; write [eng_Latn], or labelled for all that have a label here")
    return languages


Languages: TypeAlias = Annotated[
    Annotated[tuple[str, ...], Field(min_length=1)] | Literal["labelled"], BeforeValidator(_codes_or_labelled)
]


class Upstream(_Declared):
    """How much the dataset's card, or another named place, says there is."""

    source: str
    tokens: int | None = None
    words: int | None = None
    documents: int | None = None

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        if self.tokens is self.words is self.documents is None:
            raise ValueError("names a source but no number; add tokens, words or documents")
        return self


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
    languages: Languages
    upstream: Upstream | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        pairs = self.format in ("nllb-tsv", "ccmatrix-tsv", "pairs-parquet")
        if pairs != isinstance(self.text, TextPair):
            wanted = "{pair: both}" if pairs else "a column, columns or messages"
            raise ValueError(f"format {self.format} has another kind of text; write text: {wanted}")
        if self.format == "parquet" and self.compression != "none":
            raise ValueError("Parquet compresses within its files; leave `compression` out")
        return self


class Source(_Declared):
    """One upstream dataset."""

    name: str
    title: str
    hub_id: str
    # The commit that is read; null reads the newest, and two runs may then read different data.
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

    @model_validator(mode="after")
    def _says_how_to_be_let_in(self) -> Self:
        if self.gated and not self.gate:
            raise ValueError("gated, but `gate` does not say how to be let in; add it")
        twice = [name for name, times in Counter(each.name for each in self.subsets).items() if times > 1]
        if twice:
            raise ValueError(f"two subsets are called {twice[0]!r}; rename one")
        return self


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
