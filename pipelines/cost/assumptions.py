"""What an estimate rests on, in sentences: every number that was neither measured nor read anywhere is here."""

from pipelines.cost.estimate import HUB_BLOCK, STORE_BLOCK, Estimate
from pipelines.cost.interval import total
from pipelines.cost.prices import Prices
from pipelines.cost.rates import ROUNDS
from pipelines.cost.volumes import HUB_PAIRS, KEPT
from pipelines.synthesis_steps import SYNTHESIS_VERSIONS
from sources.profile import HUB


def assumptions(estimate: Estimate, prices: Prices | None, remote: bool) -> list[str]:
    """One line each, those that matter most first."""
    rates, volumes, costs = estimate.rates, estimate.volumes, estimate.costs
    said = []
    if volumes.unknown:
        names = sorted({name for name, _ in volumes.unknown})
        said.append(f"not counted, as no size of them is published: {', '.join(names)}")
    partly = sorted(
        f"{name} ({volume.origin})"
        for (name, _), volume in volumes.documents.items()
        if volume.origin.startswith("published but")
    )
    if partly:
        said.append(f"not counted in part: {', '.join(partly)}")
    origins = sorted({volume.origin.partition(" but")[0] for volume in volumes.documents.values()})
    said.append(f"documents and bytes of text are those of: {', '.join(origins)}")
    if any(volume.assumed for volume in volumes.documents.values()):
        said.append(
            f"curation keeps {KEPT.middle:.0%} of the text ({KEPT.low:.0%} to {KEPT.high:.0%}): assumed where the"
            " workspace has no curation of it"
        )
    measured = ", ".join(f"{script} on {code}" for script, code in sorted(rates.sampled.items()))
    said.append(
        f"core time is processor time of {ROUNDS} rounds of each step, median, least and most; by script:"
        f" {measured} (its other languages are taken as alike), pairs on azj_Latn"
    )
    said.append(
        f"a worker loads tables and models once, {sum(rates.first.values()):.1f} s of core time, which is in no"
        " row; nor is compiling, once a machine"
    )
    missing = sorted({each.language for each in costs if each.language and each.language not in rates.tokens})
    if missing:
        said.append(
            "not in the sample pack, and taken as others in their script, or else as Latin script:"
            f" {', '.join(missing)}"
        )
    said.append(
        "time grows in proportion to text; of tokenising, the least is with every word remembered, the most with"
        " none"
    )
    said.append(
        "what is packed takes as much as the sample pack's distinct texts do, which are few: an upper bound"
    )
    if any(each.kind == "mine" for each in costs) and estimate.build.profile == HUB:
        said.append(
            f"translation pairs: {HUB_PAIRS.middle:,.0f} a language ({HUB_PAIRS.low:,.0f} to"
            f" {HUB_PAIRS.high:,.0f}), as CCMatrix has on average; no size is published by language"
        )
    throughput = estimate.throughput
    if throughput.measured:
        said.append(
            f"the model embeds {throughput.sentences:,.1f} sentences a second of one"
            f" {'core' if throughput.embeds_on == 'cpu' else 'GPU'}, measured here"
        )
    if total(each.gpu_s for each in costs).high:
        said.append(
            f"one GPU writes {throughput.completion_tokens:,.0f} completion tokens a second"
            + ("" if throughput.measured else f" and embeds {throughput.sentences:,.0f} sentences")
            + ": not measured; --tokens-per-second and --sentences-per-second say otherwise"
        )
    if any(each.kind in SYNTHESIS_VERSIONS and each.gpu_s.high for each in costs):
        said.append(
            "what models write as if no check dropped any, at the mean length of the recorded completions, at most"
            " as long as their prompts allow, and half of that where none is recorded; without"
            " a server in BABELMIX_SYNTHESIS, with the default settings"
        )
    far = [each for each in costs if each.network]
    if far:
        said.append(f"the Hub's files are read in requests of {HUB_BLOCK >> 20} MiB, 3 more a file")
    stored = total_requests(estimate)
    said.append(
        f"were the workspace in an object store: {stored:,.0f} requests, of {STORE_BLOCK >> 20} MiB each and 3 a"
        " file" + ("" if remote else "; it is not, and they have no price here")
    )
    if prices is None:
        said.append("no prices were given: --prices FILE")
    elif prices.unpriced:
        said.append(f"without a price, and so not in the money: {', '.join(prices.unpriced)}")
    if prices and prices.gb_month is not None:
        said.append("what is written is kept for one month; nothing is deleted before the end")
    return said


def total_requests(estimate: Estimate) -> float:
    """Requests to the workspace, were it in an object store."""
    return sum(each.store_requests for each in estimate.costs)
