"""Sentences to vectors, by a sentence-transformers model.

The library and torch are an extra (`pip install babelmix[embed]`) and are imported when a model is loaded.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters.bitext.ranking import model_files
from filters.bitext.ranking.settings import Ranking
from sources.errors import BabelmixError

# As they are kept: half precision moves a cosine by less than 1e-6.
Vectors = npt.NDArray[np.float16]

# Characters of a batch, the longest text's times the number of texts, and texts of a batch. A GPU is busy with
# this much; a CPU's caches want little.
_BATCH_CHARACTERS: Final = {"cuda": 131_072, "cpu": 8_192}
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
        self._model, self.device = _loaded(ranking)
        own = self._model.get_embedding_dimension()
        if ranking.dimension is not None and own is not None and ranking.dimension > own:
            raise BabelmixError(
                f"dimension: {ranking.dimension} is more than the {own} of {self.name}; write at most {own}"
            )
        self.dimension = int(ranking.dimension or own)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The unit vectors of `texts`, (texts, dimension), in their order.

        Raises:
            BabelmixError: a vector is not finite, or zero.
        """
        found = np.zeros((len(texts), self.dimension), dtype=np.float16)
        order = sorted(range(len(texts)), key=lambda at: (-len(texts[at]), texts[at]))
        framed = [self.instruction.replace("{text}", texts[at]) for at in order]
        for begin, end in self._batches(framed):
            vectors = self._model.encode(
                framed[begin:end],
                # An empty prompt is none: a model's own default must not come on top of the instruction.
                prompt="",
                batch_size=end - begin,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
            found[order[begin:end]] = self._normalised(np.asarray(vectors, dtype=np.float32), framed[begin:end])
        return found

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Beginnings and ends of batches of texts that are sorted by length, the longest first."""
        begin = 0
        while begin < len(texts):
            fitting = _BATCH_CHARACTERS[self.device] // max(1, len(texts[begin]))
            end = min(len(texts), begin + max(1, min(fitting, _MOST_TEXTS[self.device])))
            yield begin, end
            begin = end

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


def _loaded(ranking: Ranking) -> tuple[Any, str]:
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
    try:
        model = SentenceTransformer(
            ranking.model,
            revision=ranking.revision,
            device=device,
            model_kwargs={"dtype": getattr(torch, dtype)},
            # The last token of every text then stands in the same place.
            processor_kwargs={"padding_side": "left"} if qwen3 else None,
        )
    # Each part of the library raises exceptions of its own for a name, a file or weights that are wrong.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BabelmixError(
            f"model {ranking.model}: cannot be loaded ({reason}); check its name or files"
        ) from error
    if qwen3 and not _declares_pooling(ranking.model):
        for at, module in enumerate(model):
            if isinstance(module, Pooling) and module.pooling_mode != "lasttoken":
                model[at] = Pooling(module.embedding_dimension, "lasttoken")
    return model.eval(), device


def _declares_pooling(model: str) -> bool:
    from pathlib import Path

    return not model_files.is_folder(model) or (Path(model).expanduser() / "modules.json").is_file()
