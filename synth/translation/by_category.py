"""English documents of several categories, each translated by the prompt that is its own."""

from collections.abc import Mapping
from typing import Any

from filters.verdict import Drop
from sources.language import Language
from synth.request import Engine
from synth.translation.document_task import Asked
from synth.translation.settings import TranslationSettings
from synth.translation.translate_documents import Translation


class TranslationByCategory:
    """The task of translating documents whose category is one of `prompts`, for `document_task.carry_out`."""

    def __init__(
        self,
        source: Language,
        target: Language,
        engine: Engine,
        prompts: Mapping[str, str],
        settings: TranslationSettings,
    ) -> None:
        by_prompt = {
            prompt: Translation(source, target, engine, settings.model_copy(update={"prompt": prompt}))
            for prompt in set(prompts.values())
        }
        self._tasks = {category: by_prompt[prompt] for category, prompt in prompts.items()}

    def __call__(self, document: Mapping[str, Any]) -> Asked | Drop:
        """See `Translation`."""
        return self._tasks[document["category"]](document)
