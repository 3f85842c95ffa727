"""From the tree to kept questions, with an engine that answers from a script."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pytest
from questions_engine import Answer, ScriptedEngine

from sources.errors import BabelmixError
from sources.language import language
from synth.questions.estimate import planned
from synth.questions.funnel import Funnel
from synth.questions.record import Dropped, Passage, Question
from synth.questions.run import make_questions
from synth.questions.settings import QuestionSettings
from synth.questions.tree import Ground
from synth.request import Completion, Finished, Request

ENGLISH = language("eng_Latn")
SETTINGS = QuestionSettings.model_validate(
    {
        "seed": 3,
        "wave": 16,
        # The questions of the script are much alike.
        "near_duplicate": 0.8,
        "tree": {"regions": ["IE", "NZ"], "domains": ["food", "play"], "topics": 8, "concepts": 3},
    }
)
WORDS = [
    "river",
    "harvest",
    "wooden",
    "evening",
    "shepherd",
    "market",
    "bridge",
    "winter",
    "copper",
    "garden",
    "fiddle",
    "pepper",
    "saddle",
    "candle",
    "meadow",
    "lantern",
    "barrel",
    "village",
    "cousin",
    "feather",
    "kitchen",
    "morning",
    "thunder",
    "basket",
    "island",
    "pocket",
    "ribbon",
    "velvet",
    "anchor",
    "cradle",
]


def _after(request: Request, label: str) -> str:
    found = re.search(rf"^{label}: (.*)$", request.messages[-1].content, re.M)
    assert found
    return found[1]


def _draw(*seeds: str) -> random.Random:
    return random.Random("|".join(seeds))


def _topics(request: Request) -> str:
    return "<topic>seaside picnics</topic>\n<topic>Seaside  Picnics!</topic>"


def _concepts(request: Request) -> str:
    draw = _draw(request.messages[-1].content)
    names = [f"{draw.choice(WORDS)} {draw.choice(WORDS)} {draw.randrange(10_000)}" for _ in range(3)]
    # One name comes again in other marks, and one in another script.
    every = [names[0], names[1], names[0].upper(), "Χορός", names[2]]
    return "\n".join(f"<concept>{name} | a thing of the village</concept>" for name in every)


def _facts(concept: str) -> list[str]:
    draw = _draw(concept)
    return [
        f"When the {draw.choice(WORDS)} comes near the {draw.choice(WORDS)}, the people of the "
        f"{draw.choice(WORDS)} bring their {draw.choice(WORDS)} and a {draw.choice(WORDS)} to the {concept}."
        for _ in range(8)
    ]


def _note(request: Request) -> str:
    return f"<note>{' '.join(_facts(_after(request, 'Concept')))}</note>"


def _write(request: Request) -> str:
    concept, facet = _after(request, "Concept"), _after(request, "What to ask about")
    draw = _draw(concept, facet)
    fact = draw.choice(_facts(concept))
    key, *others = draw.sample(WORDS, 4)
    stem = (
        f"What do the people of the {draw.choice(WORDS)} bring when the {draw.choice(WORDS)} and the "
        f"{draw.choice(WORDS)} come near the {draw.choice(WORDS)}?"
    )
    wrong = "".join(f"<distractor>The old {each}</distractor>" for each in others)
    return (
        f"<stem>{stem}</stem><answer>The old {key}</answer>{wrong}<explanation>It is the {key} that the people "
        f"bring to the {concept}, and they have done so for long.</explanation><quote>{fact}</quote>"
    )


KEYS: dict[str, str] = {}
GERMAN = "Der Laib wird einmal im Jahr gebacken, und die Bäcker bestäuben seine Kruste mit geröstetem Mehl."


def _drawn_letter(request: Request) -> str:
    return _draw(request.messages[-1].content).choice("ABCD")


def _remembering(request: Request) -> str:
    text = _write(request)
    stem, key = re.search(r"<stem>(.*?)</stem>", text), re.search(r"<answer>(.*?)</answer>", text)
    assert stem
    assert key
    KEYS[stem[1]] = key[1]
    return text


def _right_letter(request: Request) -> str:
    text = request.messages[-1].content
    key = next(key for stem, key in KEYS.items() if stem in text)
    found = re.search(rf"^([A-D])\. {re.escape(key)}$", text, re.M)
    assert found
    return found[1]


def _right_option(request: Request) -> str:
    return "yes" if KEYS[_after(request, "Question")] == _after(request, "Answer") else "no"


WRITER: dict[str, Answer] = {
    "questions/topics": _topics,
    "questions/concepts": _concepts,
    "questions/note": _note,
    "questions/write": _remembering,
}
SOLVER: dict[str, Answer] = {
    "questions/safety": "no",
    "questions/specificity": "4",
    "questions/options_only": _drawn_letter,
    "questions/solve": _right_letter,
    "questions/judge": _right_option,
    "questions/solve_closed": _drawn_letter,
}


def _run(
    settings: QuestionSettings = SETTINGS, shuffle: int | None = None, changed: Mapping[str, Answer] | None = None
) -> tuple[list[Question | Dropped], ScriptedEngine, ScriptedEngine]:
    engine = ScriptedEngine({**WRITER, **(changed or {})}, shuffle)
    verifier = ScriptedEngine({**SOLVER, **(changed or {})}, shuffle)
    return list(make_questions(ENGLISH, engine, verifier, settings)), engine, verifier


def _kept(found: Iterable[Question | Dropped]) -> list[Question]:
    return [each for each in found if isinstance(each, Question)]


def _reasons(found: Iterable[Question | Dropped]) -> Counter[tuple[str, str]]:
    return Counter((each.filter, each.reason) for each in found if isinstance(each, Dropped))


def test_the_tree_is_walked_and_good_questions_are_kept() -> None:
    found, engine, verifier = _run()
    kept, reasons = _kept(found), _reasons(found)
    # Two regions, two domains, eight topics of each (seven and six of them declared), three concepts, two facets.
    topics = 2 * (8 + 7)
    assert engine.asked["questions/topics"] == 4
    assert engine.asked["questions/concepts"] == topics
    assert reasons["concepts", "repeated"] == reasons["concepts", "wrong_script"] == topics
    assert engine.asked["questions/note"] == topics * 3
    assert engine.asked["questions/write"] == topics * 3 * 2
    assert len(kept) + sum(count for (name, _), count in reasons.items() if name != "concepts") == topics * 3 * 2
    assert len(kept) > 0.8 * topics * 3 * 2
    assert {each.region for each in kept} == {"IE", "NZ"}
    assert {each.domain for each in kept} == {"food", "play"}
    for each in kept:
        assert KEYS[each.stem] == each.key
        assert (each.model, each.prompt, each.verifier) == ("scripted", "questions/write@1", "scripted@1")
        assert each.checks["model.solve"] == 1
        assert each.evidence_id.startswith("note-")
        assert set(each.checks) >= {"form.quoted", "language.fields", "set.duplicate", "model.truth"}
    assert verifier.asked["questions/solve"] >= 5 * len(kept)
    assert {each.answer for each in kept} == {0, 1, 2, 3}


def test_the_order_in_which_an_engine_finishes_decides_nothing() -> None:
    first = _run()[0]
    assert first == _run(shuffle=1)[0] == _run(shuffle=2)[0]


def test_a_wave_bounds_what_is_asked_at_once_and_decides_nothing() -> None:
    small, engine, verifier = _run(SETTINGS.model_copy(update={"wave": 4}))
    assert _kept(small) == _kept(_run()[0])
    # The concepts of a region's topics are asked for together; notes and questions wave by wave.
    assert engine.most_at_once <= 16
    assert verifier.most_at_once <= 4 * 5


def test_as_many_as_are_wanted() -> None:
    found, engine, _ = _run(SETTINGS.model_copy(update={"most": 10}))
    assert len(_kept(found)) == 10
    assert engine.asked["questions/write"] <= 32


class _Stored:
    """An engine before which a store stands that outlives it; it is killed after so many completions."""

    model, revision = "scripted", "1"

    def __init__(self, inner: ScriptedEngine, store: dict[str, Finished], killed_after: int) -> None:
        self.inner, self.store, self.left = inner, store, killed_after

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        for request in requests:
            key = request.key(self.model, self.revision)
            if key not in self.store:
                self.left -= 1
                if self.left < 0:
                    raise KeyboardInterrupt
                self.store[key] = next(iter(self.inner.complete([request])))
            yield replace(self.store[key], request=request, replayed=True)


def test_a_killed_run_asks_nothing_twice() -> None:
    tree = SETTINGS.tree.model_copy(update={"regions": ("IE",), "domains": ("play",)})
    settings = SETTINGS.model_copy(update={"tree": tree})
    wanted, plain, plain_verifier = _run(settings)
    store: dict[str, Finished] = {}
    engine, verifier = ScriptedEngine(WRITER), ScriptedEngine(SOLVER)
    kills = 0
    while True:
        stored, checked = _Stored(engine, store, 17), _Stored(verifier, store, 97)
        try:
            found = list(make_questions(ENGLISH, stored, checked, settings))
            break
        except KeyboardInterrupt:
            kills += 1
    assert kills > 5
    assert found == wanted
    assert (engine.asked, verifier.asked) == (plain.asked, plain_verifier.asked)


@pytest.mark.parametrize(
    ("changed", "stage", "reason"),
    [
        ({"questions/topics": None}, "topics", "transport"),
        ({"questions/concepts": "I'm sorry, I cannot."}, "concepts", "refused"),
        ({"questions/note": "<skip>never heard of it</skip>"}, "note", "skipped"),
        ({"questions/note": "<note></note>"}, "note", "unparsable"),
        ({"questions/note": "<note>Το καρβέλι ψήνεται μια φορά τον χρόνο.</note>"}, "note", "wrong_script"),
        ({"questions/note": f"<note>{GERMAN}</note>"}, "note", "wrong_language"),
        ({"questions/write": "<stem>What?</stem>"}, "write", "unparsable"),
        ({"questions/write": "<skip>too little</skip>"}, "write", "skipped"),
        ({"questions/write": lambda request: Completion(_write(request), "length", 1, 1)}, "write", "truncated"),
        ({"questions/write": lambda request: _write(request)[:-3]}, "write", "unparsable"),
        (
            {"questions/write": lambda request: _write(request).replace("<quote>", "<quote>Nobody said that ")},
            "form.quoted",
            "quote_not_found",
        ),
        ({"questions/solve": "A"}, "model.solve", "not_answerable"),
        ({"questions/solve": "?"}, "model.solve", "not_answerable"),
        ({"questions/solve": "I do not know"}, "model.solve", "not_answerable"),
        ({"questions/solve": None}, "model.solve", "transport"),
        ({"questions/judge": "yes"}, "model.truth", "two_right_answers"),
        ({"questions/judge": "no"}, "model.truth", "key_not_true"),
        ({"questions/specificity": "0"}, "model.specificity", "not_regional"),
        ({"questions/specificity": "very"}, "model.specificity", "unparsable"),
        ({"questions/safety": "Yes."}, "model.safety", "unfit"),
    ],
)
def test_what_goes_wrong_is_dropped_with_its_reason(changed: dict[str, Answer], stage: str, reason: str) -> None:
    found = _run(SETTINGS.model_copy(update={"most": 40}), None, changed)[0]
    reasons = _reasons(found)
    assert reasons[stage, reason] > 0
    # Where nothing gets past the stage, nothing is kept; without the model's topics the declared ones stay.
    if stage == "topics":
        assert len(_kept(found)) == 40
    else:
        # A letter that is always the same is right by chance, seldom four times in five.
        assert len(_kept(found)) < 0.1 * len(found)


def test_without_a_verifier_there_are_no_model_checks() -> None:
    found = _kept(make_questions(ENGLISH, ScriptedEngine(WRITER), None, SETTINGS))
    assert found
    assert all(each.verifier == "" and not any("model." in name for name in each.checks) for each in found)


def test_questions_stand_on_documents_where_there_are_some() -> None:
    def concepts(request: Request) -> str:
        return "<concept>river fiddle 7 | a tune</concept>"

    text = " ".join(_facts("river fiddle 7 (a tune)"))
    grounds = [
        Ground(Passage(f"web-{at}", f"{at}. {text}", "CC-BY-4.0"), "IE", "music", "airs") for at in range(40)
    ]
    engine = ScriptedEngine(WRITER | {"questions/concepts_in": concepts})
    verifier = ScriptedEngine(SOLVER)
    found = list(make_questions(ENGLISH, engine, verifier, SETTINGS, iter(grounds)))
    kept, reasons = _kept(found), _reasons(found)
    assert engine.asked["questions/note"] == engine.asked["questions/concepts"] == 0
    # All documents tell the same: what they give after the first is a near-duplicate.
    assert len(kept) == 2
    assert {each.evidence_id for each in kept} == {"web-0"}
    assert {each.licence for each in kept} == {"CC-BY-4.0"}
    assert reasons["set.duplicate", "near_duplicate"] == 78


def test_an_unknown_region_is_an_error_in_one_line() -> None:
    settings = SETTINGS.model_copy(update={"tree": SETTINGS.tree.model_copy(update={"regions": ("IX",)})})
    with pytest.raises(BabelmixError, match="regions of eng_Latn: no 'IX'"):
        next(make_questions(ENGLISH, ScriptedEngine(WRITER), None, settings))


def test_the_funnel_adds_up() -> None:
    seldom: dict[str, Answer] = {
        "questions/specificity": lambda request: _draw(request.messages[-1].content).choice("15")
    }
    found, engine, _ = _run(SETTINGS, None, seldom)
    funnel = Funnel(SETTINGS)
    for each in found:
        funnel.add(each)
    report = funnel.report()
    rows = {row["stage"]: row for row in report["stages"]}
    assert report["written"] == engine.asked["questions/write"]
    assert rows["set.balance"]["passed"] == report["questions"] == len(_kept(found))
    assert rows["model"]["reasons"]["model.specificity: not_regional"] > 20
    assert rows["model"]["reached"] == rows["set.duplicate"]["passed"]
    assert "not_regional" in funnel.table()
    assert sum(report["set"]["positions"]) == len(_kept(found))


def test_what_is_planned_is_an_upper_bound_and_exact_where_nothing_is_lost() -> None:
    _, engine, verifier = _run()
    plan = {each.prompt.partition("@")[0]: each for each in planned(ENGLISH, SETTINGS)}
    asked = engine.asked + verifier.asked
    assert set(plan) == set(asked)
    assert all(asked[name] <= plan[name].requests for name in asked)
    assert asked["questions/topics"] == plan["questions/topics"].requests
    # Food has seven topics of its own and one of the model's; play six and one of the two that were asked for.
    assert asked["questions/concepts"] == 30 < plan["questions/concepts"].requests == 32
    assert plan["questions/write"].completion_tokens == 700 * plan["questions/write"].requests
    on_documents = {each.prompt.partition("@")[0]: each.requests for each in planned(ENGLISH, SETTINGS, 10)}
    assert on_documents["questions/concepts_in"] == 10
    assert "questions/note" not in on_documents
    assert on_documents["questions/judge"] == 4 * on_documents["questions/write"] == 4 * 60
