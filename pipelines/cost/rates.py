"""What a step of each kind takes on this machine: measured by carrying out small builds of the sample pack's text.

Two builds of a language, as `babelmix mix` would carry them out, in one fresh worker: one of the pack's own
documents, which is nearly all start, and one of a million bytes (`sample_text`), which is nearly all work. The
difference gives the work for a byte, what is left of the small one the start of a step, and what the first round
takes longer than later ones the loading of code, tables and models in a worker.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filters.bitext.mining import BITEXT_ENVIRONMENT
from filters.settings import REMOVAL_ENVIRONMENT
from mixtures.bpe import BytePairs
from mixtures.order import OrderBucket, write_order
from mixtures.recipe import ENGLISH, MULTILINGUAL, Recipe
from mixtures.tokenizer import load_tokenizer, qwen3_ranks
from pipelines.build import build
from pipelines.cost.interval import NOTHING, Interval
from pipelines.cost.sample_text import packed_languages, packed_texts, write_mirror
from pipelines.document_io import row_batches
from pipelines.execute import Totals, execute
from pipelines.pool import WorkerPool
from pipelines.spent import Spent, read_spent
from pipelines.step import Step
from pipelines.workspace import MANIFEST, Workspace
from sources.language import language
from sources.profile import SAMPLE
from synth.settings import SYNTHESIS_ENVIRONMENT

ROUNDS: Final = 3
# A language whose sample has questions and translation pairs too, so that all kinds of steps are met.
PAIRED: Final = "azj_Latn"
# Texts that are looked at where words are to be remembered, and nothing else is to be learnt.
_LOADED: Final = 200
# Documents that are ordered, for what the order takes for a document.
_ORDERED: Final = 300_000
_ANYTHING: Final = "empty: true\ndefault: {least: 0, most: 1}\n"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Line:
    """What steps of a kind take: `start` a step and `each` for every byte of text, pair or document.

    Processor seconds; `written` bytes likewise. `read_start` are bytes that a step reads besides its inputs,
    `passes` what it reads for each byte of the input folders.
    """

    start: Interval
    each: Interval
    written_start: float
    written_each: float
    read_start: float
    passes: float


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured on this machine.

    `lines` are by kind and by the script of the language, None for kinds that do not depend on it; `first` are the
    processor seconds that a worker's first step of a kind takes longer. `tokens` a byte of text by language.
    """

    machine: str
    cores: int
    seconds: float
    # script -> the language that was measured for it.
    sampled: Mapping[str, str]
    lines: Mapping[tuple[str, str | None], Line]
    first: Mapping[str, float]
    tokens: Mapping[str, float]

    def line(self, kind: str, script: str | None) -> Line:
        """The line of a kind for a script; that of another script where this one has no text to measure with.

        What models write is all taken as questions are, where it has no line of its own.
        """
        for key in ((kind, script), (kind, None), (kind, "Latn")):
            if key in self.lines:
                return self.lines[key]
        measured = kind if any(of == kind for of, _ in self.lines) else "questions"
        return next(line for (of, _), line in self.lines.items() if of == measured)


@dataclass(frozen=True, slots=True)
class Sample:
    """One step that was carried out: how much it had to do, what it took, what its inputs' folders hold."""

    kind: str
    amount: float
    spent: Spent
    inputs: int
    # Of what was written: bytes of the column of texts, and what they are before compression.
    text_packed: int
    text: int


def measure_rates(codes: Sequence[str], progress: Progress = lambda what: None) -> Rates:
    """Measures on the scripts of `codes`, on the first language of each script that the pack has text of.

    Takes a few seconds a script. `progress` is told what is being measured.
    """
    begun = time.perf_counter()
    packed = packed_languages()
    sampled: dict[str, str] = {"Latn": PAIRED}
    for code in codes:
        if code in packed:
            sampled.setdefault(language(code).script, code)
    small: list[list[Sample]] = []
    large: dict[str, list[list[Sample]]] = {}
    cold: dict[str, tuple[list[float], float, float]] = {}
    with tempfile.TemporaryDirectory() as folder, WorkerPool(1) as pool:
        for number in range(ROUNDS + 1):
            progress(f"steps of little text, round {number + 1}")
            small.append(pool.submit(_small, f"{folder}/small-{number}").result())
        for script, code in sampled.items():
            progress(f"{language(code).name}, for languages in {script}")
            large[script] = pool.submit(_large, f"{folder}/{code}", code).result()
            cold[script] = pool.submit(_cold, script).result()
        progress("the order")
        order = pool.submit(_order, f"{folder}/order").result()
        progress("tokens a byte")
        tokens = pool.submit(_tokens_a_byte, sorted(packed)).result()
    starts = small[1:]
    lines: dict[tuple[str, str | None], Line] = {}
    for script, rounds in large.items():
        for kind in {each.kind for each in rounds[0]}:
            lines[kind, script] = _line(kind, starts, rounds, cold[script])
    for kind in {each.kind for each in small[0]}:
        if kind in ("mine", "render", "across"):
            lines[kind, None] = lines.pop((kind, "Latn"))
        elif not any(of == kind for of, _ in lines):
            lines[kind, None] = _line(kind, starts, None, None)
        for key in [key for key in lines if key[0] == kind == "mix"]:
            lines[key] = _ordered(lines[key], order)
    first = {
        kind: max(0.0, _processor(small[:1], kind)[0] - median(_processor(starts, kind)))
        for kind in {each.kind for each in small[0]}
    }
    return Rates(
        _machine(), len(os.sched_getaffinity(0)), time.perf_counter() - begun, sampled, lines, first, tokens
    )


def _processor(rounds: Sequence[Sequence[Sample]], kind: str) -> list[float]:
    return [each.spent.processor_s for samples in rounds for each in samples if each.kind == kind]


def _line(
    kind: str,
    small: Sequence[Sequence[Sample]],
    large: Sequence[Sequence[Sample]] | None,
    cold: tuple[list[float], float, float] | None,
) -> Line:
    """A straight line through the steps of little text and those of much."""
    little = [each for of in small for each in of if each.kind == kind]
    seconds, amount = median(each.spent.processor_s for each in little), median(each.amount for each in little)
    wrote, read = (median(getattr(each.spent, name) or 0 for each in little) for name in ("written", "read"))
    inputs = median(each.inputs for each in little)
    much = [each for of in large or () for each in of if each.kind == kind]
    rate, written, passes = NOTHING, 0.0, 1.0
    if much and median(each.amount for each in much) > 2 * amount:
        slopes = [max(0.0, (each.spent.processor_s - seconds) / (each.amount - amount)) for each in much]
        rate = Interval.measured(slopes)
        written = median(
            ((each.spent.written or 0) - wrote - each.text_packed) / (each.amount - amount) for each in much
        )
        written = max(0.0, written)
        if cold:
            # Drawn sentences repeat, and pack into less than a language's text does.
            written += cold[2] * median(each.text / each.amount for each in much)
        passes = median(
            max(0.0, (each.spent.read or 0) - read) / (each.inputs - inputs) if each.inputs > inputs else 1.0
            for each in much
        )
    if kind == "tokenise" and cold and much:
        # Words that were met before are remembered: the more text, the nearer to what is all remembered. How near
        # a text of any size comes is not known here; the middle is the geometric mean.
        new, remembered, _ = cold
        between = math.sqrt(remembered * median(new))
        rate = Interval(rate.low, rate.middle - remembered + between, rate.high - remembered + max(new))
    starts = [max(0.0, each.spent.processor_s - rate.middle * each.amount) for each in little]
    return Line(
        Interval.measured(starts), rate, max(0.0, wrote - written * amount), written,
        max(0.0, read - passes * inputs), passes,
    )  # fmt: skip


def _ordered(line: Line, each: list[float]) -> Line:
    return replace(line, each=Interval.measured(each), written_each=1.0)


def _small(folder: str) -> list[Sample]:
    """Carries out a build of one language of the sample pack, with all kinds of steps."""
    _settings_of_ones_own(folder)
    return _carried_out(_recipe(PAIRED, questions=True), SAMPLE, Workspace(folder))


def _large(folder: str, code: str) -> list[list[Sample]]:
    """Carries out builds of much text of a language, another text each round."""
    _settings_of_ones_own(folder)
    spoken = language(code)
    pack = Workspace(f"{folder}/pack")
    own = build(_recipe(code), SAMPLE, None, 0)
    (curated,) = (step for step in own.steps if step.name == f"curated/fineweb-2/{code}")
    for step in own.needed_for("curate"):
        execute(step, pack)
    texts = [text for batch in row_batches(pack.at(curated.name), ["text"]) for text in batch["text"].to_pylist()]
    rounds = []
    for number in range(ROUNDS):
        mirror = Path(folder, f"mirror-{number}")
        write_mirror(mirror, spoken, texts, number, pairs=code == PAIRED)
        place = Workspace(f"{folder}/{number}")
        rounds.append(_carried_out(_recipe(code), str(mirror), place))
    return rounds


def _settings_of_ones_own(folder: str) -> None:
    """No server is asked and no model loaded, and whatever the filters drop is fine."""
    for name in (SYNTHESIS_ENVIRONMENT, BITEXT_ENVIRONMENT):
        os.environ.pop(name, None)
    Path(folder).mkdir(parents=True)
    bands = Path(folder, "bands.yaml")
    bands.write_text(_ANYTHING, encoding="utf-8")
    os.environ[REMOVAL_ENVIRONMENT] = str(bands)


def _recipe(code: str, questions: bool = False) -> Recipe:
    return Recipe(
        model="cost",
        stage=1,
        tokens=10**12,
        categories={MULTILINGUAL: 100},
        languages={code: 100},
        synthesis=("questions",) if questions else (),
    )


def _carried_out(recipe: Recipe, profile: str, workspace: Workspace) -> list[Sample]:
    totals: dict[str, Totals] = {}
    found = []
    for step in build(recipe, profile, None, 0).steps:
        totals[step.name] = execute(step, workspace)
        spent = read_spent(step, workspace)
        assert spent is not None
        inputs = sum(_size(workspace, folder) for each in step.inputs for folder in each.folders)
        if step.kind == "collect":
            inputs = _source_size(profile, step)
        packed, text = _texts(workspace, step) if step.kind in ("collect", "curate") else (0, 0)
        found.append(Sample(step.kind, amount(step, totals), spent, inputs, packed, text))
    return found


def amount(step: Step, totals: Mapping[str, Totals]) -> float:
    """How much a step has to do, as its line counts it, from the totals of it and of what it was made from."""
    match step.kind:
        case "collect" | "tokenise":
            return float(totals[step.name]["bytes"])
        case "measure" | "curate":
            return float(totals[step.inputs[0].name]["bytes"])
        case "report":
            return float(sum(totals[each.inputs[0].name]["bytes"] for each in step.inputs))
        case _:
            return float(totals[step.name]["documents"])


def _size(workspace: Workspace, folder: str) -> int:
    place = Path(workspace.at(folder))
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and path.name != MANIFEST)


def _source_size(profile: str, step: Step) -> int:
    if profile == SAMPLE:
        return 0
    place = Path(profile, step.settings["source"])
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _texts(workspace: Workspace, step: Step) -> tuple[int, int]:
    """Bytes of the texts in the step's last folder, as they lie there and as they are."""
    packed = plain = 0
    for path in Path(workspace.at(step.name)).glob("*.parquet"):
        metadata = pq.ParquetFile(path).metadata
        place = metadata.schema.to_arrow_schema().get_field_index("text")
        for group in range(metadata.num_row_groups):
            column = metadata.row_group(group).column(place)
            packed += column.total_compressed_size
            plain += column.total_uncompressed_size
    return packed, plain


def _cold(script: str) -> tuple[list[float], float, float]:
    """Tokenising the pack's texts in a script, in seconds a byte, and what they pack into, a byte.

    Seconds with no word of the script remembered, one a round, and with every word remembered.
    """
    texts: dict[bool, list[str]] = {True: [], False: []}
    for code, spoken in packed_languages().items():
        texts[spoken.script == script] += packed_texts(code)
    own, others = (pa.array(texts[which][:_LOADED], pa.large_string()) for which in (True, False))
    size = pa.compute.sum(pa.compute.binary_length(own)).as_py()
    ranks = qwen3_ranks()
    new: list[float] = []
    again: list[float] = []
    for _ in range(ROUNDS):
        pairs = BytePairs(ranks)
        # So that the tables' memory is there.
        pairs.encode(others)
        for taken in (new, again):
            begun = time.process_time()
            pairs.encode(own)
            taken.append((time.process_time() - begun) / size)
    packed = BytesIO()
    pq.write_table(pa.table({"text": own}), packed, compression="zstd")
    return new, median(again), packed.tell() / size


def _order(folder: str) -> list[float]:
    """Ordering documents of two buckets, in seconds a document, one a round."""
    lengths = np.random.default_rng(0).integers(100, 2_000, _ORDERED // 2).astype(np.int32)
    buckets = [OrderBucket(name, lengths, int(lengths.sum())) for name in ("one", "other")]
    taken = []
    for number in range(ROUNDS + 1):
        place = Path(folder, str(number))
        place.mkdir(parents=True)
        begun = time.process_time()
        write_order(buckets, number, place)
        taken.append((time.process_time() - begun) / _ORDERED)
    return taken[1:]


def _tokens_a_byte(codes: Sequence[str]) -> dict[str, float]:
    tokenizer, found = load_tokenizer(), {}
    for code in (*codes, ENGLISH):
        texts = packed_texts(code)
        ids: list[Any] = tokenizer.encode_batch(texts)
        found[code] = sum(map(len, ids)) / sum(len(text.encode()) for text in texts)
    return found


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return os.uname().machine
