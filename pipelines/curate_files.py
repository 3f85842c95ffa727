"""Curates a person's own files: `babelmix curate --input FILES --language CODE --output DIR`."""

import json
from collections.abc import Sequence
from typing import Any

from datatrove.io import get_datafolder

from filters import bands
from filters.settings import CurationSettings
from pipelines.collect import collect_files
from pipelines.curate import Funnel, curate_unchecked
from sources.language import Language

# What the documents of a person's own files have in the column `source`.
OWN_FILES = "files"


def curate_files(
    files: Sequence[str],
    language: Language,
    output: str,
    settings: CurationSettings,
    workers: int = 1,
) -> Funnel:
    """Curates Parquet or JSON lines files with a `text` column into `output`.

    Writes `curated/*.parquet`, `dropped/*.parquet` and `report.json` there, in the place of an earlier run's.
    The report is written even where everything was removed, so that the rows can be looked at.

    Args:
        files: paths, URLs or globs.

    Raises:
        BabelmixError: a file cannot be read, there are no documents, or what was removed is outside its band.
    """
    place = get_datafolder(output)
    for folder in ("collected", "curated", "dropped", "scratch"):
        if place.exists(folder):
            place.rm(folder, recursive=True)
    if place.exists("report.json"):
        place.rm("report.json")
    at = {name: f"{output.rstrip('/')}/{name}" for name in ("collected", "curated", "dropped", "scratch")}
    try:
        collected = collect_files(list(files), language, at["collected"])
        funnel = curate_unchecked(
            at["collected"],
            language,
            OWN_FILES,
            curated=at["curated"],
            dropped=at["dropped"],
            scratch=at["scratch"],
            settings=settings,
            workers=workers,
        )
    finally:
        if place.exists("collected"):
            place.rm("collected", recursive=True)
    report: dict[str, Any] = {
        "language": language.code,
        "files": list(files),
        **funnel.as_dict(),
        "collected": dict(collected),
        "settings": settings.model_dump(mode="json"),
    }
    with place.open("report.json", "w", encoding="utf-8") as file:
        file.write(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    bands.hold(settings.removal, OWN_FILES, language.code, funnel.documents, funnel.by_filter(), at["dropped"])
    return funnel
