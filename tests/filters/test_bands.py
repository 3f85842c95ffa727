import pytest

from filters.bands import band, hold
from filters.settings import Band, Removal
from sources.errors import BabelmixError

NARROW = Removal(default=Band(least=0.1, most=0.5), filters={"quality": Band(most=0.2)})


def _hold(removal: Removal, documents: int, **dropped: int) -> None:
    hold(removal, "web", "ell_Grek", documents, dropped, "ws/dropped")


@pytest.mark.parametrize(("documents", "removed"), [(100, 10), (100, 50), (1000, 300)])
def test_within_the_band(documents: int, removed: int) -> None:
    _hold(NARROW, documents, language=removed)


@pytest.mark.parametrize(("documents", "removed", "share"), [(100, 51, "51.0%"), (1000, 99, "9.9%")])
def test_outside_the_band_stops_with_the_figures(documents: int, removed: int, share: str) -> None:
    with pytest.raises(BabelmixError) as error:
        _hold(NARROW, documents, language=removed)
    line = str(error.value)
    assert f"web/ell_Grek: curation removed {removed} of {documents} documents, {share}" in line
    assert f"language {removed}" in line
    assert "10% to 50%" in line
    assert "ws/dropped" in line


def test_nothing_removed_is_outside_a_band_that_expects_some() -> None:
    with pytest.raises(BabelmixError, match="removed 0 of 100"):
        _hold(NARROW, 100)


def test_one_filter_is_held_to_what_reaches_it() -> None:
    _hold(NARROW, 100, language=30, quality=14)
    with pytest.raises(BabelmixError, match="quality removed 15 of 70 documents"):
        _hold(NARROW, 100, language=30, quality=15)


def test_few_documents_are_not_held_to_a_share() -> None:
    _hold(NARROW, 19, language=18)


@pytest.mark.parametrize("documents", [1, 19, 10_000])
def test_everything_is_always_too_much_unless_expected(documents: int) -> None:
    everything = Removal(default=Band(most=1.0))
    with pytest.raises(BabelmixError, match=f"removed all of {documents} documents"):
        _hold(everything, documents, language=documents)
    _hold(everything.model_copy(update={"empty": True}), documents, language=documents)


def test_the_closest_band_wins() -> None:
    removal = Removal(default=Band(most=0.1), sources={"web": Band(most=0.2), "web/ell_Grek": Band(most=0.3)})
    assert band(removal, "web", "ell_Grek").most == 0.3
    assert band(removal, "web", "dan_Latn").most == 0.2
    assert band(removal, "books", "ell_Grek").most == 0.1
