"""What is loaded to say what is to be done: what carries it out takes seconds to load, and is for the workers."""

from pathlib import Path

from command_line import CommandLine, Ended
from few_languages import few_languages

CARRYING_OUT = (
    "numba", "pandas", "polars", "aiohttp", "datatrove", "ftfy", "huggingface_hub.hf_api", "torch", "prefect"
)  # fmt: skip
# Python then says of every module, on standard error, that it was imported.
TELLING = {"PYTHONPROFILEIMPORTTIME": "1"}


def _imported(ended: Ended) -> set[str]:
    return {line.rsplit("|", 1)[1].strip() for line in ended.err.splitlines() if line.startswith("import time:")}


def test_status_loads_nothing_that_carries_out_steps(babelmix: CommandLine, tmp_path: Path) -> None:
    ended = babelmix("status", few_languages(tmp_path), own=TELLING)
    assert ended.done().startswith("0 of ")
    imported = _imported(ended)
    assert {"pipelines.build", "pipelines.synthesis_steps", "pipelines.execute"} <= imported
    assert not imported & set(CARRYING_OUT)


def test_neither_does_the_driver_of_a_mix(babelmix: CommandLine, tmp_path: Path) -> None:
    """It stops where it would lock the workspace, which is none, and has what it gives steps to workers with."""
    (tmp_path / "workspace").write_text("a file")
    ended = babelmix("mix", few_languages(tmp_path), own=TELLING)
    assert "workspace: cannot be written (File exists)" in ended.err
    imported = _imported(ended)
    assert {"pipelines.build", "pipelines.step_pool", "pipelines.pool", "flows.terminal"} <= imported
    assert not imported & set(CARRYING_OUT)
