"""The cost of a build, step by step: how much there is to do, times what was measured for it.

`babelmix mix` collects all that its sources have of the recipe's languages, whatever tokens are planned; that is
what is counted. Beside it stands the share of each row that the planned tokens need.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from mixtures.ledger import read_ledger
from mixtures.plan import Plan
from mixtures.planning import plan
from mixtures.recipe import ENGLISH
from mixtures.upstream import upstream_ledger
from pipelines.build import Build
from pipelines.cost import models
from pipelines.cost.interval import NOTHING, Interval, total
from pipelines.cost.models import Throughput
from pipelines.cost.prices import Prices
from pipelines.cost.rates import Rates
from pipelines.cost.volumes import KEPT_PAIRS, TOKENS_A_BYTE, Volume, Volumes
from pipelines.document_files import FILE_BYTES
from pipelines.executor_settings import ExecutorSettings
from pipelines.mix import LEDGER
from pipelines.spent import Spent, read_spent
from pipelines.step import Step, status
from pipelines.synthesis_steps import SYNTHESIS_VERSIONS
from pipelines.workspace import Workspace
from sources.language import language
from sources.profile import HUB

# Bytes of one request: fsspec's block, which the Hub's client has too, and s3fs's.
HUB_BLOCK: Final = 5 << 20
STORE_BLOCK: Final = 50 << 20
# Requests of a file besides its blocks: its size, its footer, its listing.
_OF_A_FILE: Final = 3
# Text of one place that the page on curation looks at, at most: 8 row groups of 8 files.
_REPORTED: Final = 64 * (32 << 20)
_HOUR: Final = 3_600.0
_GB: Final = 1e9
_ENDS: Final = ("low", "middle", "high")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step takes. Seconds; `read`, `written` (and kept) and `network` in bytes.

    `network` comes from where the sources lie; `requests` go there and to models, `store_requests` to the
    workspace where it lies in an object store. `needed` is the share that the planned tokens need.
    """

    step: str
    kind: str
    # None: over all languages.
    language: str | None
    documents: float
    text: float
    processor_s: Interval
    gpu_s: Interval = NOTHING
    read: float = 0.0
    written: float = 0.0
    network: float = 0.0
    requests: float = 0.0
    store_requests: float = 0.0
    needed: float = 1.0
    spent: Spent | None = None

    def money(self, prices: Prices, remote: bool) -> Interval:
        """What it costs, what is written kept for a month; `remote`: the workspace is an object store."""
        requests = self.requests + (self.store_requests if remote else 0.0)
        fixed = (
            self.written / _GB * (prices.gb_month or 0.0)
            + self.network / _GB * (prices.gb_egress or 0.0)
            + requests / 1e6 * (prices.per_million_requests or 0.0)
        )
        return (
            self.processor_s * ((prices.core_hour or 0.0) / _HOUR)
            + self.gpu_s * ((prices.gpu_hour or 0.0) / _HOUR)
            + Interval.of(fixed)
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """The costs of all steps of a build, in their order, and what they rest on."""

    build: Build
    plan: Plan
    rates: Rates
    throughput: Throughput
    workers: int
    costs: tuple[Cost, ...]
    # Processor seconds with which workers begin: tables and models are loaded once in each.
    begun_s: float
    # Of the longest chain of steps that wait for one another.
    chain_s: Interval
    volumes: Volumes

    @property
    def elapsed_s(self) -> Interval:
        """Seconds from start to end, if workers never wait but for one another: GPU time is not in it."""
        shared = (total(each.processor_s for each in self.costs) + Interval.of(self.begun_s)) * (1 / self.workers)
        chain = self.chain_s
        return Interval(max(shared.low, chain.low), max(shared.middle, chain.middle), max(shared.high, chain.high))


def estimate(
    build: Build,
    workspace: Workspace,
    rates: Rates,
    volumes: Volumes,
    tokens: int | None = None,
    throughput: Throughput | None = None,
    workers: int | None = None,
    executor: ExecutorSettings | None = None,
) -> Estimate:
    """What the steps of `build` take; `tokens` is the size of the mixture, None for the recipe's.

    `executor` says how many processors a step has.

    Raises:
        BabelmixError: nothing is known of what the recipe uses, or it cannot be planned.
    """
    throughput, workers = throughput or Throughput(), workers or rates.cores
    planned = _plan(build, workspace, rates, volumes, tokens)
    costs = _Costs(build, rates, volumes, planned, throughput)
    found = [cost for step in build.steps if (cost := costs.of(step)) is not None]
    found += costs.unnamed(found)
    spent = {step.name: read_spent(step, workspace) for step in build.steps if status(step, workspace).complete}
    with_spent = tuple(replace(cost, spent=spent.get(cost.step)) for cost in found)
    used = {cost.kind for cost in found}
    begun = workers * sum(seconds for kind, seconds in rates.first.items() if kind in used)
    return Estimate(
        build, planned, rates, throughput, workers, with_spent, begun, chain(build.steps, found, executor), volumes
    )


def _plan(build: Build, workspace: Workspace, rates: Rates, volumes: Volumes, tokens: int | None) -> Plan:
    if status(build.mix, workspace).complete:
        return plan(build.recipe, read_ledger(workspace.at(LEDGER)), tokens, "ledger")
    if build.profile == HUB:
        return plan(build.recipe, upstream_ledger(), tokens, "upstream")
    rows = [
        (category, name, code, round(size * rates.tokens.get(code, TOKENS_A_BYTE) * volume.kept.middle))
        for (name, code), volume in sorted(volumes.documents.items())
        for category, size in volume.text.items()
    ]
    schema = ["category", "source", "language", "tokens"]
    return plan(build.recipe, pl.DataFrame(rows, schema=schema, orient="row"), tokens, "ledger")


class _Costs:
    """The cost of each step of a build."""

    def __init__(
        self, build: Build, rates: Rates, volumes: Volumes, planned: Plan, throughput: Throughput
    ) -> None:
        self._build, self._rates, self._volumes, self._plan = build, rates, volumes, planned
        self._throughput = throughput
        self._completions = models.completions(build, volumes)
        self._ranking = models.ranking(build, volumes)
        self._needed = self._shares()

    def of(self, step: Step) -> Cost | None:
        """The cost of a step, None where nothing is known of what it reads."""
        made: Mapping[str, Callable[[Step], Cost | None]] = {
            "collect": self._collect,
            "measure": self._measure,
            "curate": self._curate,
            "tokenise": self._tokenise,
            "mine": self._mine,
            **dict.fromkeys(SYNTHESIS_VERSIONS, self._ask),
            "report": self._report,
            "mix": self._mix,
        }
        return made.get(step.kind, self._other)(step)

    def unnamed(self, found: Iterable[Cost]) -> list[Cost]:
        """What models would write if a server were named."""
        if any(cost.kind in SYNTHESIS_VERSIONS for cost in found):
            return []
        return [
            Cost(
                f"{kind}/{code}", kind, code, 0.0, 0.0, NOTHING,
                gpu_s=asked.amount * (1 / self._throughput.completion_tokens), requests=asked.requests,
            )
            for (kind, code), asked in self._completions.items()
        ]  # fmt: skip

    def _shares(self) -> dict[tuple[str, str, str], float]:
        """The share of the documents of each category, source and language that the planned tokens need."""
        shares = {}
        for row in self._plan.buckets:
            assert row.category and row.source and row.language
            volume = self._volumes.documents.get((row.source, row.language))
            # What is published is before curation, a ledger after it.
            kept = volume.kept.middle if volume and self._plan.inventory == "upstream" else 1.0
            there = row.tokens_available * kept
            shares[row.category, row.source, row.language] = min(1.0, row.tokens_planned / there) if there else 0.0
        return shares

    def _place(self, step: Step) -> tuple[Volume, float] | None:
        name, code = step.settings["source"], step.settings["language"]
        volume = self._volumes.documents.get((name, code))
        if volume is None:
            return None
        needed = sum(size * self._needed.get((of, name, code), 0.0) for of, size in volume.text.items())
        return volume, needed / volume.bytes

    def _line(self, step: Step, amount: float, inputs: float, **more: Any) -> Cost:
        """A step's cost by the line of its kind: `amount` to do, `inputs` bytes of its input folders."""
        code = step.settings.get("language")
        line = self._rates.line(step.kind, language(code).script if code else None)
        written = line.written_start + line.written_each * amount
        read = line.read_start + line.passes * inputs
        files = len(step.folders) * max(1, math.ceil(more.get("text", 0.0) / FILE_BYTES))
        store = (read + written) / STORE_BLOCK + files * _OF_A_FILE
        figures = {"documents": 0.0, "text": 0.0, **more}
        return Cost(
            step.name,
            step.kind,
            code,
            processor_s=line.start + line.each * amount,
            read=read,
            written=written,
            store_requests=store,
            **figures,
        )

    def _written(self, kind: str, code: str, amount: float) -> float:
        line = self._rates.line(kind, language(code).script)
        return line.written_start + line.written_each * amount

    def _collect(self, step: Step) -> Cost | None:
        if (place := self._place(step)) is None:
            return None
        volume, needed = place
        # Packed as we pack it: what upstream's files have besides is not known.
        source = self._written("collect", step.settings["language"], volume.bytes)
        network = source if self._far else 0.0
        requests = network / HUB_BLOCK + (_OF_A_FILE * math.ceil(volume.bytes / FILE_BYTES) if network else 0)
        return self._line(
            step, volume.bytes, source, documents=volume.documents, text=volume.bytes, needed=needed,
            network=network, requests=requests,
        )  # fmt: skip

    @property
    def _far(self) -> bool:
        return self._build.profile == HUB or "://" in self._build.profile

    def _measure(self, step: Step) -> Cost | None:
        if (place := self._place(step)) is None:
            return None
        volume, needed = place
        collected = self._written("collect", step.settings["language"], volume.bytes)
        return self._line(
            step, volume.bytes, collected, documents=volume.documents, text=volume.bytes, needed=needed
        )

    def _curate(self, step: Step) -> Cost | None:
        if (place := self._place(step)) is None:
            return None
        volume, needed = place
        code = step.settings["language"]
        inputs = self._written("collect", code, volume.bytes) + self._written("measure", code, volume.bytes)
        return self._line(step, volume.bytes, inputs, documents=volume.documents, text=volume.bytes, needed=needed)

    def _tokenise(self, step: Step) -> Cost | None:
        name, code, category = (step.settings[key] for key in ("source", "language", "category"))
        volume = self._volumes.documents.get((name, code))
        if volume is None:
            # What is made of pairs and questions is little: its start is counted.
            made = step.inputs[0].kind in ("render", *SYNTHESIS_VERSIONS)
            return self._line(step, 0.0, 0.0) if made else None
        if category not in volume.text:
            return None
        text = volume.text[category] * volume.kept.middle
        share = volume.text[category] / volume.bytes
        curated = self._written("curate", code, volume.bytes * volume.kept.middle)
        return self._line(
            step, text, curated, documents=volume.documents * share * volume.kept.middle, text=text,
            needed=self._needed.get((category, name, code), 0.0),
        )  # fmt: skip

    def _mine(self, step: Step) -> Cost | None:
        code = step.settings["language"]
        pairs = self._volumes.pairs[code]
        line = self._rates.line("mine", None)
        asked = self._ranking.get(code)
        size = pairs.middle * line.written_each
        cost = self._line(step, pairs.middle, size, documents=pairs.middle)
        network = size if self._far else 0.0
        embedding = asked.amount * (1 / self._throughput.sentences) if asked else NOTHING
        on_gpu = self._throughput.embeds_on == "gpu"
        judging = line.start + line.each * pairs
        return Cost(
            cost.step, cost.kind, code, pairs.middle, 0.0, judging if on_gpu else judging + embedding,
            embedding if on_gpu else NOTHING,
            cost.read, cost.written, network, network / HUB_BLOCK, cost.store_requests,
        )  # fmt: skip

    def _ask(self, step: Step) -> Cost | None:
        asked = self._completions.get((step.kind, step.settings["language"]))
        cost = self._line(step, 0.0, 0.0)
        if asked is None:
            return cost
        gpu = asked.amount * (1 / self._throughput.completion_tokens)
        return Cost(
            cost.step, cost.kind, cost.language, 0.0, 0.0, cost.processor_s, gpu, cost.read, cost.written,
            requests=asked.requests, store_requests=cost.store_requests,
        )  # fmt: skip

    def _report(self, step: Step) -> Cost:
        line = self._rates.line("report", "Latn")
        parts, inputs = [line.start], 0.0
        for each in step.inputs:
            place = self._volumes.documents.get((each.settings["source"], each.settings["language"]))
            if place:
                looked_at = min(place.bytes, _REPORTED)
                code = each.settings["language"]
                parts.append(self._rates.line("report", language(code).script).each * looked_at)
                inputs += self._written("curate", code, looked_at) + self._written("measure", code, looked_at)
        return Cost(
            step.name, step.kind, None, 0.0, 0.0, total(parts), read=line.read_start + line.passes * inputs,
            written=line.written_start, store_requests=_OF_A_FILE * len(step.inputs),
        )  # fmt: skip

    def _mix(self, step: Step) -> Cost:
        documents = 0.0
        for row in self._plan.buckets:
            volume = self._volumes.documents.get((row.source or "", row.language or ""))
            a_byte = self._rates.tokens.get(row.language or ENGLISH, TOKENS_A_BYTE)
            mean = volume.bytes / volume.documents * a_byte if volume and volume.documents else 1_000.0
            documents += row.tokens_planned / mean
        cost = self._line(step, documents, 0.0, documents=documents)
        # The index of tokens has 12 bytes a document: a length and an offset.
        return Cost(
            cost.step, cost.kind, None, documents, 0.0, cost.processor_s, read=cost.read + 12 * documents,
            written=cost.written, store_requests=cost.store_requests,
        )  # fmt: skip

    def _other(self, step: Step) -> Cost:
        """Pairs that are made into documents, and held against those of the other languages."""
        counts = defaultdict(float)
        for each in (step, *step.inputs):
            if each.kind == "mine":
                counts[each.name] = min(KEPT_PAIRS, self._volumes.pairs[each.settings["language"]].middle)
        return self._line(step, sum(counts.values()), 0.0, documents=sum(counts.values()))


def chain(steps: Iterable[Step], costs: Iterable[Cost], executor: ExecutorSettings | None = None) -> Interval:
    """Seconds of the longest chain of steps of which each waits for the one before.

    A step that measures or tokenises shares its processor seconds among its processors. One that curates looks for
    copies in one process; how much that is of it was not measured, and it counts as if it had one processor.
    """
    cpus = {kind: (executor or ExecutorSettings()).of(kind).cpus for kind in ("measure", "tokenise")}
    own = {cost.step: cost.processor_s * (1 / cpus.get(cost.kind, 1)) for cost in costs}
    done: dict[str, Interval] = {}
    for step in steps:
        before = [done[each.name] for each in step.inputs]
        waited = Interval(*(max((getattr(each, end) for each in before), default=0.0) for end in _ENDS))
        done[step.name] = waited + own.get(step.name, NOTHING)
    return Interval(*(max((getattr(each, end) for each in done.values()), default=0.0) for end in _ENDS))
