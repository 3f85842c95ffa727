"""Sentences to vectors, by a sentence-transformers model.

The library and torch are an extra (`pip install babelmix[embed]`) and are imported when a model is loaded.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters.bitext.ranking import model_files
from filters.bitext.ranking.settings import Ranking
from sources.errors import BabelmixError

# As they are kept: half precision moves a cosine by 1e-5 (384 dimensions), a model in bfloat16 by more.
Vectors = npt.NDArray[np.float16]

# Bytes of a batch, the longest text's times the number of texts, and texts of a batch: a byte-level tokenizer
# makes no more tokens than bytes of any script. A GPU is busy with this much; a CPU's caches want little.
_BATCH_BYTES: Final = {"cuda": 131_072, "cpu": 8_192}
_MOST_TEXTS: Final = {"cuda": 1_024, "cpu": 64}
_INSTALL: Final = "install it with: pip install 'babelmix[embed]', or leave the model out to rank by heuristics"


class Embedder:
    """A loaded model and how `ranking` wants it used.

    Texts are put into the instruction, embedded with the model's own pooling, cut to `dimension` and normalised.

    Raises:
        BabelmixError: sentence-transformers is not installed, the model cannot be loaded, or it has fewer
            dimensions than are wanted.
    """

    def __init__(self, ranking: Ranking) -> None:
        assert ranking.model is not None
        self.name = model_files.name(ranking)
        self.instruction = model_files.instruction(ranking)
        self._model, self.device, self.dtype = _loaded(ranking)
        own = int(self._model.get_embedding_dimension())
        if ranking.dimension is not None and ranking.dimension > own:
            raise BabelmixError(
                f"dimension: {ranking.dimension} is more than the {own} of {self.name}; write at most {own}"
            )
        self.dimension = ranking.dimension or own
        self._batch_bytes = _BATCH_BYTES[self.device]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The unit vectors of `texts`, (texts, dimension), in their order.

        Raises:
            BabelmixError: a vector is not finite, or zero; or one text alone does not fit into the GPU's memory.
        """
        found = np.zeros((len(texts), self.dimension), dtype=np.float16)
        framed = [self.instruction.replace("{text}", text) for text in texts]
        sizes = np.array([len(text.encode()) for text in framed], dtype=np.int64)
        # Texts of a length together, the longest first: little is padded, and too large a batch fails at once.
        order = np.array(sorted(range(len(texts)), key=lambda at: (-sizes[at], framed[at])), dtype=np.int64)
        begin = 0
        while begin < len(order):
            fitting = max(1, min(self._batch_bytes // int(sizes[order[begin]]), _MOST_TEXTS[self.device]))
            batch = order[begin : begin + fitting]
            vectors = self._vectors([framed[at] for at in batch])
            if vectors is None:
                self._batch_bytes = len(batch) * int(sizes[batch[0]]) // 2
                continue
            found[batch] = self._normalised(vectors, [framed[at] for at in batch])
            begin += len(batch)
        return found

    def _vectors(self, batch: list[str]) -> npt.NDArray[np.float32] | None:
        """What the model gives, (batch, its own dimension); None where a smaller batch must be tried."""
        import torch

        try:
            vectors = self._model.encode(
                batch,
                # An empty prompt is none: a model's own default must not come on top of the instruction.
                prompt="",
                batch_size=len(batch),
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                raise BabelmixError(
                    f"model {self.name}: the GPU's memory is too small for a text of {len(batch[0]):,} characters;"
                    " use a smaller model, or dtype bfloat16"
                ) from error
            torch.cuda.empty_cache()
            return None
        return np.asarray(vectors, dtype=np.float32)

    def _normalised(self, vectors: npt.NDArray[np.float32], texts: Sequence[str]) -> npt.NDArray[np.float32]:
        cut = vectors[:, : self.dimension]
        lengths = np.linalg.norm(cut, axis=1)
        bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
        if len(bad):
            what = "zero" if lengths[bad[0]] == 0 else "not a number"
            raise BabelmixError(
                f"model {self.name}: the vector of {texts[bad[0]][-80:]!r} is {what} ({len(bad)} of {len(texts)}"
                " in its batch); use dtype float32 or bfloat16, or another model"
            )
        result: npt.NDArray[np.float32] = cut / lengths[:, None]
        return result


def _loaded(ranking: Ranking) -> tuple[Any, str, str]:
    """The model, "cuda" or "cpu", and what its weights are held in."""
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling
    except ImportError as error:
        raise BabelmixError(
            f"model {ranking.model}: sentence-transformers is missing ({error}); {_INSTALL}"
        ) from error
    assert ranking.model is not None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = ("bfloat16" if device == "cuda" else "float32") if ranking.dtype == "auto" else ranking.dtype
    qwen3 = model_files.is_qwen3_embedding(ranking.model)
    folder = model_files.folder(ranking.model)
    try:
        model = SentenceTransformer(
            ranking.model if folder is None else str(folder),
            revision=ranking.revision,
            device=device,
            # Weights in pickles are not read: they could hold code.
            model_kwargs={"dtype": getattr(torch, dtype), "use_safetensors": True},
            # The last token of every text then stands in the same place.
            processor_kwargs={"padding_side": "left"} if qwen3 else None,
            local_files_only=folder is not None,
        )
    # Each part of the library raises exceptions of its own for a name, a file or weights that are wrong.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BabelmixError(
            f"model {ranking.model}: cannot be loaded ({reason}); check its name or files"
        ) from error
    if qwen3 and folder is not None and not (folder / "modules.json").is_file():
        for at, module in enumerate(model):
            if isinstance(module, Pooling):
                model[at] = Pooling(module.embedding_dimension, "lasttoken")
    return model.eval(), device, dtype
