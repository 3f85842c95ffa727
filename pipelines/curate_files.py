"""Curates a person's own files: `babelmix curate --input FILES --language CODE --output DIR`."""

import json
from collections.abc import Sequence
from typing import Any

from datatrove.io import DataFolder, get_datafolder

from filters import bands
from filters.settings import CurationSettings
from pipelines.collect import collect_files
from pipelines.curate import Funnel, Place, curate_unchecked, measure_documents
from pipelines.curated_places import CuratedPlace
from pipelines.curation_report import write_report_of
from pipelines.workspace import clear_disk_errors
from sources.language import Language
from sources.source import Category

# What the documents of a person's own files have in the column `source`.
OWN_FILES = "files"
# Where the work goes on: an earlier run's result stands until this one has its own.
_STAGING = ".staging"


def curate_files(
    files: Sequence[str],
    language: Language,
    output: str,
    settings: CurationSettings,
    category: Category = "multilingual",
    workers: int = 1,
) -> Funnel:
    """Curates Parquet or JSON lines files with a `text` column into `output`.

    `category` decides which filters the documents meet: `multilingual` is web prose.

    Writes `curated/*.parquet`, `dropped/*.parquet` and `report.json` and `.html` there, in the place of an earlier
    run's. The report is written even where everything was removed, so that the rows can be looked at.

    Args:
        files: paths, URLs or globs.

    Raises:
        BabelmixError: a file cannot be read, there are no documents, or what was removed is outside its band.
    """
    place = get_datafolder(output)
    at: dict[str, Any] = {
        name: f"{output.rstrip('/')}/{_STAGING}/{name}"
        for name in ("documents", "measured", "curated", "dropped", "standing", "scratch")
    }
    _remove(place, _STAGING)
    try:
        with clear_disk_errors(output):
            collected = collect_files(list(files), language, at["documents"], category)
            folders = Place(**at)
            measure_documents(folders, language, settings, workers)
            funnel = curate_unchecked(folders, language, settings, workers)
            report = {
                "language": language.code,
                "files": list(files),
                **funnel.as_dict(),
                "collected": dict(collected),
                "settings": settings.model_dump(mode="json"),
            }
            own = CuratedPlace(
                source=OWN_FILES,
                language=language,
                documents=at["documents"],
                measured=at["measured"],
                curated=at["curated"],
                dropped=at["dropped"],
                settings=settings,
                totals=funnel.as_dict(),
            )
            write_report_of([own], f"{output.rstrip('/')}/{_STAGING}/report.html")
            for name in ("report.json", "report.html"):
                _remove(place, name)
            place.mv(f"{_STAGING}/report.html", "report.html")
            for folder in ("curated", "dropped"):
                _remove(place, folder)
                if place.exists(f"{_STAGING}/{folder}"):
                    place.mv(f"{_STAGING}/{folder}", folder, recursive=True)
            with place.open("report.json", "w", encoding="utf-8") as file:
                file.write(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    finally:
        _remove(place, _STAGING)
    dropped = f"{output.rstrip('/')}/dropped"
    bands.hold(settings.removal, OWN_FILES, language.code, funnel.documents, funnel.by_filter(), dropped)
    return funnel


def _remove(place: DataFolder, name: str) -> None:
    if place.exists(name):
        place.rm(name, recursive=True)
