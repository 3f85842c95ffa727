"""A stage of the sample pack that is built in little time: two languages beside English, every kind of step."""

from pathlib import Path

RECIPE = """\
model: few
stage: 4
from: 4.6T
to: 5.1T
tokenizer: Qwen/Qwen3-0.6B-Base
max_epochs: 4
on_shortage: redistribute
synthesis: [questions]
source: A few languages.
categories: {code: 5, wiki: 5, multilingual: 90}
languages: {ell_Grek: 50, azj_Latn: 40}
"""


def few_languages(folder: Path) -> Path:
    """Writes the recipe into `folder`; its path."""
    path = folder / "few.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path
