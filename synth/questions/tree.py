"""The tree that questions grow on: region, domain, topic, concept, facet; each level capped, nothing twice.

Regions and domains are declared, topics declared and added to by a model, concepts a model's (of a region, or of a
document), facets declared. Every node is one request that only its own words decide, so that a run that was killed
finds all nodes that it had, and a changed domain costs only its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from datatrove.utils.batching import batched
from pydantic import BaseModel, ConfigDict, model_validator

from filters.scripts import script_share
from sources.language import Language
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.questions.ask import ask
from synth.questions.near_duplicates import Seen, distinct
from synth.questions.places import Domain, domains, domains_of, regions_of
from synth.questions.record import Dropped, Leaf, Passage, shuffled
from synth.questions.settings import QuestionSettings, Tree
from synth.questions.wording import normalised
from synth.request import Engine, Failure, Finished

# Of the words of a name; longer ones are sentences.
_LONGEST_NAME: Final = 80
_SCRIPT: Final = 0.5


class _Topics(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: tuple[str, ...]


class _Concepts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    concept: tuple[str, ...] = ()
    skip: str | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "_Concepts":
        if self.skip is None and not self.concept:
            raise ValueError("no concept")
        return self


@dataclass(frozen=True, slots=True)
class Ground:
    """A document that questions are to stand on, and what it is about."""

    passage: Passage
    region: str
    # A name of domains.yaml.
    domain: str
    topic: str
    # In English; where it is empty the name in regions.yaml, or the code.
    region_name: str = ""


@dataclass(frozen=True, slots=True)
class Twig:
    """A concept with the leaves that grow on it, and the passage, where there is one already."""

    leaves: tuple[Leaf, ...]
    passage: Passage | None = None


def grown(language: Language, engine: Engine, settings: QuestionSettings) -> Iterator[Twig | Dropped]:
    """Every concept of the language's regions, in an order that the settings alone decide.

    What is held is the names of the language's concepts (`Tree.remembered`) and the topics of one region.

    Raises:
        BabelmixError: a region or domain of the settings is not known.
    """
    tree = settings.tree
    of, among = regions_of(language, tree.regions), domains_of(tree.domains)
    concepts = Seen(tree.same_name, tree.remembered)
    for region, region_name in of.items():
        nodes: list[Leaf] = []
        for each in _topics(language, region, region_name, among, engine, settings):
            if isinstance(each, Dropped):
                yield each
            else:
                nodes.append(each)
        asked = [_variables(language, node, tree.concepts) for node in nodes]
        template = load_prompt("questions/concepts")
        found = ask(engine, [template.request(each, seed=settings.seed) for each in asked])
        for node, finished in zip(nodes, found, strict=True):
            yield from _twigs(language, node, finished, concepts, settings, None)


def grounded(
    language: Language, engine: Engine, settings: QuestionSettings, grounds: Iterable[Ground]
) -> Iterator[Twig | Dropped]:
    """Every concept that the documents explain, in the order of the documents; `wave` of them at once.

    Raises:
        BabelmixError: a document's region or domain is not known.
    """
    names = regions_of(language)
    template = load_prompt("questions/concepts_in")
    for some in batched(grounds, settings.wave):
        nodes = []
        for ground in some:
            domains_of((ground.domain,))
            # A document may be of a region where the language is not at home.
            name = ground.region_name or names.get(ground.region, ground.region)
            nodes.append(Leaf(language.code, ground.region, name, ground.domain, ground.topic, "", ""))
        asked = [
            _variables(language, node, settings.tree.concepts) | {"passage": ground.passage.text}
            for node, ground in zip(nodes, some, strict=True)
        ]
        found = ask(engine, [template.request(each, seed=settings.seed) for each in asked])
        for node, ground, finished in zip(nodes, some, found, strict=True):
            # Two documents may tell of one concept: the questions' own check finds what they repeat.
            seen = Seen(settings.tree.same_name, settings.tree.remembered)
            yield from _twigs(language, node, finished, seen, settings, ground.passage)


def _topics(
    language: Language, region: str, region_name: str, among: dict[str, Domain], engine: Engine,
    settings: QuestionSettings,
) -> Iterator[Leaf | Dropped]:  # fmt: skip
    """The topics of a region as leaves without a concept, domain by domain."""
    tree, template = settings.tree, load_prompt("questions/topics")
    short = [name for name, domain in among.items() if len(domain.topics) < tree.topics]
    requests = []
    for name in short:
        count = tree.topics - len(among[name].topics)
        variables = {
            "language": f"{language.name} ({language.native_name})",
            "region": region_name,
            "domain": among[name].about,
            "known": "; ".join(among[name].topics),
            "count": str(count),
        }
        requests.append(template.request(variables, seed=settings.seed))
    added: dict[str, tuple[str, ...]] = {}
    for name, finished in zip(short, ask(engine, requests), strict=True):
        answer = completed(finished, _Topics)
        if isinstance(answer, Failure):
            yield _failed("topics", f"{region} {name}", answer)
        else:
            added[name] = answer.topic
    for name, domain in among.items():
        every = (each[:_LONGEST_NAME].strip() for each in (*domain.topics, *added.get(name, ())))
        for topic in distinct(every, Seen(tree.same_name, tree.remembered), tree.topics):
            yield Leaf(language.code, region, region_name, name, topic, "", "")


def _twigs(
    language: Language, node: Leaf, finished: Finished, seen: Seen, settings: QuestionSettings,
    passage: Passage | None,
) -> Iterator[Twig | Dropped]:  # fmt: skip
    answer = completed(finished, _Concepts)
    where = f"{node.region} {node.domain}/{node.topic}"
    if isinstance(answer, Failure):
        yield _failed("concepts", where, answer)
        return
    if answer.skip is not None:
        yield Dropped(where, "concepts", "skipped", detail=answer.skip, where=where)
    glosses: dict[str, str] = {}
    for each in answer.concept:
        name, _, gloss = (part.strip() for part in each.partition("|"))
        if not normalised(name) or len(name) > _LONGEST_NAME:
            yield Dropped(
                f"{where}/{name[:_LONGEST_NAME]}", "concepts", "no_name", len(name), _LONGEST_NAME, where=where
            )
        elif (share := script_share(name, language.script)) < _SCRIPT:
            yield Dropped(f"{where}/{name}", "concepts", "wrong_script", share, _SCRIPT, where=where)
        else:
            glosses.setdefault(name, gloss)
    kept = distinct(glosses, seen, settings.tree.concepts)
    for name in glosses:
        if name not in kept:
            yield Dropped(f"{where}/{name}", "concepts", "repeated", where=where)
    for name in kept:
        yield Twig(
            _leaves(replace(node, concept=name, gloss=glosses[name]), settings.tree, settings.seed), passage
        )


def _leaves(node: Leaf, tree: Tree, seed: int) -> tuple[Leaf, ...]:
    """The concept with as many facets as the tree has, which ones a hash of the concept decides."""
    names = list(domains().facets)
    order = shuffled(len(names), f"{node.region} {node.domain} {node.topic} {node.concept}", seed, "facets")
    return tuple(replace(node, facet=names[at]) for at in order[: tree.facets])


def _variables(language: Language, node: Leaf, count: int) -> dict[str, str]:
    return {
        "language": f"{language.name} ({language.native_name})",
        "region": node.region_name,
        "domain": domains().domains[node.domain].about,
        "topic": node.topic,
        "count": str(count),
    }


def _failed(level: str, where: str, failure: Failure) -> Dropped:
    return Dropped(where, level, failure.kind, detail=failure.reason, where=where)
