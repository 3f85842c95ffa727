"""Makes the questions of a language: tree, notes, questions, checks, balance, one wave after the other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sources.language import Language
from synth.questions.balance import Standing
from synth.questions.benchmark_questions import benchmark_checks
from synth.questions.check import Checked
from synth.questions.field_language import language_checks
from synth.questions.form import form_checks, ground_checks
from synth.questions.model_checks import model_checks
from synth.questions.near_duplicates import Seen, duplicate_check
from synth.questions.record import Candidate, Dropped, Passage, Question
from synth.questions.settings import QuestionSettings
from synth.questions.tree import Ground, Twig, grounded, grown
from synth.questions.writing import passages, place, written
from synth.request import Engine


def make_questions(
    language: Language, engine: Engine, verifier: Engine | None, settings: QuestionSettings,
    grounds: Iterable[Ground] | None = None,
) -> Iterator[Question | Dropped]:  # fmt: skip
    """Questions of `language` that passed every check, and a row for whatever was dropped on the way.

    They stand on the documents of `grounds`, or where there are none on notes that `engine` writes of the
    concepts that it names. `verifier` does the model checks, best another model than `engine`; without one there
    are none, and the records' `verifier` is empty. The same completions give the same questions in the same
    order, in whatever order and however many at once the engine finishes requests.

    Memory: one wave (`QuestionSettings.wave`) of questions with their passages, and what near-duplicates are
    looked for among (`remembered`, in the settings and in `Tree`).

    Raises:
        BabelmixError: a region, domain, language identifier or list of benchmark questions is not there.
    """
    standing = Standing(settings.balance, settings.model.options_only)
    seen = Seen(settings.near_duplicate, settings.remembered)
    twigs = grown(language, engine, settings) if grounds is None else grounded(language, engine, settings, grounds)
    for wave in _waves(twigs, settings.wave):
        yield from (each for each in wave if isinstance(each, Dropped))
        for made in _wave(
            [each for each in wave if isinstance(each, Twig)], language, engine, verifier, settings, seen, standing
        ):
            yield made
            if settings.most and standing.kept >= settings.most:
                return


def _wave(
    twigs: Sequence[Twig], language: Language, engine: Engine, verifier: Engine | None,
    settings: QuestionSettings, seen: Seen, standing: Standing,
) -> Iterator[Question | Dropped]:  # fmt: skip
    grounds: list[tuple[Twig, Passage]] = []
    for twig, passage in zip(twigs, passages(twigs, language, engine, settings), strict=True):
        if isinstance(passage, Dropped):
            yield passage
        else:
            grounds.append((twig, passage))
    candidates: list[Candidate] = []
    for each in written(grounds, language, engine, settings):
        if isinstance(each, Dropped):
            yield each
        else:
            candidates.append(each)
    for check in (_by_form, _by_set, _by_model):
        going_on = []
        for candidate, said in zip(candidates, check(candidates, language, verifier, settings, seen), strict=True):
            candidate = _with(candidate, said)
            failed = next((each for each in said if not each.passed), None)
            if failed:
                yield _dropped(candidate, failed)
            else:
                going_on.append(candidate)
        candidates = going_on
    for candidate in candidates:
        made = candidate.question
        balanced = standing.check(made)
        if not balanced.passed:
            yield _dropped(candidate, balanced)
            continue
        standing.add(made)
        yield replace(made, verifier=f"{verifier.model}@{verifier.revision}" if verifier else "")


def _by_form(
    candidates: Sequence[Candidate], language: Language, verifier: Engine | None, settings: QuestionSettings,
    seen: Seen,
) -> list[list[Checked]]:  # fmt: skip
    """Form first; then the language of the fields, and last whether the passage has what they say."""
    said = [form_checks(each.draft, each.passage, language, settings.form) for each in candidates]
    whole = [at for at, checks in enumerate(said) if checks[-1].passed]
    found = language_checks([candidates[at].draft for at in whole], language, settings.identifier)
    for at, check in zip(whole, found, strict=True):
        said[at].append(check)
        if check.passed:
            each = candidates[at]
            said[at] += ground_checks(each.draft, each.passage, language, settings.form)
    return said


def _by_set(
    candidates: Sequence[Candidate], language: Language, verifier: Engine | None, settings: QuestionSettings,
    seen: Seen,
) -> list[list[Checked]]:  # fmt: skip
    """Benchmarks, and what was asked before; a benchmark's question is not remembered."""
    found = benchmark_checks([each.draft for each in candidates], language, settings.contamination)
    return [
        [check, duplicate_check(each.draft, each.question.id, seen)] if check.passed else [check]
        for each, check in zip(candidates, found, strict=True)
    ]


def _by_model(
    candidates: Sequence[Candidate], language: Language, verifier: Engine | None, settings: QuestionSettings,
    seen: Seen,
) -> list[list[Checked]]:  # fmt: skip
    if verifier is None:
        return [[] for _ in candidates]
    return model_checks(candidates, language, verifier, settings.model, settings.seed)


def _with(candidate: Candidate, said: Sequence[Checked]) -> Candidate:
    checks = {**candidate.question.checks, **{each.name: float(each.score) for each in said}}
    return replace(candidate, question=replace(candidate.question, checks=checks))


def _dropped(candidate: Candidate, failed: Checked) -> Dropped:
    asked = candidate.draft.stem if not failed.detail else f"{failed.detail} | {candidate.draft.stem}"
    return Dropped(
        candidate.question.id, failed.name, failed.reason, failed.score, failed.threshold, asked,
        place(candidate.leaf),
    )  # fmt: skip


def _waves(twigs: Iterable[Twig | Dropped], size: int) -> Iterator[list[Twig | Dropped]]:
    """Waves of at most `size` questions, at least one concept each."""
    wave: list[Twig | Dropped] = []
    questions = 0
    for each in twigs:
        grows = len(each.leaves) if isinstance(each, Twig) else 0
        if wave and questions + grows > size:
            yield wave
            wave, questions = [], 0
        wave.append(each)
        questions += grows
    if wave:
        yield wave
