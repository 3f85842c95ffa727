"""What the command line runs for the trainer, as plain functions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from mixtures.tokenizer import QWEN3, load_tokenizer
from trainer.configuration import load_model_config
from trainer.errors import TrainerError
from trainer.hugging_face import dtype_named, load_model
from trainer.signatures.clustering import cluster, correlations
from trainer.signatures.documents import documents_by_language
from trainer.signatures.files import write_correlations, write_shares
from trainer.signatures.page import signatures_page
from trainer.signatures.routing import Routed, route
from trainer.upcycle.conversion import Upcycled, upcycle
from trainer.upcycle.options import DEFAULTS, UpcycleOptions

PAGE_FILE: Final = "signatures.html"
SHARES_FILE: Final = "shares.parquet"
CORRELATIONS_FILE: Final = "correlations.parquet"


@dataclass(frozen=True, slots=True)
class Signatures:
    """What `make_signatures` wrote, and the numbers in it."""

    page: Path
    shares: Path
    correlations: Path
    routed: Routed


def upcycle_checkpoint(
    seed: Path,
    model: Path,
    output: Path,
    options: UpcycleOptions = DEFAULTS,
    dtype: str = "bfloat16",
    told: Callable[[int, int], None] | None = None,
) -> Upcycled:
    """Makes the model of the YAML file `model` of the dense checkpoint in the folder `seed`; see `upcycle`.

    Raises:
        BabelmixError: a file is not what it should be, or sizes do not go together; one line.
    """
    return upcycle(seed, output, load_model_config(model), options, dtype=dtype_named(dtype), told=told)


def make_signatures(
    checkpoint: Path,
    documents: Path,
    output: Path,
    *,
    per_language: int = 100,
    tokens_per_document: int = 1024,
    tokenizer: str | None = None,
    told: Callable[[str], None] | None = None,
) -> Signatures:
    """Which experts of the `checkpoint` take which language's tokens: a page and two Parquet files in `output`.

    Args:
        checkpoint: a folder of Hugging Face safetensors with experts.
        documents: a file or folder of JSON lines or Parquet with `text` and `language`.
        per_language: documents of a language that are looked at; Marco-MoE's analysis takes 100.
        tokens_per_document: of a document, from its beginning.
        tokenizer: a name as `mixtures.tokenizer` takes it; by default the checkpoint's own, or Qwen3's.
        told: is called with each language before its turn.

    Raises:
        BabelmixError: the checkpoint or a file is not what it should be; one line.
    """
    if per_language < 1 or tokens_per_document < 1:
        raise TrainerError("signatures: per_language and tokens_per_document must be at least 1")
    texts = documents_by_language(documents, per_language)
    own = (checkpoint / "tokenizer.json").is_file()
    encoder = load_tokenizer(tokenizer or (str(checkpoint) if own else QWEN3))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # On a GPU in bfloat16, for which the grouped product is made.
    model = load_model(checkpoint, torch.bfloat16 if device == "cuda" else torch.float32, device)
    tokens = {
        language: [ids[:tokens_per_document] for ids in encoder.encode_batch(each)]
        for language, each in texts.items()
    }
    routed = route(model, tokens, told)
    correlation = correlations(routed.shares)
    output.mkdir(parents=True, exist_ok=True)
    made = Signatures(output / PAGE_FILE, output / SHARES_FILE, output / CORRELATIONS_FILE, routed)
    write_shares(routed, made.shares)
    write_correlations(routed, correlation, made.correlations)
    made.page.write_text(
        signatures_page(checkpoint.name, routed, correlation, cluster(correlation)), encoding="utf-8"
    )
    return made
