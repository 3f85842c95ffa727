"""How many planted questions are found, and how many clean documents are taken for contaminated.

    python benchmarks/quality_contamination.py [--data FOLDER]

Questions of GSM8K, MGSM, XQuAD, Marco-Bench-MIF and sentences of FLORES-200 (as `benchmarks.yaml` in this folder
declares them below `--data`) are planted into real documents of their language: as they are, in capitals, without
marks, and with one word in 20 changed (where words are not spaced, a character in as many as 20 words have).
Prints the share that is found by manner, language and length, the documents without a plant in which something is
found, with what, and the time and memory of a synthetic index of 10^6 questions of 40 words.
"""

import argparse
import gzip
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pyarrow as pa

from filters.benchmark_items import BenchmarkItem, benchmark_items
from filters.contamination import Index, Match, Units, benchmark_index
from filters.settings import Contamination, benchmarks_digest
from filters.statistics import measure
from sources.language import Language, language, languages

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
# Marks that a person leaves out or writes otherwise.
MARKS = str.maketrans(dict.fromkeys(".,;:!?¿¡«»\"'“”‘’()[]。，、？！；：", " "))


def verbatim(text: str, units: Units) -> str:
    return text


def capitals(text: str, units: Units) -> str:
    return text.upper()


def without_marks(text: str, units: Units) -> str:
    return text.translate(MARKS)


def edited(text: str, units: Units) -> str:
    """One word in 20 changed, at random places; at least one."""
    words = list(text) if units.by_character else text.split(" ")
    apart = 20 * units.longest // 13
    for at in random.sample(range(len(words)), max(len(words) // apart, 1)):
        words[at] = "某" if units.by_character else "otherwise"
    return ("" if units.by_character else " ").join(words)


MANNERS: tuple[Callable[[str, Units], str], ...] = (verbatim, capitals, without_marks, edited)


def _documents(data: Path, code: str) -> list[str]:
    with gzip.open(data / "documents" / f"{code}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def _settings(path: Path) -> Contamination:
    lists = (str(path),)
    return Contamination(lists=lists, digest=benchmarks_digest(lists))


def _found(texts: list[str], spoken: Language, index: Index, settings: Contamination) -> dict[int, list[Match]]:
    return index.matches(measure(pa.array(texts, pa.large_string()), spoken), settings)


def _language_of(item: BenchmarkItem, codes: dict[str, str]) -> str | None:
    """The language of an item by its file's name (`mgsm_el.tsv`, `ell_Grek.jsonl.gz`)."""
    return codes.get(item.benchmark.rpartition(" ")[2])


def _planted(data: Path, settings: Contamination) -> None:
    random.seed(1)
    by_language: dict[str, list[BenchmarkItem]] = defaultdict(list)
    codes = {code: code for code in languages()}
    for item in benchmark_items(settings.lists):
        if code := _language_of(item, codes):
            by_language[code].append(item)
    recall: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    by_length: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    alarms: Counter[str] = Counter()
    clean = seconds = 0.0
    for code, asked in sorted(by_language.items()):
        spoken = language(code)
        units = Units.of(settings, spoken)
        index = benchmark_index(settings.lists, settings.digest, units)
        texts = _documents(data, code)
        start = time.perf_counter()
        found = _found(texts, spoken, index, settings)
        seconds += time.perf_counter() - start
        clean += len(texts)
        for place, matches in found.items():
            first = matches[0]
            shown = " ".join(texts[place][first.start : first.end].split())[:70]
            alarms[f"{code} {first.item.benchmark}: {shown}"] += 1
        sizes = dict(zip([item.id for item in index.items], index.sizes.tolist(), strict=True))
        chosen = random.sample(asked, min(len(asked), 60))
        for manner in MANNERS:
            hosts = [texts[at % len(texts)] for at in range(len(chosen))]
            planted = [
                f"{host[: len(host) // 2]}\n{manner(item.question, units)}\n{host[len(host) // 2 :]}"
                for host, item in zip(hosts, chosen, strict=True)
            ]
            met = _found(planted, spoken, index, settings)
            for place, item in enumerate(chosen):
                size = sizes[item.id]
                if size < units.shortest:
                    continue
                hit = any(match.item.id == item.id for match in met.get(place, ()))
                long = "long" if size >= 2 * units.longest else "middle" if size >= units.longest else "short"
                for key, table in (((manner.__name__, code), recall), ((manner.__name__, long), by_length)):
                    table[key][0] += hit
                    table[key][1] += 1
    names = [manner.__name__ for manner in MANNERS]
    print(f"{'':10}", *(f"{name:>14}" for name in names))
    for code in sorted(by_language):
        print(f"{code:10}", *(f"{_share(recall[name, code]):>14}" for name in names))
    for long in ("short", "middle", "long"):
        print(f"{long:10}", *(f"{_share(by_length[name, long]):>14}" for name in names))
    print("short: fewer units than 13 words, middle: fewer than twice as many")
    each = 1e6 * seconds / clean
    print(
        f"clean documents: {clean:.0f}, found in {alarms.total()} of them ({each:.0f} us each, the pass included)"
    )
    for shown, count in alarms.most_common(40):
        print(f"  {count} {shown}")


def _share(counts: list[int]) -> str:
    return f"{counts[0] / counts[1]:.1%} of {counts[1]}" if counts[1] else "-"


def _synthetic(count: int) -> None:
    random.seed(2)
    words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(2, 9))) for _ in range(50_000)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.jsonl"
        with path.open("w") as file:
            for number in range(count):
                file.write(
                    json.dumps({"id": str(number), "question": " ".join(random.choices(words, k=40))}) + "\n"
                )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        index = benchmark_index((str(path),), "synthetic", Units.of(Contamination(), language("eng_Latn")))
        taken = time.perf_counter() - start
    held = sum(each.nbytes for each in (index.known, index.starts, index.owners, index.bitmap, index.sizes))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"index of {count:,} questions of 40 words: {taken:.1f} s, arrays {held / 1e6:.0f} MB")
    print(f"peak of this process: {before / 1e3:.0f} MB before, {peak / 1e3:.0f} MB after")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--items", type=int, default=1_000_000, help="of the synthetic index; 0 for none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Paths are below the folder of the file that declares them.
        path = Path(folder) / "benchmarks.yaml"
        for name in ("gsm8k", "mgsm", "xquad", "marco_mif", "parallel"):
            (Path(folder) / name).symlink_to((options.data / name).resolve())
        path.write_text((Path(__file__).parent / "benchmarks.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        _planted(options.data, _settings(path))
    if options.items:
        _synthetic(options.items)


if __name__ == "__main__":
    main()
