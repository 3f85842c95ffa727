"""Embedding as the ranking does it, cache included, beside a bare encode of sentence-transformers.

    python -m benchmarks.rank --model FOLDER                 a sentence-transformers model
    python -m benchmarks.rank --shape qwen3-0.6b             random weights of Qwen3-Embedding-0.6B's shape
        [--folder ../shared/data] [--language deu_Latn] [--texts 2000] [--rounds 3] [--batches 32 64] [--threads 1]

Texts are sentences of NTREX-128 and FLORES-200, English and the language's, no two the same (two put together
where there are not enough). A round is a bare `SentenceTransformer.encode` over them, in the instruction and
sorted by length, once for each of `--batches`, then ours into an empty cache; who comes first changes from round
to round. Tokens are those of the texts without padding, so that what is padded counts as time lost; of each the
best round stands, and of every round how ours compares with the fastest bare one. Then the ratio margin over the
same vectors, and the same texts again from the cache. Seconds are the clock's on a GPU, and the process's own on a
CPU, writing included, whatever else runs there.
"""

import argparse
import base64
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.bitext import pairs_of
from filters.bitext.ranking.cache import VectorCache
from filters.bitext.ranking.embed import Embedder
from filters.bitext.ranking.margin import ratio_margins
from filters.bitext.ranking.settings import Ranking
from mixtures.tokenizer import QWEN3_SPLIT, qwen3_ranks

# Qwen/Qwen3-Embedding-0.6B's config.json, and one that a test or a laptop can hold.
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "qwen3-0.6b": {
        "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151_669, "rope_theta": 1_000_000,
    },
    "small": {
        "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 64, "intermediate_size": 768, "vocab_size": 151_669, "rope_theta": 1_000_000,
    },
}  # fmt: skip
END: Final = "<|endoftext|>"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", help="a sentence-transformers model's folder")
    which.add_argument("--shape", choices=list(SHAPES))
    parser.add_argument("--folder", type=Path, default=Path("../shared/data"))
    parser.add_argument("--language", default="deu_Latn")
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--threads", type=int, help="of torch on a CPU; default all cores")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        model = options.model
        if options.shape:
            model = str(saved_qwen3(Path(made) / options.shape, SHAPES[options.shape], qwen3_tokenizer()))
        measure(Ranking(model=model), list(texts_of(options)), options, Path(made))


def measure(ranking: Ranking, texts: list[str], options: argparse.Namespace, made: Path) -> None:
    """All rounds, and what they come to."""
    import torch
    from sentence_transformers import SentenceTransformer

    if options.threads:
        torch.set_num_threads(options.threads)
    embedder = Embedder(ranking)
    qwen3 = "Instruct" in embedder.instruction
    bare = SentenceTransformer(
        str(ranking.model),
        device=embedder.device,
        model_kwargs={"dtype": getattr(torch, embedder.dtype)},
        processor_kwargs={"padding_side": "left"} if qwen3 else None,
    )
    framed = sorted((embedder.instruction.replace("{text}", text) for text in texts), key=len, reverse=True)
    tokens = sum(len(ids) for ids in bare.tokenizer(framed)["input_ids"])
    print(
        f"{embedder.name}, {embedder.dtype}, {embedder.device}, {torch.get_num_threads()} threads: {len(texts):,}"
        f" texts, {tokens / len(texts):.1f} tokens each"
    )
    # What is compiled or allocated at first use.
    bare.encode(framed[:64], prompt="", show_progress_bar=False)
    embedder.encode(texts[:64])
    # On a CPU that others use too only the process's own time says something.
    clock = time.perf_counter if embedder.device == "cuda" else time.process_time
    times: dict[str, list[float]] = {}
    for number in range(options.rounds):
        folder = made / f"round-{number}"
        works = [
            (f"bare, batches of {size}", lambda size=size: bare_encode(bare, framed, size))
            for size in options.batches
        ]
        works.append(("ours", lambda folder=folder: VectorCache.of(folder, embedder).embedded(texts, embedder)))
        for name, work in works if number % 2 == 0 else works[::-1]:
            times.setdefault(name, []).append(seconds(work, clock))
    for name, each in sorted(times.items()):
        rounds = ", ".join(f"{tokens / one:,.0f}" for one in each)
        print(f"  {name:24} {tokens / min(each):>10,.0f} tokens a second ({rounds})")
    fastest = [
        min(each[number] for name, each in times.items() if name != "ours") for number in range(options.rounds)
    ]
    ratios = sorted(other / own for other, own in zip(fastest, times["ours"], strict=True))
    print(
        f"  ours beside the fastest bare one: {min(fastest) / min(times['ours']):.3f} of its speed (best rounds),"
        f" {', '.join(f'{each:.3f}' for each in ratios)} by round"
    )
    cache = VectorCache.of(made / "round-0", embedder)
    vectors = cache.embedded(texts, embedder)
    print(f"  the same texts from the cache: {seconds(lambda: cache.embedded(texts, embedder), clock):.3f} s")
    half = len(texts) // 2
    ratio_margins(vectors[:8], vectors[8:16], 4)
    spent = seconds(lambda: ratio_margins(vectors[:half], vectors[half : 2 * half], ranking.neighbours), clock)
    print(f"  ratio margin of {half:,} pairs: {spent:.3f} s")


def bare_encode(model: Any, framed: list[str], batch: int) -> Any:
    """What a script would write."""
    return model.encode(framed, prompt="", batch_size=batch, normalize_embeddings=True, show_progress_bar=False)


def seconds(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    """How long it takes once."""
    begun = clock()
    work()
    return clock() - begun


def texts_of(options: argparse.Namespace) -> Iterator[str]:
    """English sentences, then as many of the language."""
    pairs = list(pairs_of(options.folder / "parallel", options.language))
    half = options.texts // 2
    for side in (0, 1):
        sentences = list(dict.fromkeys(pair[side] for pair in pairs))
        size = len(sentences)
        for number in range(half):
            joined = number // size
            first = sentences[number % size]
            yield f"{first} {sentences[(number + joined) % size]}" if joined else first


def saved_qwen3(folder: Path, shape: dict[str, Any], tokenizer: Any, pooling: bool = True) -> Path:
    """Saves Qwen3-Embedding's architecture with random weights: its tokenizer ends a text with `END`.

    With `pooling` as the makers' own folder: `modules.json` with the transformer, the last token, normalising;
    without it as what `transformers` alone would save.
    """
    import torch
    from transformers import Qwen3Config, Qwen3Model

    torch.manual_seed(1)
    end = tokenizer.convert_tokens_to_ids(END)
    model = Qwen3Model(Qwen3Config(**shape, tie_word_embeddings=True, pad_token_id=end, eos_token_id=end))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if pooling:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

        parts = [Transformer(str(folder)), Pooling(shape["hidden_size"], "lasttoken"), Normalize()]
        SentenceTransformer(modules=parts, device="cpu").save(str(folder))
    return folder


def qwen3_tokenizer() -> Any:
    """Qwen3's tokenizer from the bundled ranks, as `transformers` holds it."""
    from tokenizers import normalizers
    from transformers.convert_slow_tokenizer import TikTokenConverter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qwen.tiktoken"
        lines = (f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in qwen3_ranks().items())
        path.write_text("".join(lines))
        converter: Any = TikTokenConverter
        converted = converter(str(path), QWEN3_SPLIT, extra_special_tokens=[END]).converted()
    converted.normalizer = normalizers.NFC()
    return ending(converted)


def ending(converted: Any) -> Any:
    """A tokenizer that ends every text with `END`, and pads with it on the left."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    number = converted.token_to_id(END)
    converted.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, number)])
    make: Any = PreTrainedTokenizerFast
    return make(tokenizer_object=converted, eos_token=END, pad_token=END, padding_side="left")


if __name__ == "__main__":
    main()
