"""fastText's supervised training in a process of its own: the same text gives the same model.

fastText 0.9.2 sets a tenth of its table of words and n-grams with one thread, and leaves the rest as the memory is
(seen in the table after training; all of it is set with ten threads, whose order is chance). In a process that
has used much memory the rest is anything, and training ends in NaN or in another model each time. In a new process
whose large blocks come straight from the system the rest is 0. That trains well: the tenth moves the labels'
weights, and these the rest.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np

from sources.errors import BabelmixError

_DIMENSIONS: Final = 32
# Words that are gone through in training, the text being repeated so often.
_WORDS_SEEN: Final = 20_000_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 50
# fastText's default is 0.1 for labels; tried in turn where training diverges.
_RATES: Final = (0.5, 0.1, 0.02)
_SEED: Final = 1


def train_supervised(lines: Path, words: int, output: Path) -> None:
    """Trains on a file of `__label__… words` lines, `words` in all, and writes the model to `output`.

    Raises:
        BabelmixError: training diverges, or the process ends otherwise than well.
    """
    # The table of hashed n-grams: 0.5 to 64 MB of the model.
    bucket = 1 << min(max(words // 2, 1 << 11).bit_length(), 19)
    epochs = min(max(_WORDS_SEEN // max(words, 1), _FEWEST_EPOCHS), _MOST_EPOCHS)
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(lines), str(output), str(bucket), str(epochs)],
        # glibc: blocks from here on are mapped, and so 0; other systems map large blocks anyhow.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or "killed; is there enough memory?").splitlines()[-1]
        raise BabelmixError(f"{output}: training failed: {said}")


def _main(lines: str, output: str, bucket: str, epochs: str) -> None:
    import fasttext

    for rate in _RATES:
        try:
            # Pairs of words are features as well.
            model = fasttext.train_supervised(
                lines, lr=rate, dim=_DIMENSIONS, epoch=int(epochs), wordNgrams=2, minCount=2, bucket=int(bucket),
                thread=1, seed=_SEED, verbose=0,
            )  # fmt: skip
        except RuntimeError:  # fastText's own word for NaN
            continue
        if np.isfinite(model.get_output_matrix()).all() and np.isfinite(model.get_input_matrix()).all():
            model.save_model(output)
            return
    sys.exit(f"it diverged at each rate ({', '.join(map(str, _RATES))}); try another build of fastText")


if __name__ == "__main__":
    _main(*sys.argv[1:])
