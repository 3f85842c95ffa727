"""Qwen3's tokenizer, offline and fast; any other byte-level tokenizer through its `tokenizer.json`.

Qwen3's ids are bundled: the package `dashscope` carries Qwen's own BPE ranks, and with the split pattern and the
normaliser of Qwen2 and Qwen3 (`tokenizer.json` of Qwen/Qwen3-0.6B-Base) they give Qwen3's ids for text, through
tiktoken. Importing this module loads none of it: a plan needs a fingerprint only.
"""

import base64
import hashlib
import importlib.util
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sources.errors import BabelmixError

Tokens: TypeAlias = npt.NDArray[np.uint32]

QWEN3: Final = "Qwen/Qwen3-0.6B-Base"
# Qwen's config names <|endoftext|> both as the end of a document and as padding.
QWEN3_EOD: Final = 151643
EOD_TEXT: Final = "<|endoftext|>"
QWEN3_SPLIT: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# SHA-256 of dashscope's resources/qwen.tiktoken, the same in every release that was looked at.
QWEN3_RANKS: Final = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"

# Texts longer than this (characters) are encoded piece by piece, which bounds tiktoken's memory.
_PIECE: Final = 1 << 20
# tiktoken merges one unbroken run of letters in about 60 bytes of memory a byte: 0.5 GB for this many (bytes).
_UNBROKEN: Final = 8 << 20

# Places where the split pattern always ends one match and starts the next, whatever stands around them, so that
# the ids of the two sides are those of the whole. No alternative has anything but line ends after a line end, and
# one that is followed by text ends `\s*[\r\n]+`; a blank is only ever the first character of a match; a digit is a
# match of its own; letters are followed by nothing but letters. Only `\s+(?!\S)` looks past its match, and no
# place below is reached by it: they follow a line end or a character that is no space. Python's \s holds all of
# the pattern's (Unicode White_Space) and four more, so (?=\S) and (?<=\S) mean it there too.
_CUT: Final = re.compile(r"(?<=\n)(?=\S)|(?<=\S)(?=[ \t])|(?<=[0-9])|(?<=[^\W_])(?=[!-/:-@\[-`{-~，。、！？])")
# Unicode White_Space but for \r and \n: a long run exhausts the back-tracking stack of tiktoken's regex engine
# (fancy-regex: a million entries), which panics.
_BLANKS: Final = re.compile("[\t\v\f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{100000,}")


class Tokenizer(Protocol):
    """Turns text into ids: text only, so a literal `<|endoftext|>` in it is encoded as the characters it is."""

    @property
    def name(self) -> str:
        """The name it was asked for by, `Qwen/Qwen3-0.6B-Base`."""

    @property
    def origin(self) -> str:
        """Where its vocabulary was read from."""

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits; two tokenizers with the same fingerprint give the same ids by construction."""

    @property
    def eod(self) -> int:
        """The id that ends a document."""

    def encode_batch(self, texts: Sequence[str]) -> list[Tokens]:
        """The ids of each text, without an end of document.

        Raises:
            BabelmixError: a text holds a run of letters without any break that is too long to merge.
        """

    def decode(self, ids: Sequence[int] | Tokens) -> str:
        """The text of `ids`; bytes that are no UTF-8 (a document cut within a character) become U+FFFD."""


def load_tokenizer(name: str = QWEN3, *, hub: bool = False) -> Tokenizer:
    """The tokenizer `name`, loaded once a process.

    Qwen3's own name gives the bundled ranks. With `hub` its `tokenizer.json` is fetched from the Hub as well, and
    must be the same tokenizer: vocabulary, merges, split pattern, normaliser and end of document.

    Any other name is a folder with a `tokenizer.json`, or a Hub id, `org/name` or `org/name@revision`; it is run
    by the `tokenizers` package, about five times slower.

    Raises:
        BabelmixError: the Hub cannot be reached or has no such tokenizer; the bundled ranks are not Qwen's, or
            not the Hub's; a tokenizer that names no end of document.
    """
    if hub and name == QWEN3:
        _hold_against_the_hub()
    return _load(name)


def tokenizer_fingerprint(name: str) -> str:
    """`load_tokenizer(name).fingerprint` without loading it: for Qwen3's own name nothing is read at all."""
    if name == QWEN3:
        identity = {
            "ranks": QWEN3_RANKS, "split": QWEN3_SPLIT, "normaliser": "NFC", "eod": QWEN3_EOD
        }  # fmt: skip
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    from mixtures.tokenizer_json import TokenizerJson

    return TokenizerJson.find(name).fingerprint


@cache
def _load(name: str) -> Tokenizer:
    if name == QWEN3:
        return Qwen3()
    from mixtures.tokenizer_json import JsonTokenizer, TokenizerJson

    return JsonTokenizer(TokenizerJson.find(name))


def _hold_against_the_hub() -> None:
    from mixtures.tokenizer_json import TokenizerJson

    found = TokenizerJson.find(QWEN3)
    if difference := found.difference(qwen3_ranks(), QWEN3_SPLIT, QWEN3_EOD):
        raise BabelmixError(
            f"{found.origin}: not the tokenizer that is bundled as {QWEN3} ({difference});"
            " name the Hub's with its revision, as in org/name@revision, to use it as it is"
        )


def qwen3_ranks() -> dict[bytes, int]:
    """Qwen's BPE ranks: 151,643 byte strings with their ids.

    Raises:
        BabelmixError: the installed `dashscope` lacks them, or carries others.
    """
    # Not imported: dashscope's own imports take a second, and only its data file is wanted.
    package = importlib.util.find_spec("dashscope")
    where = (package.submodule_search_locations or [""])[0] if package else ""
    path = Path(where, "resources", "qwen.tiktoken")
    content = path.read_bytes() if where and path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != QWEN3_RANKS:
        raise BabelmixError(
            f"{path}: {'not the ranks of Qwen3' if content else 'missing'};"
            " install dashscope>=2,<3, which carries them (its resources/qwen.tiktoken)"
        )
    lines = (line.split() for line in content.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}


class Qwen3:
    """Qwen3's tokenizer from the bundled ranks, by compiled loops; tiktoken has the long texts and decodes."""

    name = QWEN3
    origin = "dashscope's resources/qwen.tiktoken, through tiktoken"
    eod = QWEN3_EOD

    def __init__(self) -> None:
        import tiktoken

        from mixtures.bpe import BytePairs

        self.fingerprint = tokenizer_fingerprint(QWEN3)
        self._encoding: tiktoken.Encoding = tiktoken.Encoding(
            QWEN3,
            pat_str=QWEN3_SPLIT,
            mergeable_ranks=qwen3_ranks(),
            special_tokens={EOD_TEXT: QWEN3_EOD},
        )
        self._pairs = BytePairs(qwen3_ranks())

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _load, (QWEN3,)

    def encode_batch(self, texts: Sequence[str]) -> list[Tokens]:
        """See `Tokenizer`."""
        composed = [unicodedata.normalize("NFC", text) for text in texts]
        found: list[Tokens | None] = [None] * len(texts)
        # Long texts go piece by piece, and lone surrogates are no UTF-8: tiktoken has its own way with them.
        short = [at for at, text in enumerate(composed) if len(text) <= _PIECE // 2 and _is_utf8(text)]
        ids, bounds = self._pairs.encode(pa.array([composed[at] for at in short], pa.large_string()))
        for at, start, end in zip(short, bounds[:-1], bounds[1:], strict=True):
            found[at] = ids[start:end]
        return [
            self._encode(text) if tokens is None else tokens for text, tokens in zip(composed, found, strict=True)
        ]

    def decode(self, ids: Sequence[int] | Tokens) -> str:
        """See `Tokenizer`."""
        return self._encoding.decode(np.asarray(ids).tolist(), errors="replace")

    def _encode(self, text: str) -> Tokens:
        # Shorter texts can neither exhaust the regex engine's stack nor much memory.
        if len(text) <= _PIECE // 2:
            return self._encode_piece(text)
        parts: list[Tokens] = []
        for piece, unsplit in _pieces(text):
            parts.append(self._encode_unsplit(piece) if unsplit else self._encode_piece(piece))
        return np.concatenate(parts)

    def _encode_piece(self, text: str) -> Tokens:
        # Nothing is disallowed and nothing allowed: special tokens in the text are text.
        return self._encoding.encode_to_numpy(text, disallowed_special=())

    def _encode_unsplit(self, text: str) -> Tokens:
        # The one private name of tiktoken that is used: it merges what is known to be one match of the pattern.
        return np.array(self._encoding._encode_single_piece(text), dtype=np.uint32)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Cuts a long text where its ids stay what they are; True marks a piece that is one match of the pattern."""
    start = 0
    for run in _BLANKS.finditer(text):
        # Blanks before a line end belong to `\s*[\r\n]+`, which needs no back-tracking.
        if text[run.end() : run.end() + 1] in ("\r", "\n"):
            continue
        yield from _cut(text, start, run.start())
        # The last blank before text goes with the text (`\s+(?!\S)`).
        start = run.end() - (run.end() < len(text))
        yield text[run.start() : start], True
    yield from _cut(text, start, len(text))


def _cut(text: str, start: int, end: int) -> Iterator[tuple[str, bool]]:
    while start < end:
        cut = _CUT.search(text, start + _PIECE, end) if end - start > _PIECE else None
        stop = cut.start() if cut else end
        if stop - start > 2 * _PIECE:
            _check_unbroken(text, start + _PIECE, stop)
        yield text[start:stop], False
        start = stop


def _check_unbroken(text: str, start: int, stop: int) -> None:
    size = sum(len(text[at : min(at + _PIECE, stop)].encode()) for at in range(start, stop, _PIECE))
    if size > _UNBROKEN:
        raise BabelmixError(
            f"{size:,} bytes from character {start:,} on without a space, a digit, a line end or a mark"
            f" ({text[start : start + 12]!r}...), at most {_UNBROKEN:,} can be tokenised; drop the document"
        )
