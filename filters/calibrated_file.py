"""Writes new thresholds into a language's YAML file and leaves the rest of the file as it stands."""

import json
import os
import re
import textwrap
from pathlib import Path

from sources.errors import BabelmixError
from sources.language import Language, Thresholds, language_folders, languages
from sources.loading import load_yaml

_BLOCK = re.compile(r"(?:^ *#[^\n]*\n)?^thresholds:[ \t]*\n(?:[ \t]+[^\n]*\n|[ \t]*\n)*", re.MULTILINE)
# What the files' first lines say of where the numbers come from no longer holds of the thresholds.
_ORIGIN = re.compile(r"^# Thresholds(, stop words and | and stop words: [^\n]*\n)(GlotLID)?", re.MULTILINE)


def language_file(code: str) -> Path:
    """The file of a registered language.

    Raises:
        BabelmixError: there is none.
    """
    for folder in language_folders():
        if (path := folder / f"{code}.yaml").is_file():
            return path
    raise BabelmixError(f"no file {code}.yaml; add it with `babelmix languages add {code}`")


def write_thresholds(path: Path, thresholds: Thresholds, origin: str) -> None:
    """Replaces the block `thresholds` of the file; `origin` is one line on where they come from.

    Every other line stays, comments included. The new file is read before it takes the old one's place.

    Raises:
        BabelmixError: the file has no such block, or cannot be written.
    """
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n"
    block = "".join(f"{line}\n" for line in (f"# {origin}", *_lines(thresholds)))
    written, blocks = _BLOCK.subn(lambda _: block, text)
    if blocks != 1:
        raise BabelmixError(f"{path}: thresholds: not a block of `  key: value` lines; write it so")
    written = _ORIGIN.sub(lambda found: f"# {found[2]}" if found[2] else "", written)
    staged = path.with_name(f"{path.name}.new")
    try:
        staged.write_text(written, encoding="utf-8")
        load_yaml(staged, Language)
        os.replace(staged, path)  # noqa: PTH105  # renames over what stands, on every system
    except OSError as error:
        raise BabelmixError(
            f"{path}: cannot be written ({error.strerror}); leave out --write to look only"
        ) from error
    finally:
        staged.unlink(missing_ok=True)
    languages.cache_clear()


def _lines(thresholds: Thresholds) -> list[str]:
    lines = ["thresholds:"]
    for key, value in thresholds.model_dump(mode="json").items():
        if key != "stopwords":
            lines.append(f"  {key}: {json.dumps(value)}")
    # In quotes: `no`, `on` and `y` would be read as something else than text.
    words = ", ".join(json.dumps(word, ensure_ascii=False) for word in thresholds.stopwords)
    wrapped = textwrap.wrap(words, 100, break_long_words=False, break_on_hyphens=False)
    return [*lines, "  stopwords: [", *(f"    {line}" for line in wrapped), "  ]"]
