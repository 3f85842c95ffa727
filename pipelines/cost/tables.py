"""An estimate for people, by step and by language, beside what was spent where it was; and for programs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mixtures.token_count import format_tokens
from pipelines.cost.assumptions import assumptions
from pipelines.cost.estimate import Cost, Estimate
from pipelines.cost.interval import Interval, total
from pipelines.cost.prices import Prices

ALL_LANGUAGES: Final = "all languages"
TOTAL: Final = "total"


@dataclass(frozen=True, slots=True)
class Group:
    """The costs of several steps together. Seconds and bytes, as in `Cost`."""

    name: str
    steps: int
    processor_s: Interval
    gpu_s: Interval
    read: float
    written: float
    network: float
    requests: float
    store_requests: float
    money: Interval | None
    # Of the steps of which it is known what they took: how many, what was estimated of them, and what they took.
    spent_steps: int
    estimated: tuple[float, float, float]
    spent: tuple[float, float, float]

    def as_dict(self, name: str) -> dict[str, Any]:
        """JSON-able; intervals are lists of low, middle and high."""
        found: dict[str, Any] = {
            name: self.name,
            "steps": self.steps,
            "core_hours": [each / 3600 for each in self.processor_s.as_list()],
            "gpu_hours": [each / 3600 for each in self.gpu_s.as_list()],
            "bytes_read": round(self.read),
            "bytes_written": round(self.written),
            "bytes_stored": round(self.written),
            "bytes_network": round(self.network),
            "requests": round(self.requests),
            "store_requests": round(self.store_requests),
        }
        if self.money is not None:
            found["money"] = self.money.as_list()
        if self.spent_steps:
            names = ("core_hours", "bytes_read", "bytes_written")
            scales = (1 / 3600, 1.0, 1.0)
            found["spent"] = {
                "steps": self.spent_steps,
                **{key: value * by for key, value, by in zip(names, self.spent, scales, strict=True)},
                **{
                    f"estimated_{key}": value * by
                    for key, value, by in zip(names, self.estimated, scales, strict=True)
                },
            }
        return found


def groups(costs: Iterable[Cost], key: Callable[[Cost], str], prices: Prices | None, remote: bool) -> list[Group]:
    """The costs that have the same key added up, in the order in which keys come."""
    parts: dict[str, list[Cost]] = {}
    for cost in costs:
        parts.setdefault(key(cost), []).append(cost)
    return [_group(name, found, prices, remote) for name, found in parts.items()]


def by_step(estimate: Estimate, prices: Prices | None, remote: bool) -> list[Group]:
    """A group for each kind of step, in the order in which a document meets them."""
    return groups(estimate.costs, lambda cost: cost.kind, prices, remote)


def by_language(estimate: Estimate, prices: Prices | None, remote: bool) -> list[Group]:
    """A group for each language, the dearest first, and what is of all languages last."""
    found = groups(estimate.costs, lambda cost: cost.language or ALL_LANGUAGES, prices, remote)
    return sorted(found, key=lambda group: (group.name == ALL_LANGUAGES, -group.processor_s.middle, group.name))


def whole(estimate: Estimate, prices: Prices | None, remote: bool) -> Group:
    """All steps together."""
    return _group(TOTAL, list(estimate.costs), prices, remote)


def needed(estimate: Estimate, prices: Prices | None, remote: bool) -> Group:
    """What only the documents cost that the planned tokens need, as if the profile had no others."""
    parts = [
        Cost(
            each.step, each.kind, each.language, each.documents * each.needed, each.text * each.needed,
            each.processor_s * each.needed, each.gpu_s * each.needed, each.read * each.needed,
            each.written * each.needed, each.network * each.needed, each.requests * each.needed,
            each.store_requests * each.needed,
        )
        for each in estimate.costs
    ]  # fmt: skip
    return _group("needed", parts, prices, remote)


def _group(name: str, costs: Sequence[Cost], prices: Prices | None, remote: bool) -> Group:
    known = [(cost, cost.spent) for cost in costs if cost.spent is not None]

    def added(field: str) -> float:
        return float(sum(getattr(cost, field) for cost in costs))

    return Group(
        name,
        len(costs),
        total(cost.processor_s for cost in costs),
        total(cost.gpu_s for cost in costs),
        read=added("read"),
        written=added("written"),
        network=added("network"),
        requests=added("requests"),
        store_requests=added("store_requests"),
        money=total(cost.money(prices, remote) for cost in costs) if prices else None,
        spent_steps=len(known),
        estimated=(
            sum(cost.processor_s.middle for cost, _ in known),
            sum(cost.read for cost, _ in known),
            sum(cost.written for cost, _ in known),
        ),
        spent=(
            sum(spent.processor_s for _, spent in known),
            float(sum(spent.read or 0 for _, spent in known)),
            float(sum(spent.written or 0 for _, spent in known)),
        ),
    )


def as_dict(estimate: Estimate, prices: Prices | None, remote: bool) -> dict[str, Any]:
    """The estimate as JSON; intervals are lists of low, middle and high."""
    plan, rates = estimate.plan, estimate.rates
    return {
        "model": plan.model,
        "stage": plan.stage,
        "profile": estimate.build.profile,
        "tokens": plan.tokens,
        "tokens_planned": plan.tokens_planned,
        "inventory": plan.inventory,
        "machine": rates.machine,
        "workers": estimate.workers,
        "elapsed_hours": [each / 3600 for each in estimate.elapsed_s.as_list()],
        "longest_chain_hours": [each / 3600 for each in estimate.chain_s.as_list()],
        "workers_begin_core_hours": estimate.begun_s / 3600,
        "total": whole(estimate, prices, remote).as_dict("name"),
        "needed": needed(estimate, prices, remote).as_dict("name"),
        "steps": [group.as_dict("step") for group in by_step(estimate, prices, remote)],
        "languages": [group.as_dict("language") for group in by_language(estimate, prices, remote)],
        "prices": prices.model_dump() if prices else None,
        "assumptions": assumptions(estimate, prices, remote),
    }


def render(estimate: Estimate, prices: Prices | None, remote: bool, console: Console) -> None:
    """Print the estimate: by step, by language, beside what was spent, and what it rests on."""
    plan = estimate.plan
    heading = Text(f"{plan.model} stage {plan.stage}", style="bold")
    console.print(heading.append(f"  profile {estimate.build.profile}", style="not bold"), soft_wrap=True)
    console.print(
        f"{format_tokens(plan.tokens_planned)} tokens planned of {format_tokens(plan.tokens)} wanted;"
        f" measured in {estimate.rates.seconds:.0f} s on {estimate.rates.machine}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    every = whole(estimate, prices, remote)
    for name, found in (
        ("step", by_step(estimate, prices, remote)),
        ("language", by_language(estimate, prices, remote)),
    ):
        console.print()
        console.print(_table(name, [*found, every]))
    console.print()
    part = needed(estimate, prices, remote)
    money = f", {_money(part.money)}" if part.money else ""
    console.print(
        f"All that the sources have is collected. The planned tokens need {duration(part.processor_s.middle)} of"
        f" core time, {duration(part.gpu_s.middle)} of GPU time, {size(part.written)} written{money}.",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    elapsed, chain = estimate.elapsed_s, estimate.chain_s
    console.print(
        f"{estimate.workers} workers: at least {duration(elapsed.middle)} ({duration(elapsed.low)} to"
        f" {duration(elapsed.high)}); the longest chain of steps is {duration(chain.middle)}.",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if every.spent_steps:
        console.print()
        console.print(f"Estimated beside spent, {every.spent_steps} of {every.steps} steps", style="bold")
        for name, found in (
            ("step", by_step(estimate, prices, remote)),
            ("language", by_language(estimate, prices, remote)),
        ):
            console.print()
            console.print(_spent_table(name, [*(each for each in found if each.spent_steps), every]))
        with_start = every.estimated[0] + estimate.begun_s
        console.print()
        console.print(
            f"With the start of {estimate.workers} workers {duration(with_start)} of core time were estimated,"
            f" {duration(every.spent[0])} spent: {every.spent[0] / with_start:.2f} times as much.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    for line in assumptions(estimate, prices, remote):
        console.print(f"! {line}", highlight=False, markup=False, soft_wrap=True)


def _table(name: str, found: Sequence[Group]) -> Table:
    rows = [
        {
            "core time": duration(group.processor_s.middle),
            "from": duration(group.processor_s.low),
            "to": duration(group.processor_s.high),
            "GPU time": duration(group.gpu_s.middle) if group.gpu_s.high else "·",
            "read": size(group.read),
            "written": size(group.written),
            "network": size(group.network) if group.network else "·",
            "requests": count(group.requests) if group.requests else "·",
            "money": _figure(group.money.middle) if group.money else "·",
        }
        for group in found
    ]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    table.add_column(name, no_wrap=True)
    # Not what the build has nothing of.
    columns = [column for column in rows[0] if any(row[column] != "·" for row in rows)]
    for column in columns:
        table.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
    for group, row in zip(found, rows, strict=True):
        table.add_row(
            group.name, *(row[column] for column in columns), style="bold" if group.name == TOTAL else ""
        )
    return table


def _spent_table(name: str, found: Sequence[Group]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    table.add_column(name, no_wrap=True)
    for column in ("core time", "spent", "ratio", "read", "spent", "ratio", "written", "spent", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for group in found:
        cells = []
        for text, expected, took in zip((duration, size, size), group.estimated, group.spent, strict=True):
            cells += [text(expected), text(took), f"{took / expected:.2f}" if expected else "·"]
        table.add_row(group.name, *cells, style="bold" if group.name == TOTAL else "")
    return table


def duration(seconds: float) -> str:
    """`0.42 s`, `3.4 min`, `5.2 h`, `12,345 h`: hours are the largest unit, as they have a price."""
    if seconds < 99.95:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.1f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 99.95 else f"{hours:,.0f} h"


def size(found: float) -> str:
    """`512 B`, `3.4 kB`, `12 GB`, `1.2 PB`: decimal units, as storage is priced."""
    for unit, scale in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if found >= 0.9995 * scale:
            value = found / scale
            return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"
    return f"{found:.0f} B"


def count(number: float) -> str:
    """Requests, as tokens are counted."""
    return format_tokens(round(number))


def _money(money: Interval) -> str:
    if money.low == money.high:
        return _figure(money.middle)
    return f"{_figure(money.middle)} ({_figure(money.low)} to {_figure(money.high)})"


def _figure(money: float) -> str:
    return f"{money:,.2f}" if money < 99.995 else f"{money:,.0f}"
