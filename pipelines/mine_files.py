"""Mines a person's own files of pairs: `babelmix mine --input FILES --language CODE --output DIR`."""

import json
from collections.abc import Sequence
from typing import Any, Final

from datatrove.io import DataFolder, get_datafolder

from filters.bitext.mining import Mining
from pipelines.mine import VECTORS, MinePlace, Progress, mine
from pipelines.own_files import matched_files
from pipelines.render_pairs import CHAT, render_pairs
from pipelines.workspace import Workspace, clear_disk_errors
from sources.language import Language
from sources.pair_files import PairFile

# What pairs of a person's own files have in the column `source`.
OWN_FILES: Final = "files"
_STAGING: Final = ".staging"
_FOLDERS: Final = ("bitext", "dropped", "documents")
REPORT: Final = "report.json"


def mine_files(
    files: Sequence[str],
    language: Language,
    output: str,
    mining: Mining,
    progress: Progress = lambda what, count: None,
) -> dict[str, Any]:
    """Finds the best pairs of files in NLLB's or CCMatrix's columns, or of Parquet with `translation`.

    Writes `bitext/*.parquet`, `dropped/*.parquet`, `documents/*.parquet`, `chat.jsonl` and `report.json` into
    `output`, in the place of an earlier run's. Vectors stay in `output/vectors`: a run that was killed goes on
    with those that it has. Returns what `mine` returns.

    Args:
        files: paths, URLs or globs.

    Raises:
        BabelmixError: as `mine`.
    """
    place = get_datafolder(output)
    staged = f"{output.rstrip('/')}/{_STAGING}"
    named = matched_files(files, "files of pairs")
    pairs = [PairFile(url=url, name=name, source=OWN_FILES, language=language.code) for url, name in named]
    _remove(place, _STAGING)
    try:
        with clear_disk_errors(output):
            folders = MinePlace(f"{staged}/bitext", f"{staged}/dropped", Workspace(output).kept(VECTORS))
            totals = mine(pairs, language, mining, folders, progress=progress)
            progress("writing documents", totals["kept"])
            render_pairs(f"{staged}/bitext", None, language, f"{staged}/documents", staged, None)
            for folder in _FOLDERS:
                _remove(place, folder)
                if place.exists(f"{_STAGING}/{folder}"):
                    place.mv(f"{_STAGING}/{folder}", folder, recursive=True)
            _remove(place, CHAT)
            place.mv(f"{_STAGING}/{CHAT}", CHAT)
            report = {
                "language": language.code,
                "files": list(files),
                **totals,
                "settings": mining.model_dump(mode="json"),
            }
            with place.open(REPORT, "w", encoding="utf-8") as file:
                file.write(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    finally:
        _remove(place, _STAGING)
    return totals


def _remove(place: DataFolder, name: str) -> None:
    if place.exists(name):
        place.rm(name, recursive=True)
