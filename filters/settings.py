"""How documents are curated: every number that decides what may stay, as data that is fingerprinted.

A language's own numbers stand in its file; here is what all languages share.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from filters.benchmark_items import BENCHMARKS_ENVIRONMENT, BUNDLED, benchmark_files
from filters.boilerplate import Boilerplate
from filters.quality_model import QualityModelSettings, model_digest
from sources.language import Language
from sources.loading import load_yaml

REMOVAL_ENVIRONMENT = "BABELMIX_REMOVAL"
CURATION_ENVIRONMENT = "BABELMIX_CURATION"

Check: TypeAlias = Literal[
    "repair", "language", "exact", "near", "repetition", "quality", "contamination", "privacy"
]

# Prose from the web meets everything.
_WEB: tuple[Check, ...] = (
    "repair", "language", "exact", "near", "repetition", "quality", "contamination", "privacy",
)  # fmt: skip
# The rest meets what does not presume web prose. Gopher's and FineWeb's rules (bullets, symbols, lines that
# end in punctuation, stop words) take lists, tables, formulae and dialogue for rubbish. Near-duplicates are
# not looked for where text is made from templates: two exercises that differ in their numbers are two
# exercises. ftfy and the redaction of addresses stay away from code and formulae, where `&lt;` and `1.2.3.4` are
# meant.
_CHECKS: dict[str, tuple[Check, ...]] = {
    "nemotron-cc-high": _WEB,
    "nemotron-cc-high-synthetic": ("repair", "language", "exact", "contamination", "privacy"),
    "code": ("exact", "contamination"),
    "stem": ("exact", "contamination"),
    "math": ("exact", "contamination"),
    "wiki": ("repair", "language", "exact", "near", "contamination", "privacy"),
    "academic": ("repair", "exact", "near", "contamination", "privacy"),
    "instruction": ("exact", "contamination"),
    "synthetic": ("exact", "contamination"),
    "multilingual": _WEB,
    "post-training": ("exact", "contamination"),
    # A translation pair is two languages and a few words long.
    "bitext": ("repair", "exact", "contamination", "privacy"),
}


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MinHash(_Settings):
    """Near-duplicates. FineWeb-2's numbers: 5-grams of words, 14 buckets of 8 hashes of 64 bits.

    Two documents that share a fraction s of their n-grams become candidates with probability
    1 - (1 - s^8)^14: 0.92 at s = 0.8. A candidate is dropped only if at least `overlap` of the n-grams of
    both are common to it and a document that is kept: the ends of a chain of candidates may have little in
    common.
    """

    n_grams: int = 5
    buckets: int = 14
    hashes: int = 8
    seed: int = 1
    # Lee et al. 2022 (Deduplicating Training Data Makes Language Models Better) verify candidates at 0.8 too.
    overlap: float = Field(default=0.8, ge=0, le=1)


class Contamination(_Settings):
    """Overlap with benchmark questions.

    `words` in a row are contamination, GPT-3's number (appendix C of Brown et al. 2020, which takes the 5th
    percentile of a benchmark's item lengths, at least 8 and at most 13); of an item that is shorter, all of it,
    but it must have `shortest_words`. Scripts without spaces are matched by `characters`, by script: as many as 13
    words come to (about 1.6 a word in Chinese and Japanese, 4 in the scripts of South-East Asia).

    A copy with words changed has no such run if it is short. It is found by `least` runs of `shortest_words` that
    are the share `share` of all of the item. On 5,178 clean documents neither rule, nor half of either number,
    found anything; of questions of 13 to 25 words with one changed they find 94%
    (`benchmarks/quality_contamination.py`).
    """

    words: int = 13
    shortest_words: int = 8
    characters: dict[str, int] = Field(
        default={"Hani": 21, "Jpan": 21, "Khmr": 52, "Laoo": 52, "Mymr": 52, "Thai": 52}
    )
    share: float = Field(default=0.2, ge=0, le=1)
    least: int = Field(default=2, ge=1)
    # An n-gram of more items is the form of a question.
    most_items: int = Field(default=8, ge=1)
    # What is done with a document: it is dropped, or the lines that hold a question are cut out of it. One of
    # which less than half is left is dropped all the same.
    action: Literal["drop", "cut"] = "drop"
    # Each is "bundled", or the path of a JSON lines file of questions, of a folder of such files, or of a YAML
    # file that declares benchmarks (`filters.benchmark_items.Benchmarks`).
    lists: tuple[str, ...] = (BUNDLED,)
    # SHA-256 of the lists' files: a changed list is a changed setting.
    digest: str = ""


class Band(_Settings):
    """The share of documents that may be removed, both ends included."""

    least: float = Field(default=0.0, ge=0, le=1)
    most: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Band":
        if self.least > self.most:
            raise ValueError(f"least {self.least} is more than most {self.most}")
        return self


class Removal(_Settings):
    """Which shares are expected to be removed; see filters/bands.py for what is held against them.

    `sources` has a band for a source, or for one of its languages under `source/language`; the closest wins.
    """

    default: Band = Band()
    sources: dict[str, Band] = {}
    # What one filter alone may remove of the documents that reach it.
    filters: dict[str, Band] = {}
    # Fewer documents than this are not held to a share: one document would be 5% or more of them.
    fewest: int = 20
    # Whether it is no fault that nothing stays.
    empty: bool = False


# Of web text that upstream has filtered already. FineWeb-2 is published after the same filters, so that most
# of it passes again; Nemotron-CC-High passed a classifier but not Gopher's rules. A wrong label or a wrong
# threshold removes nearly all, and that is what the band is there to see.
_HUB = Removal(
    default=Band(most=0.6),
    sources={
        "fineweb-2": Band(most=0.4),
        "fineweb2-hq": Band(most=0.4),
        "nllb": Band(most=0.7),
        "openmathinstruct-2": Band(most=0.3),
    },
    filters={
        "language": Band(most=0.5),
        "repetition": Band(most=0.4),
        "quality": Band(most=0.5),
        "contamination": Band(most=0.1),
    },
)
# Six or seven of a language's fifteen documents are planted faults.
_SAMPLE = Removal(default=Band(most=0.7), sources={"fineweb-2": Band(least=0.1, most=0.7)})


class Options(_Settings):
    """What a person may switch on that FineWeb-2 does not do."""

    boilerplate: Boilerplate | None = None
    # See `Contamination`.
    contaminated: Literal["drop", "cut"] = "drop"
    # Sources in the order in which one keeps a text that several have; those that are not named follow by name.
    priority: tuple[str, ...] = ()
    # A model of good text by language code; `babelmix languages train-quality` makes one.
    quality_models: dict[str, QualityModelSettings] = {}


class CurationSettings(_Settings):
    """Everything but the language that decides which documents are kept."""

    identifier: Literal["fasttext176", "glotlid"] = "fasttext176"
    minhash: MinHash = MinHash()
    contamination: Contamination = Contamination()
    removal: Removal = Removal()
    checks: dict[str, tuple[Check, ...]] = _CHECKS
    # Whether lines that repeat over the pages of a host are cut, and which; FineWeb-2 cuts none.
    boilerplate: Boilerplate | None = None
    priority: tuple[str, ...] = ()
    quality_models: dict[str, QualityModelSettings] = {}

    @classmethod
    def for_profile(cls, profile: str) -> "CurationSettings":
        """The settings of `sample`, `hub`, or a mirror (a folder or URL).

        Benchmark lists are the bundled one and those that the environment variable `BABELMIX_BENCHMARKS`
        names, separated as in PATH. `BABELMIX_REMOVAL` names a YAML file with the fields of `Removal`, which
        takes the place of the profile's bands, and `BABELMIX_CURATION` one with the fields of `Options`.

        Raises:
            BabelmixError: a benchmark list is not there, or the file of bands is wrong.
        """
        added = tuple(filter(None, os.environ.get(BENCHMARKS_ENVIRONMENT, "").split(os.pathsep)))
        lists = (BUNDLED, *added)
        own = os.environ.get(CURATION_ENVIRONMENT)
        options = load_yaml(Path(own), Options) if own else Options()
        return cls(
            boilerplate=options.boilerplate,
            priority=options.priority,
            quality_models={
                code: model.model_copy(update={"digest": model_digest(model.path)})
                for code, model in options.quality_models.items()
            },
            identifier="glotlid" if profile == "hub" else "fasttext176",
            contamination=Contamination(lists=lists, digest=benchmarks_digest(lists), action=options.contaminated),
            removal=_removal(profile),
        )

    def of(self, language: Language) -> "CurationSettings":
        """These settings without what concerns other languages."""
        models = {code: model for code, model in self.quality_models.items() if code == language.code}
        return self.model_copy(update={"quality_models": models})

    def checks_for(self, category: str) -> tuple[Check, ...]:
        """What a document of this category is held against; all of it for an unknown category."""
        return self.checks.get(category, _WEB)

    def measuring(self, language: Language) -> dict[str, Any]:
        """What measuring documents of `language` depends on, as JSON: no threshold is among it."""
        held = self.of(language).model_dump(mode="json", exclude={"minhash": {"overlap"}, "removal": True})
        read = language.model_dump(
            mode="json", include={"code", "script", "segmentation", "identifiers", "thresholds"}
        )
        known = read["identifiers"][self.identifier]
        return {
            "settings": held,
            "language": {
                **{name: read[name] for name in ("code", "script", "segmentation")},
                "label": known and known["label"],
                "stopwords": read["thresholds"]["stopwords"],
            },
        }

    def deciding(self, language: Language) -> dict[str, Any]:
        """What verdicts on measured documents of `language` depend on, as JSON."""
        read = language.model_dump(mode="json", include={"code", "identifiers"})
        known = read["identifiers"][self.identifier]
        return {
            "settings": self.of(language).model_dump(mode="json"),
            "language": {
                "code": read["code"],
                "thresholds": language.limits.model_dump(mode="json"),
                "threshold": known and known["threshold"],
            },
        }


def _removal(profile: str) -> Removal:
    if own := os.environ.get(REMOVAL_ENVIRONMENT):
        return load_yaml(Path(own), Removal)
    return {"sample": _SAMPLE, "hub": _HUB}.get(profile, Removal())


def benchmarks_digest(lists: tuple[str, ...]) -> str:
    """SHA-256 over the contents of the lists' files: the same wherever the files lie."""
    digest = hashlib.sha256()
    for path in dict.fromkeys(path for _, path in benchmark_files(lists)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for benchmark, _ in benchmark_files(lists):
        digest.update(benchmark.model_dump_json().encode())
    return digest.hexdigest()
