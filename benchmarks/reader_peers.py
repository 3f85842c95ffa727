"""One reader of packed sequences, measured in a process and an environment of its own; `reader.py` runs it.

    PYTHON benchmarks/reader_peers.py READER MEASURE SETTINGS      prints one JSON object

READER is packed (ours), torch (ours with masks, in batches), megatron, streaming or datasets. MEASURE is rate
(sequences a second, read one after the other for some seconds), start and middle (seconds from nothing to the
first sequence, and to the one in the middle, imports left out), or memory (of 8 workers of a PyTorch loader,
once each has read some). SETTINGS is a JSON file: length, mixture, blend, mds, parquet, cache, seconds.
"""

import importlib
import json
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

warnings.simplefilter("ignore")
WORKERS: Final = 8
# Sequences that the workers read before their memory is looked at, all together.
SEEN: Final = 800
WARM: Final = 64
# Tokens of a batch of ours; `datasets` goes by larger ones.
BATCH_TOKENS: Final = 1 << 15

Sequences = tuple[int, Callable[[int], Any], Callable[[], Iterator[Any]]]


def packed(settings: dict[str, Any]) -> Sequences:
    """Ours, as ids in NumPy."""
    from mixtures.packed import PackedReader

    reader, length = PackedReader(settings["mixture"]), settings["length"]

    def sequence(number: int) -> Any:
        out = np.empty(length, dtype=np.int32)
        return out, reader.fill(number * length, out)

    return reader.tokens // length, sequence, lambda: map(sequence, range(reader.tokens // length))


def torch(settings: dict[str, Any]) -> Sequences:
    """Ours, as a PyTorch dataset with position ids and the documents' bounds."""
    from mixtures.packed import PackedReader
    from mixtures.torch_reader import MixtureDataset

    reader, length = PackedReader(settings["mixture"]), settings["length"]

    def sequence(number: int) -> Any:
        return next(iter(MixtureDataset(reader, length, start=number)))

    def iterate() -> Iterator[Any]:
        for batch in MixtureDataset(reader, length, max(1, BATCH_TOKENS // length)):
            yield from batch["tokens"].numpy()

    return reader.tokens // length, sequence, iterate


class _Tokenizer:
    """What Megatron's dataset asks of a tokenizer."""

    vocab_size, eod, pad = 151_936, 151_643, 151_642
    unique_identifiers: Final = {"class": "qwen3"}


def megatron(settings: dict[str, Any]) -> Sequences:
    """Megatron's BlendedDataset over its IndexedDatasets, without the attention mask, which is the slower part."""
    from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
    from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
    from torch import distributed

    if not distributed.is_initialized():
        distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    words = Path(settings["blend"]).read_text(encoding="utf-8").split()
    weights, prefixes = [float(word) for word in words[::2]], words[1::2]
    count = settings["sequences"]
    config = GPTDatasetConfig(
        random_seed=0,
        sequence_length=settings["length"],
        blend=(prefixes, weights),
        split="100,0,0",
        path_to_cache=settings["cache"],
        tokenizer=_Tokenizer(),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
    )
    dataset = BlendedMegatronDatasetBuilder(GPTDataset, [count, 0, 0], lambda: True, config).build()[0]
    return count, dataset.__getitem__, lambda: map(dataset.__getitem__, range(count))


def streaming(settings: dict[str, Any]) -> Sequences:
    """MosaicML Streaming over local shards, not shuffled."""
    # Its readers of images need torchvision for a GPU; nothing else of it does.
    sys.modules["streaming.vision"] = types.ModuleType("streaming.vision")
    import streaming as library

    library.base.util.clean_stale_shared_memory()
    dataset = library.StreamingDataset(local=settings["mds"], shuffle=False, batch_size=1)
    return len(dataset), dataset.__getitem__, lambda: iter(dataset)


def datasets(settings: dict[str, Any]) -> Sequences:
    """Hugging Face datasets, its Arrow files mapped into memory, as NumPy; in batches where it goes row by row."""
    import datasets as library

    library.disable_progress_bars()
    loaded = library.load_dataset(settings["parquet"], split="train", cache_dir=settings["cache"])
    loaded = loaded.select_columns(["input_ids", "begins"]).with_format("numpy")
    return len(loaded), loaded.__getitem__, lambda: _rows(loaded)


def _rows(loaded: Any) -> Iterator[Any]:
    for batch in loaded.iter(batch_size=256):
        yield from batch["input_ids"]


def rate(open_reader: Callable[[dict[str, Any]], Sequences], settings: dict[str, Any]) -> dict[str, float]:
    """Sequences a second, and a second of processor time, by index or in turn, whichever is faster."""
    count, sequence, iterate = open_reader(settings)
    for number in range(WARM):
        sequence(number)
    ways = {"index": map(sequence, range(count)), "turn": iterate()}
    found = {}
    for way, sequences in ways.items():
        if way == "index" and settings["reader"] == "torch":
            continue  # a dataset that is iterated over has no index
        read, begin, used = 0, time.perf_counter(), time.process_time()
        for _ in sequences:
            read += 1
            if read % 64 == 0 and time.perf_counter() - begin > settings["seconds"]:
                break
        found[way] = (read / (time.perf_counter() - begin), read / (time.process_time() - used))
    best = max(found.values())
    return {"rate": best[0], "cpu_rate": best[1]}


def start(open_reader: Callable[[dict[str, Any]], Sequences], settings: dict[str, Any]) -> dict[str, float]:
    """Seconds to the first sequence."""
    begin = time.perf_counter()
    _, sequence, _ = open_reader(settings)
    sequence(0)
    return {"seconds": time.perf_counter() - begin, "MiB": own_memory("RssAnon")}


def middle(open_reader: Callable[[dict[str, Any]], Sequences], settings: dict[str, Any]) -> dict[str, float]:
    """Seconds to the sequence in the middle."""
    begin = time.perf_counter()
    count, sequence, _ = open_reader(settings)
    sequence(count // 2)
    return {"seconds": time.perf_counter() - begin, "MiB": own_memory("RssAnon")}


def memory(open_reader: Callable[[dict[str, Any]], Sequences], settings: dict[str, Any]) -> dict[str, float]:
    """MiB of 8 workers, averaged: resident, of which shared fairly (Pss), and its own alone (private)."""
    from torch.utils.data import DataLoader

    loader = DataLoader(_dataset(open_reader, settings), batch_size=None, num_workers=WORKERS, prefetch_factor=2)
    iterator = iter(loader)
    for _, _ in zip(range(SEEN), iterator, strict=False):
        pass
    children = Path("/proc/self/task").glob("*/children")
    found = [_rollup(pid) for path in children for pid in path.read_text().split()]
    workers = [each for each in found if each.get("Rss", 0)][:WORKERS]
    sums = {name: sum(each[name] for each in workers) / len(workers) / 1024 for name in ("Rss", "Pss", "Private")}
    return {"workers": len(workers), **sums}


def _dataset(open_reader: Callable[[dict[str, Any]], Sequences], settings: dict[str, Any]) -> Any:
    """What a loader takes: the readers' own datasets, or one that is read by index."""
    if settings["reader"] in ("packed", "torch"):
        from mixtures.packed import PackedReader
        from mixtures.torch_reader import MixtureDataset

        return MixtureDataset(PackedReader(settings["mixture"]), settings["length"])
    count, sequence, iterate = open_reader(settings)
    if settings["reader"] == "streaming":
        return iterate.__closure__[0].cell_contents  # type: ignore[index]
    return _Indexed(count, sequence)


class _Indexed:
    def __init__(self, count: int, sequence: Callable[[int], Any]) -> None:
        self.count, self.sequence = count, sequence

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Any:
        return self.sequence(number)


def _rollup(pid: str) -> dict[str, int]:
    """KiB of a process."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {
        "Rss": sizes["Rss"],
        "Pss": sizes["Pss"],
        "Private": sizes["Private_Clean"] + sizes["Private_Dirty"],
    }


def own_memory(name: str) -> float:
    """MiB of this process by a line of its status; RssAnon leaves out what is mapped from files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _import(reader: str) -> None:
    """Imports what a reader needs, before any clock runs."""
    if reader == "streaming":
        sys.modules["streaming.vision"] = types.ModuleType("streaming.vision")
    ours = ("mixtures.compiled", "mixtures.compiled_packing", "mixtures.packed")
    needed = {
        "packed": ours,
        "torch": (*ours, "mixtures.torch_reader"),
        "megatron": (
            "torch.distributed",
            "megatron.core.datasets.blended_megatron_dataset_builder",
            "megatron.core.datasets.gpt_dataset",
        ),
        "streaming": ("streaming",),
        "datasets": ("datasets",),
    }
    for name in needed[reader]:
        importlib.import_module(name)


def main() -> None:
    """Measures and prints."""
    reader, measure, path = sys.argv[1:]
    settings = {**json.loads(Path(path).read_text(encoding="utf-8")), "reader": reader}
    _import(reader)
    readers = {each.__name__: each for each in (packed, torch, megatron, streaming, datasets)}
    measures = {each.__name__: each for each in (rate, start, middle, memory)}
    print(json.dumps(measures[measure](readers[reader], settings)))


if __name__ == "__main__":
    main()
