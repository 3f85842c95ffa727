"""The category of a mixture that has what a model writes."""

from mixtures.recipe import ENGLISH, MULTILINGUAL
from synth.questions.settings import CATEGORY


def category_of(code: str) -> str:
    """The category of what is written in a language: English has one of its own in the recipes."""
    return CATEGORY if code == ENGLISH else MULTILINGUAL
