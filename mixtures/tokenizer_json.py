"""Tokenizers by their `tokenizer.json`, from a folder or the Hub, run by the `tokenizers` package."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sources.errors import BabelmixError

_FILE: Final = "tokenizer.json"
# What models call the token that ends a document.
_EOD_NAMES: Final = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "[EOS]")


@dataclass(frozen=True)
class TokenizerJson:
    """A `tokenizer.json` that was found under `name`."""

    name: str
    path: Path
    origin: str

    @classmethod
    def find(cls, name: str) -> "TokenizerJson":
        """The file of a folder, or of a Hub id, `org/name` or `org/name@revision`.

        Raises:
            BabelmixError: there is none, or the Hub cannot be reached.
        """
        folder = Path(name)
        if folder.is_dir():
            path = folder / _FILE
            if not path.is_file():
                raise BabelmixError(f"tokenizer {name}: no {_FILE} in this folder; name one that has it")
            return cls(name, path, str(path))
        from huggingface_hub import hf_hub_download

        repository, _, revision = name.partition("@")
        try:
            path = Path(hf_hub_download(repository, _FILE, revision=revision or None))
        except Exception as error:
            raise BabelmixError(
                f"tokenizer {name}: neither a folder nor to be had from the Hub ({type(error).__name__});"
                " write org/name, a folder, or the bundled Qwen/Qwen3-0.6B-Base"
            ) from error
        return cls(name, path, f"{name}, {_FILE}")

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The file as JSON."""
        content: Mapping[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return content

    def eod(self) -> int:
        """The id of the token that ends a document.

        Raises:
            BabelmixError: none of the names that are known for it is among the special tokens.
        """
        special = {token["content"]: token["id"] for token in self.content.get("added_tokens", ())}
        for name in _EOD_NAMES:
            if name in special:
                return int(special[name])
        raise BabelmixError(f"{self.origin}: no token ends a document; one of {', '.join(_EOD_NAMES)} must")

    def difference(self, ranks: Mapping[bytes, int], split: str, eod: int) -> str | None:
        """In what this tokenizer differs from a byte-level one of `ranks`; None if it gives the same ids."""
        vocabulary = self.content["model"]["vocab"]
        ours = {"".join(_BYTES[byte] for byte in token): rank for token, rank in ranks.items()}
        if vocabulary != ours:
            return f"{len(vocabulary.items() ^ ours.items())} entries of the vocabulary"
        if split not in json.dumps(self.content.get("pre_tokenizer"), ensure_ascii=False).replace("\\\\", "\\"):
            return "the split pattern"
        if (self.content.get("normalizer") or {}).get("type") != "NFC":
            return "the normaliser"
        return None if self.eod() == eod else "the end of document"


class JsonTokenizer:
    """A tokenizer run by the `tokenizers` package."""

    def __init__(self, found: TokenizerJson) -> None:
        from tokenizers import Tokenizer

        self._found = found
        self.name, self.origin, self.fingerprint = found.name, found.origin, found.fingerprint
        self.eod = found.eod()
        self._tokenizer: Any = Tokenizer.from_file(str(found.path))
        # Special tokens in the text are text.
        self._tokenizer.encode_special_tokens = True

    def __reduce__(self) -> tuple[Any, tuple[TokenizerJson]]:
        return JsonTokenizer, (self._found,)

    def encode_batch(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        """See `mixtures.tokenizer.Tokenizer`."""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(each.ids, dtype=np.uint32) for each in found]

    def decode(self, ids: Sequence[int] | npt.NDArray[np.uint32]) -> str:
        """See `mixtures.tokenizer.Tokenizer`."""
        return str(self._tokenizer.decode(np.asarray(ids).tolist(), skip_special_tokens=False))


def _byte_characters() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = (chr(0x100 + number) for number in range(256))
    return [chr(byte) if byte in shown else next(hidden) for byte in range(256)]


_BYTES: Final = _byte_characters()
