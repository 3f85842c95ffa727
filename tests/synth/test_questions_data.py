"""Regions, domains, labels and banned forms: there is something for each of the 64 languages, and it fits."""

import pytest

from filters.scripts import script_share
from sources.errors import BabelmixError
from sources.language import Language, languages
from synth.questions.places import domains, domains_of, regions_of
from synth.questions.render import labels

EVERY = list(languages().values())


@pytest.mark.parametrize("language", EVERY, ids=lambda each: each.code)
def test_a_language_has_regions_and_words(language: Language) -> None:
    regions = regions_of(language)
    assert len(set(regions.values())) == len(regions) > 0
    said = labels()[language.code]
    for word in (said.question, said.answer, said.explanation):
        assert script_share(word, language.script) == 1
    assert len({said.question, said.answer, said.explanation}) == 3
    assert len(set(said.signs)) == 4


def test_there_are_domains_with_topics_and_facets() -> None:
    found = domains()
    assert len(found.domains) == 16
    assert len(found.facets) == 8
    for domain in found.domains.values():
        assert len(set(domain.topics)) == len(domain.topics) >= 5


def test_some_of_them_are_chosen_by_name() -> None:
    assert regions_of(languages()["ell_Grek"], ("CY",)) == {"CY": "Cyprus"}
    assert list(domains_of(("food", "play"))) == ["food", "play"]


def test_an_unknown_name_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(BabelmixError, match=r"regions of ell_Grek: no 'GR-MM'; did you mean 'GR-M'"):
        regions_of(languages()["ell_Grek"], ("GR-MM",))
    with pytest.raises(BabelmixError, match=r"domains: no 'foods'; did you mean 'food'"):
        domains_of(("foods",))
    with pytest.raises(BabelmixError, match="no xxx_Latn"):
        regions_of(languages()["ell_Grek"].model_copy(update={"code": "xxx_Latn"}))
