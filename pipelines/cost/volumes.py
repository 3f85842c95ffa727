"""How much there is of each source and language: in the workspace, in the profile's files, or as published."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import fsspec
import pyarrow.parquet as pq

from mixtures.upstream import FINEWEB2, fineweb2_sizes
from pipelines.build import Build
from pipelines.cost.interval import Interval
from pipelines.step import Step, status
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.language import language
from sources.object_store import open_store
from sources.pair_files import pair_files
from sources.profile import HUB, delivers, subset_files
from sources.source import Source, Subset, TextColumn, TextColumns, source

HQ: Final = "fineweb2-hq"

# What is assumed where nothing says it.
KEPT: Final = Interval(0.7, 0.9, 1.0)
# CCMatrix has 4.5G pairs of 576 pairs of languages (its authors), 7.8M on average; English's are the most.
HUB_PAIRS: Final = Interval(1e6, 7.8e6, 4e8)
KEPT_PAIRS: Final = 10_000.0
# FineWeb2-HQ is the tenth of FineWeb-2 that its classifier likes best (its card).
_HQ_SHARE: Final = 0.1
# Tokens of a byte of text in languages that the sample pack has no text of; of the others it is measured.
TOKENS_A_BYTE: Final = 0.3
_MEAN_DOCUMENT: Final = 4_000.0
# Bytes of text of a byte of a packed file of JSON lines, and of a pair in a packed file.
_UNPACKED: Final = 3.0
_PAIR: Final = 100.0


@dataclass(frozen=True, slots=True)
class Volume:
    """What a source has of a language before curation: documents, and bytes of text by category.

    `kept` is the share that curation keeps. `origin` says where the numbers are from; `assumed` whether `kept` is.
    """

    documents: float
    text: Mapping[str, float]
    origin: str
    kept: Interval = KEPT
    assumed: bool = True
    # Tokens of the text before curation where they are published, by category.
    tokens: Mapping[str, float] = field(default_factory=dict)

    @property
    def bytes(self) -> float:
        """Bytes of text of all categories."""
        return sum(self.text.values())


@dataclass(frozen=True, slots=True)
class Volumes:
    """Volumes by source and language, pairs by language, and the places of which nothing is known."""

    documents: Mapping[tuple[str, str], Volume]
    pairs: Mapping[str, Interval]
    unknown: tuple[tuple[str, str], ...]


def volumes(build: Build, workspace: Workspace, tokens_a_byte: Mapping[str, float]) -> Volumes:
    """What the steps of `build` have to read. Reads manifests, footers and sizes, and no document.

    Raises:
        BabelmixError: a file of the profile cannot be read.
    """
    found: dict[tuple[str, str], Volume] = {}
    pairs: dict[str, Interval] = {}
    unknown = []
    curated = {step.inputs[0].name: step for step in build.steps if step.kind == "curate"}
    tokenised = [step for step in build.steps if step.kind == "tokenise"]
    for step in build.steps:
        if step.kind == "mine":
            pairs[step.settings["language"]] = _pairs(step, build.profile, workspace)
        if step.kind != "collect":
            continue
        place = (step.settings["source"], step.settings["language"])
        declared = _declared(*place, build.profile, tokens_a_byte)
        volume = _made(step, curated[step.name], tokenised, declared, workspace)
        if volume is None or not volume.bytes:
            unknown.append(place)
        else:
            found[place] = volume
    return Volumes(found, pairs, tuple(unknown))


def _made(
    collected: Step, curated: Step, tokenised: list[Step], declared: Volume | None, workspace: Workspace
) -> Volume | None:
    """What was collected of a source and language, and what was kept of it, where that stands in the workspace."""
    standing = status(collected, workspace)
    if not standing.complete or standing.totals is None:
        return declared
    size = float(standing.totals["bytes"])
    parts: defaultdict[str, float] = defaultdict(float, declared.text if declared else {"multilingual": size})
    kept, assumed = KEPT, True
    judged = status(curated, workspace)
    if judged.complete and judged.totals is not None:
        kept, assumed = Interval.of(judged.totals["kept"] / judged.totals["documents"]), False
        tokens = {
            step.settings["category"]: status(step, workspace).totals
            for step in tokenised
            if step.inputs[0].name == curated.name
        }
        if tokens and all(each is not None for each in tokens.values()):
            parts = defaultdict(float, {name: each["bytes"] for name, each in tokens.items() if each})
            # By bytes, as it is known: documents that are dropped are not as long as the others.
            kept = Interval.of(min(1.0, sum(parts.values()) / size))
    scale = size / sum(parts.values()) if sum(parts.values()) else 0.0
    text = {name: part * scale for name, part in parts.items()}
    return Volume(float(standing.totals["documents"]), text, "workspace", kept, assumed)


def _declared(name: str, code: str, profile: str, tokens_a_byte: Mapping[str, float]) -> Volume | None:
    """What the profile's files, or on the Hub what is published, say; None where nothing does."""
    of, spoken = source(name), language(code)
    subsets = [subset for subset in of.subsets if delivers(subset, of, spoken)]
    if profile != HUB:
        return _filed(of, subsets, code, profile)
    if name in (FINEWEB2, HQ):
        size = fineweb2_sizes().get(code)
        if size is None:
            return None
        share = 1.0 if name == FINEWEB2 else _HQ_SHARE
        origin = "published" if name == FINEWEB2 else "a tenth of FineWeb-2"
        return Volume(share * size.documents, {subsets[0].category: share * size.utf8_bytes}, origin)
    documents, text, tokens = 0.0, defaultdict[str, float](float), defaultdict[str, float](float)
    missing, a_byte = [], tokens_a_byte.get(code, TOKENS_A_BYTE)
    for subset in subsets:
        said = subset.upstream
        if said is None or (said.tokens is None and said.documents is None):
            missing.append(subset.name)
            continue
        size_of = said.tokens / a_byte if said.tokens else (said.documents or 0) * _MEAN_DOCUMENT
        text[subset.category] += size_of
        tokens[subset.category] += said.tokens or size_of * a_byte
        documents += said.documents or size_of / _MEAN_DOCUMENT
    origin = "published" + (f" but for {', '.join(missing)}" if missing else "")
    return Volume(documents, dict(text), origin, tokens=dict(tokens)) if text else None


def _filed(of: Source, subsets: list[Subset], code: str, profile: str) -> Volume | None:
    documents, text = 0.0, defaultdict[str, float](float)
    for subset in subsets:
        for url in subset_files(subset, of, language(code), profile):
            fs, path = open_store(url)
            if subset.format == "parquet":
                rows, size = _footer(fs, path, subset)
            else:
                size = fs.size(path) * (1.0 if subset.compression == "none" else _UNPACKED)
                rows = math.ceil(size / _MEAN_DOCUMENT)
            documents += rows
            text[subset.category] += size
    return Volume(documents, dict(text), "the profile's files") if text else None


def _footer(fs: fsspec.AbstractFileSystem, path: str, subset: Subset) -> tuple[int, float]:
    """Rows of a Parquet file, and bytes of its columns of text before compression."""
    declared = subset.text
    if isinstance(declared, TextColumn):
        wanted: tuple[str, ...] = (declared.column,)
    elif isinstance(declared, TextColumns):
        wanted = declared.columns
    else:
        wanted = (getattr(declared, "messages", ""),)
    try:
        with fs.open(path, "rb") as file:
            metadata = pq.ParquetFile(file).metadata
    except (OSError, ValueError) as error:
        raise BabelmixError(f"{path}: cannot be read as Parquet ({error}); fetch it again") from error
    size = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            if column.path_in_schema.split(".")[0] in wanted:
                size += column.total_uncompressed_size
    return metadata.num_rows, float(size)


def _pairs(step: Step, profile: str, workspace: Workspace) -> Interval:
    found = status(step, workspace)
    if found.complete and found.totals is not None:
        return Interval.of(float(found.totals["documents"]))
    if profile == HUB:
        return HUB_PAIRS
    files = pair_files(language(step.settings["language"]), profile)
    size = sum(fs.size(path) for fs, path in (open_store(file.url) for file in files))
    return Interval.of(max(1.0, size / _PAIR))
