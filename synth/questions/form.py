"""Checks of a question that need no model: its form, its options, and whether it gives its answer away."""

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import regex
from pydantic import BaseModel, ConfigDict, Field

from filters.scripts import script_share
from sources.language import Language
from sources.loading import load_yaml
from synth.questions.check import Checked, at_least, at_most
from synth.questions.record import OPTIONS, Draft, Passage
from synth.questions.settings import Form
from synth.questions.wording import holds, normalised, share_held, shingles, spaced, words

_Check: TypeAlias = Callable[[Draft, Passage, Language, Form], Checked]

_BANNED: Final = Path(__file__).parent / "banned.yaml"
# A banned phrase of fewer characters must be all of an option; fewer where a letter is a syllable or a word.
_LONG: Final = {"Hani": 3, "Jpan": 4, "Hang": 5, "Thai": 7, "Laoo": 7}
_LONG_ELSEWHERE: Final = 9
# "Both A and C": an option about other options.
_LETTERS: Final = regex.compile(r"^\W*(?:\p{L}+\W+)?[A-D]\W+(?:\p{L}+\W+)?[A-D]\W*$")
# What a question ends with; scripts that leave the mark out, or write a full stop.
_ASKS: Final = frozenset("?？؟;;፧⁇⁉")
_ASKS_ALSO: Final = {"Jpan": "。", "Mymr": "။", "Ethi": "።", "Khmr": "។", "Hani": "。"}
_UNMARKED: Final = frozenset({"Thai"})
_BLANK: Final = regex.compile(r"_{2,}|…|\.{3}")
_ENDS: Final = frozenset(".!?。．！？؟۔।॥။።។…")
_CLOSING: Final = "\"'”’»›)]）」』】"
# A Turkish i and ı are the same letter again in capitals that another language's rules have made.
_DOTS: Final = {ord("ı"): "i", 0x0307: None}
_BRACKETS: Final = {"(": ")", "[": "]", "«": "»", "（": "）", "「": "」", "『": "』", "【": "】"}
# Names such as UNESCO, and signs of units and formulae, keep their letters in every script.
_ABBREVIATION: Final = regex.compile(r"\b[A-Z][A-Z0-9./-]{1,7}\b|\b[a-zA-Z]{1,2}\b")


class _Banned(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    options: dict[str, tuple[Annotated[str, Field(min_length=1)], ...]]
    stems: dict[str, tuple[Annotated[str, Field(min_length=1)], ...]]


def form_checks(draft: Draft, passage: Passage, language: Language, settings: Form) -> list[Checked]:
    """What the checks say, in their order, up to and with the first that the question does not pass."""
    return _passed(_CHECKS, draft, passage, language, settings)


def ground_checks(draft: Draft, passage: Passage, language: Language, settings: Form) -> list[Checked]:
    """As `form_checks`: whether the passage has what is asked, of a question in the passage's language."""
    return _passed(_GROUND, draft, passage, language, settings)


def _passed(
    checks: Sequence[_Check], draft: Draft, passage: Passage, language: Language, settings: Form
) -> list[Checked]:
    said: list[Checked] = []
    for check in checks:
        said.append(check(draft, passage, language, settings))
        if not said[-1].passed:
            break
    return said


def fields_of(draft: Draft) -> list[tuple[str, str]]:
    """The fields that a reader sees, by name."""
    options = [(f"option {at}", each) for at, each in enumerate(draft.options)]
    return [("stem", draft.stem), *options, ("explanation", draft.explanation)]


def _lengths(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.lengths`: fields that are empty, too short or too long, and options that are not four."""
    if len(draft.options) != OPTIONS:
        return Checked("form.lengths", len(draft.options), OPTIONS, False, "number_of_options")
    for name, text in fields_of(draft):
        kind = name.split()[0]
        least, most = {"stem": settings.stem, "option": settings.option}.get(kind, settings.explanation)
        # A character of Chinese or Japanese says as much as two of an alphabet.
        least = least // 2 if language.script in ("Hani", "Jpan", "Hang") and least > 1 else least
        length = len(text.strip())
        if length < least or not normalised(text):
            return Checked("form.lengths", length, least, False, "too_short", name)
        if length > most:
            return Checked("form.lengths", length, most, False, "too_long", name)
    return Checked("form.lengths", 0.0, 0.0, True)


def _whole(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.whole`: fields that end in the middle; the score is how many."""
    open_ = [name for name, text in fields_of(draft) if _unbalanced(text)]
    stem, explanation = (each.rstrip().rstrip(_CLOSING).rstrip() for each in (draft.stem, draft.explanation))
    unmarked = language.script in _UNMARKED
    marks = _ASKS | set(_ASKS_ALSO.get(language.script, ""))
    asks = unmarked or stem[-1:] in marks or bool(_BLANK.search(stem))
    cut = open_ + ([] if asks else ["stem"]) + ([] if unmarked or explanation[-1:] in _ENDS else ["explanation"])
    return at_most("form.whole", len(cut), 0, "cut_off", ", ".join(cut))


def _different(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.options`: different options, of which there must be four."""
    different = {normalised(each).translate(_DOTS) for each in draft.options}
    return at_least("form.options", len(different), OPTIONS, "option_repeated")


def _contained(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.contained`: pairs of options of which one holds the other."""
    pairs = [
        f"{outer} / {inner}"
        for at, outer in enumerate(draft.options)
        for other, inner in enumerate(draft.options)
        if at != other and holds(outer, inner, spaced(language))
    ]
    return at_most("form.contained", len(pairs), 0, "option_in_option", pairs[0] if pairs else "")


def _in_stem(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.in_stem`: the share of the answer's words in the stem; no fault where a wrong option has it too."""
    share = share_held(draft.stem, draft.answer, spaced(language))
    if any(share_held(draft.stem, each, spaced(language)) >= share for each in draft.distractors):
        share = 0.0
    return at_most("form.in_stem", share, settings.in_stem, "answer_in_stem", draft.answer)


def _banned(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.banned`: options about other options, and stems about a text; the score is how many."""
    found = [each for each in draft.options if _LETTERS.match(each)]
    for kind, texts in (("options", draft.options), ("stems", (draft.stem,))):
        for text in texts:
            flat = f" {normalised(text)} "
            found += [
                phrase for phrase, long in _phrases(kind, language.code) if _says(flat, phrase, long, language)
            ]
    return at_most("form.banned", len(found), 0, "banned_form", ", ".join(found))


def _key_length(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.key_length`: length of the right option over the mean length of the wrong ones."""
    key = _length(draft.answer)
    others = [_length(each) for each in draft.distractors]
    ratio = key * len(others) / max(sum(others), 1)
    name = "form.key_length"
    if ratio > settings.longest_key and key - max(others) >= settings.key_apart:
        return Checked(name, ratio, settings.longest_key, False, "key_longest")
    if ratio < settings.shortest_key and min(others) - key >= settings.key_apart:
        return Checked(name, ratio, settings.shortest_key, False, "key_shortest")
    return Checked(name, ratio, settings.longest_key, True)


def _quoted(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.quoted`: whether the quote stands in the passage letter by letter; blanks may differ."""
    flat = " ".join(unicodedata.normalize("NFC", passage.text).split())
    quote = " ".join(unicodedata.normalize("NFC", draft.quote).split()).strip(_CLOSING + "“‘«‹（「『").rstrip(".…")
    return at_least("form.quoted", float(bool(quote) and quote in flat), 1.0, "quote_not_found", draft.quote[:80])


def _grounded(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`ground.shared`: the share of the shingles of stem, answer and explanation that the passage has.

    Stop words do not count: they are in any passage of the language.
    """
    stop = _folded(tuple(language.thresholds.stopwords))
    mine = frozenset[str]().union(*(_meant(each, stop) for each in (draft.stem, draft.answer, draft.explanation)))
    share = len(mine & _meant(passage.text, stop)) / max(len(mine), 1)
    return at_least("ground.shared", share, settings.grounded, "ungrounded")


def _stated(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`ground.stated`: the share of the answer's shingles, or if it is more of all options', that are said.

    By the passage or the explanation; options that share nothing with either belong to another question.
    """
    said = _flat(f"{passage.text} {draft.explanation}")
    share = max(_said(draft.answer, said), _said(" ".join(draft.options), said))
    return at_least("ground.stated", share, settings.stated, "answer_not_stated", draft.answer)


def _script(draft: Draft, passage: Passage, language: Language, settings: Form) -> Checked:
    """`form.script`: the least share of letters in the language's script over all fields that have any."""
    least, where = 1.0, ""
    for name, text in fields_of(draft):
        bare = text if language.script == "Latn" else _ABBREVIATION.sub("", text)
        if regex.search(r"\p{L}", bare) and (share := script_share(bare, language.script)) < least:
            least, where = share, name
    return at_least("form.script", least, settings.script, "wrong_script", where)


_CHECKS: Final[tuple[_Check, ...]] = (
    _lengths, _whole, _different, _contained, _in_stem, _banned, _key_length, _quoted, _script,
)  # fmt: skip
_GROUND: Final[tuple[_Check, ...]] = (_grounded, _stated)


@cache
def _phrases(kind: str, code: str) -> tuple[tuple[str, bool], ...]:
    lists: dict[str, tuple[str, ...]] = getattr(load_yaml(_BANNED, _Banned), kind)
    script = code.partition("_")[2]
    least = _LONG.get(script, _LONG_ELSEWHERE)
    flat = {normalised(each) for each in (*lists.get(code, ()), *lists["eng_Latn"])}
    return tuple((each, len(each) >= least) for each in sorted(flat))


def _says(flat: str, phrase: str, long: bool, language: Language) -> bool:
    if flat.strip() == phrase:
        return True
    return long and (f" {phrase} " in flat if spaced(language) else phrase in flat)


@cache
def _folded(every: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.casefold() for word in every)


def _meant(text: str, stop: frozenset[str]) -> frozenset[str]:
    return shingles(" ".join(word for word in words(text) if word not in stop))


def _flat(text: str) -> str:
    return "".join(words(text))


def _said(text: str, flat: str) -> float:
    """The share of a text's shingles that stand in `flat`; a word shorter than a shingle may stand anywhere."""
    mine = shingles(text)
    return sum(each in flat for each in mine) / max(len(mine), 1)


def _unbalanced(text: str) -> bool:
    return any(text.count(opening) != text.count(closing) for opening, closing in _BRACKETS.items())


def _length(text: str) -> int:
    """Characters without marks: what a reader sees of Devanagari or Thai."""
    return sum(not unicodedata.category(each).startswith("M") for each in text.strip())
