"""Checks of questions that ask a verifier: best another model than the one that wrote them.

Every check makes its requests for all questions that are left, and only those that pass go on to the next: cheap
ones come first. Where options are shown, their order is shuffled anew for each sample: a verifier that likes one
letter agrees with no question.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sources.language import Language
from synth.parsing import chosen
from synth.prompt import load_prompt
from synth.questions.ask import ask
from synth.questions.check import Checked, at_least, at_most
from synth.questions.record import OPTIONS, Candidate, shuffled
from synth.questions.settings import Model
from synth.request import Engine, Failure, Finished, Request

_LETTERS: Final = "ABCD"
_Requests: TypeAlias = Callable[[Candidate, Language, Model, int], list[Request]]
_Judged: TypeAlias = Callable[[Candidate, list[str | Failure], Model, int], Checked]


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """A check by its requests for one question, and its verdict on what came back for them."""

    name: str
    prompt: str
    requests: _Requests
    judged: _Judged


def model_checks(
    candidates: Sequence[Candidate], language: Language, verifier: Engine, settings: Model, seed: int
) -> list[list[Checked]]:
    """What the checks say of each candidate, up to and with the first that it does not pass.

    A check for which a request failed in transport says nothing of the question: it is not passed, with the
    reason `transport`, and a later run asks again. Any other failure of one of several samples is an answer that
    is not the right one.
    """
    said: list[list[Checked]] = [[] for _ in candidates]
    left = list(range(len(candidates)))
    for check in CHECKS:
        if check.name == "model.safety" and not settings.safety:
            continue
        requests = [check.requests(candidates[at], language, settings, seed) for at in left]
        finished = iter(ask(verifier, [each for some in requests for each in some]))
        going_on = []
        for at, asked in zip(left, requests, strict=True):
            answers = [_answer(next(finished)) for _ in asked]
            lost = next((each for each in answers if isinstance(each, Failure) and each.kind == "transport"), None)
            said[at].append(
                Checked(check.name, 0.0, 0.0, False, "transport", lost.reason)
                if lost
                else check.judged(candidates[at], answers, settings, seed)
            )
            if said[at][-1].passed:
                going_on.append(at)
        left = going_on
    return said


def _answer(finished: Finished) -> str | Failure:
    return chosen(finished, finished.request.sampling.choice)


def _shuffles(prompt: str) -> _Requests:
    """Requests that show the options in an order of their own each time; passage and stem if the prompt asks."""

    def requests(candidate: Candidate, language: Language, settings: Model, seed: int) -> list[Request]:
        template, question = load_prompt(prompt), candidate.question
        found = []
        for sample in range(settings.samples):
            order = _order(candidate, prompt, sample, seed)
            shown = {f"option_{_LETTERS[at].lower()}": question.options[each] for at, each in enumerate(order)}
            every = {
                "language": _named(language),
                "passage": candidate.passage.text,
                "stem": question.stem,
            } | shown
            variables = {name: value for name, value in every.items() if name in template.variables}
            found.append(template.request(variables, seed=seed + sample, context={"id": question.id}))
        return found

    return requests


def _share(prompt: str, candidate: Candidate, answers: list[str | Failure], seed: int) -> float:
    """The share of the samples that chose the right option."""
    right = sum(
        answer == _LETTERS[_order(candidate, prompt, sample, seed).index(candidate.question.answer)]
        for sample, answer in enumerate(answers)
    )
    return right / len(answers)


def _order(candidate: Candidate, prompt: str, sample: int, seed: int) -> tuple[int, ...]:
    return shuffled(OPTIONS, candidate.question.id, seed, f"{prompt} {sample}")


def _solved(candidate: Candidate, answers: list[str | Failure], settings: Model, seed: int) -> Checked:
    """`model.solve`: the share of samples that chose the key with the passage at hand."""
    share = _share("questions/solve", candidate, answers, seed)
    return at_least("model.solve", share, settings.agreement, "not_answerable", _shown(answers))


def _guessed(candidate: Candidate, answers: list[str | Failure], settings: Model, seed: int) -> Checked:
    """`model.options_only`: the share of samples that chose the key without the stem (see `Balance`)."""
    return Checked(
        "model.options_only",
        _share("questions/options_only", candidate, answers, seed),
        settings.options_only,
        True,
    )


def _known(candidate: Candidate, answers: list[str | Failure], settings: Model, seed: int) -> Checked:
    """`model.closed_book`: the share of samples that knew the answer without the passage."""
    share = _share("questions/solve_closed", candidate, answers, seed)
    return at_most("model.closed_book", share, settings.closed_book, "too_easy")


def _judge(candidate: Candidate, language: Language, settings: Model, seed: int) -> list[Request]:
    question = candidate.question
    variables = {
        "language": _named(language),
        "region": candidate.leaf.region_name,
        "passage": candidate.passage.text,
        "stem": question.stem,
    }
    template = load_prompt("questions/judge")
    context = {"id": question.id}
    return [
        template.request(variables | {"option": each}, seed=seed, context=context) for each in question.options
    ]


def _true(candidate: Candidate, answers: list[str | Failure], settings: Model, seed: int) -> Checked:
    """`model.truth`: how many options are right answers; it must be the key alone."""
    right = [at for at, answer in enumerate(answers) if answer == "yes"]
    if candidate.question.answer not in right:
        return Checked("model.truth", len(right), 1, False, "key_not_true", _shown(answers))
    others = [candidate.question.options[at] for at in right if at != candidate.question.answer]
    return at_most("model.truth", len(right), 1, "two_right_answers", ", ".join(others))


def _specific(candidate: Candidate, language: Language, settings: Model, seed: int) -> list[Request]:
    variables = {
        "language": _named(language),
        "region": candidate.leaf.region_name,
        "stem": candidate.question.stem,
        "answer": candidate.question.key,
    }
    context = {"id": candidate.question.id}
    return [load_prompt("questions/specificity").request(variables, seed=seed, context=context)]


def _specificity(candidate: Candidate, answers: list[str | Failure], settings: Model, seed: int) -> Checked:
    """`model.specificity`: 0, the same everywhere, to 5, of the region alone."""
    answer = answers[0]
    if isinstance(answer, Failure):
        return Checked("model.specificity", 0, settings.specificity, False, answer.kind, answer.reason)
    return at_least("model.specificity", int(answer), settings.specificity, "not_regional")


def _safe(candidate: Candidate, language: Language, settings: Model, seed: int) -> list[Request]:
    question = candidate.question
    variables = {
        "language": _named(language),
        "region": candidate.leaf.region_name,
        "stem": question.stem,
        "options": " | ".join(question.options),
        "explanation": question.explanation,
    }
    return [load_prompt("questions/safety").request(variables, seed=seed, context={"id": question.id})]


def _safety(candidate: Candidate, answers: list[str | Failure], settings: Model, seed: int) -> Checked:
    """`model.safety`: 0 where nothing runs a people down, 1 where something does or nothing was said."""
    answer = answers[0]
    if isinstance(answer, Failure):
        return Checked("model.safety", 1.0, 0.0, False, answer.kind, answer.reason)
    return at_most("model.safety", float(answer == "yes"), 0.0, "unfit")


def _named(language: Language) -> str:
    return f"{language.name} ({language.native_name})"


def _shown(answers: list[str | Failure]) -> str:
    return " ".join(each.kind if isinstance(each, Failure) else each for each in answers)


CHECKS: Final = (
    ModelCheck("model.safety", "questions/safety", _safe, _safety),
    ModelCheck("model.specificity", "questions/specificity", _specific, _specificity),
    ModelCheck("model.options_only", "questions/options_only", _shuffles("questions/options_only"), _guessed),
    ModelCheck("model.solve", "questions/solve", _shuffles("questions/solve"), _solved),
    ModelCheck("model.truth", "questions/judge", _judge, _true),
    ModelCheck("model.closed_book", "questions/solve_closed", _shuffles("questions/solve_closed"), _known),
)
