"""The arithmetic of an estimate, with rates made up for it, and how it is shown."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mixtures.recipe import Recipe, load_recipe
from mixtures.upstream import fineweb2_sizes
from pipelines.build import Build, build
from pipelines.cost import models
from pipelines.cost.estimate import HUB_BLOCK, Estimate, estimate
from pipelines.cost.interval import NOTHING, Interval, total
from pipelines.cost.models import Throughput
from pipelines.cost.prices import Prices, load_prices
from pipelines.cost.rates import Line, Rates
from pipelines.cost.tables import as_dict, by_language, by_step, duration, needed, render, size, whole
from pipelines.cost.volumes import KEPT, Volume, volumes
from pipelines.execute import execute
from pipelines.executor_settings import ExecutorSettings
from pipelines.spent import read_spent
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from synth.prompt import load_prompt, prompt_names

KINDS = (
    "collect", "measure", "curate", "report", "mine", "across", "render", "questions", "tokenise", "mix"
)  # fmt: skip
LINE = Line(Interval(1.0, 2.0, 3.0), Interval(1e-6, 2e-6, 4e-6), 100.0, 0.5, 10.0, 2.0)
RATES = Rates(
    machine="a machine",
    cores=4,
    seconds=1.0,
    sampled={"Latn": "azj_Latn"},
    lines={(kind, None): LINE for kind in KINDS} | {("measure", "Grek"): replace(LINE, start=NOTHING)},
    first=dict.fromkeys(KINDS, 0.5),
    tokens={"ell_Grek": 0.25, "eng_Latn": 0.25},
)
GREEK = Recipe(model="m", stage=1, tokens=10**9, categories={"multilingual": 100}, languages={"ell_Grek": 100})


def estimated(steps: Build, workspace: Path, **more: object) -> Estimate:
    place = Workspace(str(workspace))
    return estimate(steps, place, RATES, volumes(steps, place, RATES.tokens), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def greek(tmp_path_factory: pytest.TempPathFactory) -> Estimate:
    """Greek alone, of the real datasets."""
    return estimated(build(GREEK, "hub", None, 0), tmp_path_factory.mktemp("empty"))


def test_a_step_takes_its_start_and_what_is_for_each_byte(greek: Estimate) -> None:
    text = fineweb2_sizes()["ell_Grek"].utf8_bytes
    (collect,) = [cost for cost in greek.costs if cost.step == "collected/fineweb-2/ell_Grek"]
    assert collect.text == text
    assert collect.documents == fineweb2_sizes()["ell_Grek"].documents
    assert collect.processor_s.as_list() == pytest.approx([1 + 1e-6 * text, 2 + 2e-6 * text, 3 + 4e-6 * text])
    assert collect.written == pytest.approx(100 + 0.5 * text)
    assert collect.network == pytest.approx(100 + 0.5 * text)
    assert collect.read == pytest.approx(10 + 2 * (100 + 0.5 * text))
    assert collect.requests == pytest.approx(collect.network / HUB_BLOCK + 3 * -(-text // 2**30))


def test_a_scripts_own_line_is_taken_before_that_of_all(greek: Estimate) -> None:
    text = fineweb2_sizes()["ell_Grek"].utf8_bytes
    (measure,) = [cost for cost in greek.costs if cost.step == "measured/fineweb-2/ell_Grek"]
    assert measure.processor_s.low == pytest.approx(1e-6 * text)


def test_what_is_dropped_is_not_tokenised(greek: Estimate) -> None:
    (tokens,) = [cost for cost in greek.costs if cost.step == "tokens/multilingual/fineweb-2/ell_Grek"]
    assert tokens.text == pytest.approx(fineweb2_sizes()["ell_Grek"].utf8_bytes * KEPT.middle)


def test_the_planned_tokens_need_a_share_of_what_is_collected(greek: Estimate) -> None:
    (bucket,) = greek.plan.buckets
    (tokens,) = [cost for cost in greek.costs if cost.step == "tokens/multilingual/fineweb-2/ell_Grek"]
    share = 10**9 / (bucket.tokens_available * KEPT.middle)
    assert tokens.needed == pytest.approx(share)
    assert 0 < share < 0.02
    part, every = needed(greek, None, False), whole(greek, None, False)
    assert part.processor_s.middle < every.processor_s.middle
    # FineWeb2-HQ is a part of FineWeb-2, and no plan counts it.
    (best,) = [cost for cost in greek.costs if cost.step == "collected/fineweb2-hq/ell_Grek"]
    assert best.needed == 0


def test_what_is_repeated_is_needed_whole(tmp_path: Path) -> None:
    scarce = Recipe(
        model="m", stage=1, tokens=10**11, categories={"multilingual": 100}, languages={"yor_Latn": 100}
    )
    found = estimated(build(scarce, "hub", None, 0), tmp_path)
    assert {cost.needed for cost in found.costs if cost.step.endswith("fineweb-2/yor_Latn")} == {1.0}


def test_groups_add_up_to_the_whole(greek: Estimate) -> None:
    prices = Prices(core_hour=1.0, gpu_hour=2.0, gb_month=0.1, gb_egress=0.2, per_million_requests=3.0)
    every = whole(greek, prices, True)
    for found in (by_step(greek, prices, True), by_language(greek, prices, True)):
        assert total(each.processor_s for each in found).as_list() == pytest.approx(every.processor_s.as_list())
        assert sum(each.steps for each in found) == every.steps == len(greek.costs)
        assert total(each.money for each in found if each.money).as_list() == pytest.approx(every.money.as_list())
    assert every.money.as_list() == pytest.approx(
        [
            core / 3600
            + 2 * gpu / 3600
            + 0.1 * every.written / 1e9
            + 0.2 * every.network / 1e9
            + 3 * (every.requests + every.store_requests) / 1e6
            for core, gpu in zip(every.processor_s.as_list(), every.gpu_s.as_list(), strict=True)
        ]
    )


def test_requests_to_a_local_workspace_cost_nothing(greek: Estimate) -> None:
    prices = Prices(per_million_requests=1e6)
    near, far = whole(greek, prices, False), whole(greek, prices, True)
    assert near.money.middle == pytest.approx(near.requests)
    assert far.money.middle == pytest.approx(near.requests + near.store_requests)


def test_more_workers_than_the_longest_chain_allows_save_no_time(tmp_path: Path) -> None:
    steps = build(GREEK, "hub", None, 0)
    one, many = (estimated(steps, tmp_path, workers=count) for count in (1, 1000))
    begun = len({cost.kind for cost in one.costs}) * 0.5
    processor = total(cost.processor_s for cost in one.costs).middle
    assert one.begun_s == pytest.approx(begun)
    assert one.elapsed_s.middle == pytest.approx(processor + begun)
    assert many.elapsed_s.middle == pytest.approx(max(many.chain_s.middle, processor / 1000 + begun))
    own = {cost.step: cost.processor_s.middle for cost in one.costs}
    names = ("collected/fineweb-2/", "measured/fineweb-2/", "curated/fineweb-2/")
    assert many.chain_s.middle >= sum(own[f"{name}ell_Grek"] for name in names)


def test_processors_of_a_step_shorten_the_longest_chain(tmp_path: Path) -> None:
    steps = build(GREEK, "hub", None, 0)
    wide = ExecutorSettings.model_validate({"steps": {"measure": {"cpus": 64}}})
    one, many = (estimated(steps, tmp_path, executor=each) for each in (None, wide))
    (measured,) = (each for each in one.costs if each.step == "measured/fineweb-2/ell_Grek")
    saved = one.chain_s.middle - many.chain_s.middle
    assert 0 < saved == pytest.approx(measured.processor_s.middle * 63 / 64)


def test_gpu_time_follows_the_throughput(tmp_path: Path) -> None:
    recipe = GREEK.model_copy(update={"synthesis": ("questions",)})
    steps = build(recipe, "hub", None, 0)
    slow, fast = (estimated(steps, tmp_path, throughput=Throughput(1_000 * by, 10 * by)) for by in (1, 4))
    for kind in ("questions", "mine"):
        (before,), (after,) = ([each for each in of.costs if each.kind == kind] for of in (slow, fast))
        assert before.gpu_s.as_list() == pytest.approx([4 * each for each in after.gpu_s.as_list()])
    asked = models.completions(steps, slow.volumes)["questions", "ell_Grek"]
    (questions,) = [each for each in slow.costs if each.kind == "questions"]
    assert questions.requests == asked.requests > 100_000
    assert questions.gpu_s.as_list() == pytest.approx([each / 1_000 for each in asked.amount.as_list()])
    (mine,) = [each for each in slow.costs if each.kind == "mine"]
    assert mine.gpu_s.middle == pytest.approx(2 * 200_000 / 10)


def test_recorded_completions_say_how_long_one_is() -> None:
    written = models.completion_tokens("questions/write")
    assert 20 < written.low == written.middle < written.high == 700
    for prompt in prompt_names():
        found = models.completion_tokens(prompt)
        assert 0 <= found.low <= found.middle <= found.high == load_prompt(prompt).sampling.max_tokens


def test_a_model_that_is_there_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    from benchmarks.rank import saved_qwen3
    from tests.filters.test_bitext_ranking_embed import SHAPE, byte_tokenizer

    assert models.measured_throughput("hub", Throughput()) == Throughput()
    model = saved_qwen3(tmp_path / "model", SHAPE, byte_tokenizer())
    settings = tmp_path / "bitext.yaml"
    settings.write_text(f"ranking: {{model: {model}}}\n")
    monkeypatch.setenv("BABELMIX_BITEXT", str(settings))
    found = models.measured_throughput("hub", Throughput())
    assert found.measured
    assert found.embeds_on == "cpu"
    with_model = estimated(build(GREEK, "hub", None, 0), tmp_path / "workspace", throughput=found)
    (mine,) = [each for each in with_model.costs if each.kind == "mine"]
    judging = LINE.start + LINE.each * with_model.volumes.pairs["ell_Grek"]
    assert mine.gpu_s == NOTHING
    assert mine.processor_s.middle == pytest.approx(judging.middle + 2 * 200_000 / found.sentences)
    assert "measured here" in shown(with_model)


def test_a_replayed_build_asks_no_model(tmp_path: Path) -> None:
    found = estimated(build(load_recipe("marco-mini", 4), "sample", None, 0), tmp_path)
    assert whole(found, None, False).gpu_s == NOTHING
    assert whole(found, None, False).network == 0


def test_files_say_what_the_profile_has(tmp_path: Path) -> None:
    steps = build(GREEK, "sample", None, 0)
    workspace = Workspace(str(tmp_path))
    (declared,) = volumes(steps, workspace, RATES.tokens).documents.values()
    assert declared.origin == "the profile's files"
    for step in steps.needed_for("tokenise"):
        execute(step, workspace)
    (made,) = volumes(steps, workspace, RATES.tokens).documents.values()
    assert made.origin == "workspace"
    assert not made.assumed
    assert made.documents == declared.documents
    # In a Parquet file their lengths and page heads come to it.
    assert made.bytes == pytest.approx(declared.bytes, rel=0.1)
    assert made.kept.low == made.kept.high < 1


def test_spent_stands_beside_what_was_estimated(tmp_path: Path) -> None:
    steps, workspace = build(GREEK, "sample", None, 0), Workspace(str(tmp_path))
    for step in steps.steps:
        execute(step, workspace)
    found = estimated(steps, tmp_path)
    every = whole(found, None, False)
    assert every.spent_steps == every.steps == len(steps.steps)
    took = [read_spent(step, workspace) for step in steps.steps]
    assert every.spent[0] == pytest.approx(sum(each.processor_s for each in took if each))
    assert every.estimated[0] == pytest.approx(every.processor_s.middle)
    text = shown(found)
    assert f"Estimated beside spent, {every.steps} of {every.steps} steps" in text
    rows = {row["step"]: row for row in as_dict(found, None, False)["steps"]}
    assert rows["measure"]["spent"]["core_hours"] > 0


def shown(found: Estimate, prices: Prices | None = None) -> str:
    console = Console(file=io.StringIO(), width=120)
    render(found, prices, False, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_every_step_language_and_assumption_is_printed(greek: Estimate) -> None:
    text = shown(greek, Prices(core_hour=0.04))
    for word in ("collect", "measure", "curate", "tokenise", "mix", "ell_Grek", "all languages", "total"):
        assert word in text
    for said in (
        "curation keeps 90% of the text (70% to 100%)",
        "without a price, and so not in the money: gpu_hour, gb_month, gb_egress, per_million_requests",
        "not measured; --tokens-per-second",
        "a tenth of FineWeb-2",
    ):
        assert said in text
    assert "Estimated beside spent" not in text


def test_what_has_no_published_size_is_named(tmp_path: Path) -> None:
    found = estimated(build(load_recipe("marco-mini", 4), "hub", None, 0), tmp_path)
    text = shown(found)
    assert "not counted, as no size of them is published: dolma3-dolmino-mix, fineweb-edu-chinese" in text
    assert "megamath" in text


def test_json_has_the_same_numbers(greek: Estimate) -> None:
    read = json.loads(json.dumps(as_dict(greek, Prices(gpu_hour=2.0), False)))
    every = whole(greek, Prices(gpu_hour=2.0), False)
    assert read["total"]["core_hours"] == pytest.approx([each / 3600 for each in every.processor_s.as_list()])
    assert read["total"]["money"] == pytest.approx(every.money.as_list())
    assert sum(row["bytes_written"] for row in read["languages"]) == pytest.approx(every.written, rel=1e-6)
    assert read["prices"]["core_hour"] is None


intervals = st.tuples(*[st.floats(0, 1e12)] * 3).map(lambda ends: Interval(*sorted(ends)))


@given(st.lists(intervals, max_size=5), intervals)
def test_ends_stay_in_order(parts: list[Interval], by: Interval) -> None:
    for found in (total(parts), total(parts) * by, total(parts) + by, by * 0.5):
        assert found.low <= found.middle <= found.high


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_text_never_costs_less(one: float, other: float) -> None:
    less, more = sorted((one, other))
    first, second = LINE.start + LINE.each * less, LINE.start + LINE.each * more
    assert all(a <= b for a, b in zip(first.as_list(), second.as_list(), strict=True))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.0421, "0.042 s"), (9.94, "9.9 s"), (99.9, "100 s"), (120, "2.0 min"), (7200, "2.0 h"),
     (3600 * 12345, "12,345 h")],
)  # fmt: skip
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (999_900, "1.0 MB"), (3.4e12, "3.4 TB"), (1.23e17, "123 PB")]
)
def test_sizes_are_decimal(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("core_hours: 1", "core_hours: unknown key; did you mean 'core_hour'?"),
        ("core_hour: -1", "core_hour: input should be greater than or equal to 0, found -1"),
        ("core_hour: cheap", "core_hour: input should be a valid number"),
        ("gpu_hour: .inf", "gpu_hour: input should be a finite number"),
        ("gpu_hour: null", "no price; write some of core_hour"),
        ("", "empty; write `key: value` lines, first `core_hour`"),
        ("core_hour: 1\ncore_hour: 2", "key 'core_hour' stands twice"),
        ("!!python/object:os.system {}", "only plain YAML is read"),
    ],
)
def test_a_wrong_file_of_prices_is_one_line(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(content)
    with pytest.raises(BabelmixError) as error:
        load_prices(file)
    assert said in str(error.value)
    assert str(error.value).startswith(str(file))
    assert "\n" not in str(error.value)


def test_a_missing_file_of_prices_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=r"prices\.yaml: cannot be read"):
        load_prices(tmp_path / "prices.yaml")


def test_a_volume_is_the_sum_of_its_categories() -> None:
    assert Volume(3, {"math": 10.0, "code": 5.0}, "published").bytes == 15
