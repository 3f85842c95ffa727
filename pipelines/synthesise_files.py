"""Questions of a language in a folder of one's own: `babelmix synthesise questions --server URL --output DIR`."""

import json
import shutil
from typing import Any, Final

from mixtures.tokenizer import load_tokenizer
from pipelines.document_io import row_counts
from pipelines.synthesise import Progress, synthesise_questions
from pipelines.workspace import Workspace, clear_disk_errors
from sources.errors import BabelmixError
from sources.language import Language, language
from synth.engines import COMPLETIONS, engines
from synth.prompt import load_prompt
from synth.questions.estimate import planned
from synth.settings import Synthesis

_STAGING: Final = ".staging"
# The room each of the three results has in the output.
_ROOMS: Final = {"records": "questions", "documents": "documents", "dropped": "dropped"}
# Tokens of a document or note in a prompt, for an estimate: two pages of it at the most.
_PASSAGE_TOKENS: Final = 1_000
_TOKENIZER: Final = "Qwen/Qwen3-0.6B-Base"


def synthesise_files(
    folder: str | None,
    spoken: Language,
    output: str,
    synthesis: Synthesis,
    progress: Progress = lambda kept, dropped: None,
) -> dict[str, Any]:
    """Writes questions into `output`, in the place of an earlier run's; its completions are used again.

    Writes `questions/*.parquet` with the sheet, `documents/*.parquet`, `dropped/*.parquet` and `report.json`.
    Questions stand on the documents of `folder`, or where there is none on notes about the language's regions.

    Raises:
        BabelmixError: as `pipelines.synthesise.synthesise_questions`; `output` is not a local folder.
    """
    place = Workspace(output).local
    if place is None:
        raise BabelmixError(f"--output {output}: must be a folder on this machine; move the result from there")
    staged = place / _STAGING
    shutil.rmtree(staged, ignore_errors=True)
    try:
        with clear_disk_errors(output):
            for room in _ROOMS.values():
                (staged / room).mkdir(parents=True)
            with engines(synthesis, spoken.code, place / COMPLETIONS) as (writer, verifier):
                totals = synthesise_questions(
                    [folder] if folder else [],
                    spoken,
                    writer,
                    verifier,
                    synthesis.questions,
                    synthesis.documents,
                    {name: str(staged / room) for name, room in _ROOMS.items()},
                    progress,
                )
            for room in _ROOMS.values():
                shutil.rmtree(place / room, ignore_errors=True)
                (staged / room).rename(place / room)
            report = {"language": spoken.code, **totals, "settings": synthesis.model_dump(mode="json")}
            (place / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return totals


def estimated(code: str, synthesis: Synthesis, folder: str | None, tokens_per_second: float) -> str:
    """What a run asks for at the most, prompt by prompt, as lines of text; nothing is asked.

    A tree is counted as if every node had all the children that the settings allow, and every question came
    through all checks. A passage counts as 1,000 tokens, a completion as long as it may be.
    """
    looked_at = min(sum(row_counts(folder)), synthesis.documents) if folder else None
    rows = [
        (each.prompt, each.engine, each.requests)
        for each in planned(language(code), synthesis.questions, looked_at)
    ]
    if looked_at is not None:
        rows.insert(0, ("questions/place", "engine", looked_at))
    if synthesis.verifier is None:
        rows = [row for row in rows if row[1] == "engine"]
    counted = load_tokenizer(_TOKENIZER)
    lines = [f"{'prompt':<24} {'requests':>12} {'prompt tokens':>16} {'completion tokens':>18}"]
    total = [0, 0, 0]
    for prompt, _, requests in rows:
        name = prompt.partition("@")[0]
        template = load_prompt(name)
        words = sum(
            len(each) for each in counted.encode_batch([message.content for message in template.templates])
        )
        words += _PASSAGE_TOKENS * ("passage" in template.variables)
        row = (requests, requests * words, requests * template.sampling.max_tokens)
        total = [before + more for before, more in zip(total, row, strict=True)]
        lines.append(f"{name:<24} {row[0]:>12,} {row[1]:>16,} {row[2]:>18,}")
    lines.append(f"{'at most':<24} {total[0]:>12,} {total[1]:>16,} {total[2]:>18,}")
    hours = total[2] / tokens_per_second / 3600
    lines.append(f"{hours:,.1f} GPU hours at {tokens_per_second:,.0f} completion tokens a second of one GPU")
    return "\n".join(lines)
