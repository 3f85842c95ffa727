"""The cultural articles that were written by hand for the sample pack, as a model would write them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from synth.questions.by_hand import TEXTS, items, sentences

ARTICLES: Final = TEXTS.parent / "articles"


@dataclass(frozen=True, slots=True)
class Known:
    """A document of the sample pack: what a person who knows it says of it, and the article, if there is one."""

    text: str
    cultural: bool
    # What it is about, in English; the key of `topics.yaml` and ISO 3166, where it is cultural.
    about: str
    topic: str = ""
    region: str = ""
    evidence: tuple[str, ...] = ()
    title: str = ""
    article: str = ""

    @property
    def rating(self) -> str:
        """A completion as `culture/rate` asks for it."""
        if self.cultural:
            return f"<reason>{self.about}: who does what, when and how</reason>\n<score>4</score>"
        return f"<reason>{self.about}: it tells of no custom, dish, craft or place</reason>\n<score>0</score>"

    @property
    def annotation(self) -> str:
        """A completion as `culture/annotate` asks for it."""
        return f"<topic>{self.topic}</topic>\n<region>{self.region}</region>\n{self._quoted}"

    @property
    def written(self) -> str:
        """A completion as `culture/article` asks for it; nobody has written on most documents."""
        if not self.article:
            return "<skip>nobody has written an article on it by hand</skip>"
        return f"<title>{self.title}</title>\n<article>{self.article}</article>\n{self._quoted}"

    @property
    def _quoted(self) -> str:
        return "\n".join(f"<evidence>{each}</evidence>" for each in self.evidence)


def documents_by_hand(code: str, places: list[list[str]], texts: Path = TEXTS) -> list[Known]:
    """The sample pack's documents of a language.

    Those that a question stands on have its place (`sample_places.yaml`) and quotation; those that an article was
    written on, and further ones, stand in `articles/<code>.yaml`.
    """
    content = json.loads((texts / f"{code}.json").read_text(encoding="utf-8"))
    own = {each["document"]: each for each in yaml.safe_load((ARTICLES / f"{code}.yaml").read_text("utf-8"))}
    asked = {item.passage.text: (place, item.draft.quote) for item, place in zip(items(code), places, strict=True)}
    found = []
    for each in content["documents"]:
        text, about, cultural = each["text"], each["topic"], bool(each.get("cultural"))
        if not cultural:
            found.append(Known(text, False, about))
            continue
        given = own.get(about, {})
        (region, topic, _), quote = asked.get(text, (("", "", ""), sentences(text)[0]))
        found.append(
            Known(
                text,
                True,
                about,
                given.get("topic", topic),
                given.get("region", region),
                tuple(given.get("evidence", (quote,))),
                given.get("title", ""),
                given.get("article", ""),
            )
        )
    return found
