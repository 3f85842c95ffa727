"""The sample pack's Greek documents as curation keeps them, for tests of what is written on them."""

from pathlib import Path

from filters.settings import CurationSettings
from pipelines.collect import collect
from pipelines.curate import Place, curate, measure_documents
from sources.language import language
from sources.source import source


def curated_greek(folder: Path) -> str:
    """Makes them in `folder`; returns where they are."""
    greek = language("ell_Grek")
    rooms = ("documents", "measured", "curated", "dropped", "standing", "scratch")
    place = Place(**{name: str(folder / name) for name in rooms})
    collect(source("fineweb-2"), greek, "sample", place.documents)
    settings = CurationSettings.for_profile("sample")
    measure_documents(place, greek, settings)
    curate(place, greek, "fineweb-2", settings)
    return place.curated
