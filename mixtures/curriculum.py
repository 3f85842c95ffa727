"""A curriculum: the mixtures of a training run, one after the other, and the tokens at which each begins and ends.

`build_curriculum` writes a folder with `curriculum.json`; `CurriculumReader` reads it as one row of tokens,
from any token on, as a mixture is read. With `fresh`, a bucket that several stages use goes on in the later one
with documents that the earlier have not read: none is repeated before all of the bucket were. For that the
later stage's order is written anew, into the curriculum's folder; its shares, tokens and the promise about
every prefix stay.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from mixtures.curriculum_order import write_continued_order
from mixtures.indexed import IndexedDataset
from mixtures.order import OrderBucket
from mixtures.packed import PackedReader
from mixtures.recipe import TokenCount
from sources.errors import BabelmixError

CURRICULUM_FILE: Final = "curriculum.json"
_VERSION: Final = 1
# Documents that are counted at once.
_PART: Final = 1 << 24


class StageChoice(BaseModel):
    """A mixture of a curriculum; with `tokens`, only its first so many are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mixture: str
    tokens: TokenCount | None = None


class CurriculumChoice(BaseModel):
    """What a person writes of a curriculum: its mixtures, in the order in which they are read.

    `mixture` is a folder, relative to the workspace or absolute.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    # Whether a bucket that an earlier stage used goes on with documents that were not read yet.
    fresh: bool = False
    stages: tuple[StageChoice, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class CurriculumStage:
    """One mixture of a curriculum: it is read from the token `begin` of the curriculum up to `end`."""

    mixture: str
    """The mixture, relative to the workspace where it lies in it."""
    order: str
    """The folder whose order is read: the mixture's own, or one in the curriculum's folder."""
    begin: int
    end: int
    continued: dict[str, int]
    """The buckets that go on where earlier stages left them, and how many of their documents went before."""


def build_curriculum(choice: CurriculumChoice, workspace: str | Path) -> Path:
    """Writes the curriculum into `mixtures/<model>/curriculum/<fingerprint>/` of the workspace; gives the folder.

    One that stands is left as it is. Memory: the lengths of one stage's documents, 4 bytes each.

    Raises:
        BabelmixError: a mixture is missing or damaged, or holds fewer tokens than are to be read.
    """
    if "://" in str(workspace):
        raise BabelmixError(
            f"curriculum: workspace {workspace}: is written on this machine's disk only; name a folder"
        )
    root = Path(workspace)
    readers = [PackedReader(root / stage.mixture, root) for stage in choice.stages]
    fingerprint = _fingerprint(choice, readers)
    folder = root / "mixtures" / choice.model / "curriculum" / fingerprint[:16]
    if (folder / CURRICULUM_FILE).exists():
        return folder
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    stages = list(_stages(choice, readers, root, partial, folder))
    content = {
        "version": _VERSION,
        "model": choice.model,
        "fingerprint": fingerprint,
        "fresh": choice.fresh,
        "tokens": stages[-1].end,
        "stages": [asdict(stage) for stage in stages],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (partial / CURRICULUM_FILE).write_text(text + "\n", encoding="utf-8")
    partial.rename(folder)
    return folder


class CurriculumReader:
    """The curriculum in the folder `folder` as one row of tokens, read as `packed.PackedReader` reads a mixture.

    Where one stage ends and the next begins, a document begins. `workspace` is by default the one it was built in.

    Raises:
        BabelmixError: the curriculum, one of its mixtures or its tokens are missing or damaged.
    """

    def __init__(self, folder: str | Path, workspace: str | Path | None = None) -> None:
        self.folder = Path(folder)
        content = _content(self.folder)
        self.workspace = Path(workspace) if workspace else self.folder.absolute().parents[3]
        self.fingerprint: str = content["fingerprint"]
        self.stages = tuple(CurriculumStage(**stage) for stage in content["stages"])
        self._rows = [PackedReader(self.workspace / stage.order, self.workspace) for stage in self.stages]
        self._begins = np.array([stage.begin for stage in self.stages])

    @property
    def tokens(self) -> int:
        """Tokens of all stages."""
        return self.stages[-1].end

    def stage_at(self, token: int) -> int:
        """The place in the curriculum, from 0, of the stage that holds a token."""
        return int(np.searchsorted(self._begins, token, side="right")) - 1

    def fill(self, start: int, out: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """As `packed.TokenRow.fill`; a stretch may cross from one stage to the next."""
        if start < 0 or start + len(out) > self.tokens:
            raise BabelmixError(
                f"{self.folder}: tokens {start} to {start + len(out)} are asked for; it has {self.tokens}"
            )
        filled, begins = 0, [np.zeros(0 if len(out) else 1, dtype=np.int32)]
        while filled < len(out):
            number = self.stage_at(start + filled)
            stage = self.stages[number]
            part = out[filled : filled + stage.end - start - filled]
            found = self._rows[number].fill(start + filled - stage.begin, part)
            begins.append(found + np.int32(filled))
            filled += len(part)
        return np.concatenate(begins)


def _stages(
    choice: CurriculumChoice, readers: Sequence[PackedReader], root: Path, partial: Path, folder: Path
) -> Iterator[CurriculumStage]:
    """The stages, whose orders are written where they go on from an earlier one."""
    begin = 0
    # Documents of each bucket that were read so far, by its name and the fingerprint of its tokens.
    read: dict[tuple[str, str], int] = {}
    for number, (stage, reader) in enumerate(zip(choice.stages, readers, strict=True), start=1):
        rows = reader.bucket_rows()
        names = [(name, row.get("fingerprint", "")) for name, row in zip(reader.order.names, rows, strict=True)]
        continued = {name[0]: read[name] for name in names if read.get(name)} if choice.fresh else {}
        starts = [continued.get(name, 0) for name, _ in names]
        if continued:
            place = partial / f"stage{number}"
            _write_stage(reader, starts, readers[0].order.seed, place)
            reader = PackedReader(place, root)
        tokens = reader.tokens if stage.tokens is None else stage.tokens
        if tokens > reader.tokens:
            raise BabelmixError(
                f"{choice.model}: stages.{number - 1}.tokens: {tokens}, but {stage.mixture} holds {reader.tokens};"
                " write at most as many"
            )
        for name, count in zip(names, _documents_before(reader, tokens, starts), strict=True):
            read[name] = max(read.get(name, 0), count)
        order = str((folder / f"stage{number}").relative_to(root)) if continued else stage.mixture
        yield CurriculumStage(stage.mixture, order, begin, begin + tokens, continued)
        begin += tokens


def _write_stage(reader: PackedReader, starts: Sequence[int], seed: int, place: Path) -> None:
    """A mixture's order with its buckets from `starts` on, and a manifest with which readers take it for one."""
    place.mkdir()
    rows = reader.bucket_rows()
    buckets = [
        OrderBucket(name, _lengths(reader.workspace, row["shards"]), row["tokens_planned"])
        for name, row in zip(reader.order.names, rows, strict=True)
    ]
    totals = write_continued_order(buckets, starts, seed, place)
    held = {**reader.totals, "documents": totals.documents, "tokens": totals.tokens, "seed": seed}
    (place / "manifest.json").write_text(json.dumps({"totals": held}, indent=1, ensure_ascii=False) + "\n")


def _lengths(workspace: Path, shards: Sequence[str]) -> npt.NDArray[np.int32]:
    parts = [IndexedDataset(f"{workspace}/{shard}").lengths for shard in shards]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _documents_before(reader: PackedReader, tokens: int, starts: Sequence[int]) -> list[int]:
    """How many documents each bucket has given once so many tokens are read, one that was begun included."""
    counts = np.array(starts, dtype=np.int64)
    if not tokens:
        return list(starts)
    block = reader.block_at(tokens - 1)
    stop = block.first + int(np.searchsorted(block.ends, tokens, side="left")) + 1
    for at in range(0, stop, _PART):
        counts += np.bincount(reader.order.buckets[at : min(at + _PART, stop)], minlength=len(counts))
    return [int(count) for count in counts]


def _fingerprint(choice: CurriculumChoice, readers: Sequence[PackedReader]) -> str:
    content = {
        "version": _VERSION,
        "fresh": choice.fresh,
        "stages": [
            [stage.mixture, stage.tokens, reader.fingerprint]
            for stage, reader in zip(choice.stages, readers, strict=True)
        ],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(folder: Path) -> dict[str, Any]:
    path = folder / CURRICULUM_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BabelmixError(
            f"{path}: no curriculum ({type(error).__name__}); name the folder that `babelmix curriculum` printed"
        ) from error
    if content.get("version") != _VERSION:
        raise BabelmixError(f"{path}: not version {_VERSION} of a curriculum; build it again")
    return content
