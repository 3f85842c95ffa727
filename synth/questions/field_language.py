"""Is every field of a question in its language? By identifier and stop words, over a batch of questions at once.

A question's fields are short: identifiers waver, and stop words are few. Neither is believed alone. A field is in
another language where the identifier gives the language next to nothing and the language's stop words are no more
than those of some other language of its script; or little, and they are fewer. Fields of few letters are left to
the check of their script.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import regex

from filters.identifiers import IdentifierName, identified, identify
from sources.language import Language, languages
from synth.questions.check import Checked, at_least
from synth.questions.form import fields_of
from synth.questions.record import Draft
from synth.questions.wording import words

# Chosen on single sentences of translations, 16 in each of the 64 languages. Of those of the 61 languages that
# lid.176 knows, 1.1% were taken for another language; of sentences in another language of the same script 98% were
# found, in English all.
_NOTHING: Final = 0.02
_LITTLE: Final = 0.2
# For a language that the identifier does not know: how sure it must be of another one.
_SURE: Final = 0.5
# Without a stop word of that one; it took Zulu for Finnish with 0.98.
_CERTAIN: Final = 0.9
# Or how many more stop words another language has in the text: short words are words of many languages.
_FAR: Final = 3
# Letters, vowel signs included, from which on a field is identified; syllables and Han characters say more.
_FEWEST: Final = 24
_FEWEST_DENSE: Final = 10
_DENSE: Final = frozenset({"Hani", "Jpan", "Hang", "Ethi"})
_LETTER: Final = regex.compile(r"[\p{L}\p{M}]")


def language_checks(drafts: Sequence[Draft], language: Language, identifier: IdentifierName) -> list[Checked]:
    """`language.fields` of each question: 1 less the share of its fields that are in another language.

    Fields are the stem, the explanation and the options together; those that are too short count as right.

    Raises:
        BabelmixError: as `filters.identifiers.identify`.
    """
    places = [(at, name, text) for at, draft in enumerate(drafts) for name, text in _long_fields(draft, language)]
    others = other_language([text for _, _, text in places], language, identifier, [name for _, name, _ in places])
    wrong: dict[int, list[str]] = {}
    for (at, name, _), other in zip(places, others, strict=True):
        if other:
            wrong.setdefault(at, []).append(f"{name}: {other}")
    details = [", ".join(wrong.get(at, ())) for at in range(len(drafts))]
    return [
        at_least("language.fields", 1 - len(wrong.get(at, ())) / 3, 1.0, "wrong_language", detail)
        for at, detail in enumerate(details)
    ]


def other_language(
    texts: Sequence[str], language: Language, identifier: IdentifierName, names: Sequence[str] = ()
) -> list[str]:
    """What each text that is in another language was taken for, and how surely (`pt 0.87`); else an empty string.

    Texts that are named "options" are lists of names, and believed less.

    Raises:
        BabelmixError: as `filters.identifiers.identify`.
    """
    known = identified(language, identifier)
    found = identify(texts, known.label if known else "", identifier)
    # Its letters are enough to tell the language from all others; their share is checked elsewhere.
    alone = len(_of_script(language.script)) == 1
    labels = _labels(identifier)
    said = []
    for at, text in enumerate(texts):
        first, sure, score = found.first[at], float(found.first_score[at]), float(found.score[at])
        mine, others = _stop_words(text, language)
        if known is None:
            theirs = _count(text, labels[first]) if first in labels else 0
            certain = first in labels and (sure > _CERTAIN or (sure > _SURE and theirs > mine))
            other = others - mine >= _FAR or (certain and mine <= others)
        elif alone:
            other = score < _NOTHING and sure > _SURE
        elif names and names[at] == "options":
            # Four names are less of a text than a sentence is; that they are of the question is checked elsewhere.
            other = sure > _SURE and (
                (score < _NOTHING and mine <= others) or (score < _LITTLE and mine + 1 < others)
            )
        else:
            other = (score < _NOTHING and mine <= others) or (score < _LITTLE and mine < others)
        said.append(f"{first} {sure:.2f}" if other else "")
    return said


def _long_fields(draft: Draft, language: Language) -> list[tuple[str, str]]:
    by_name = dict(fields_of(draft))
    texts = [
        ("stem", by_name["stem"]),
        ("options", ", ".join(draft.options)),
        ("explanation", by_name["explanation"]),
    ]
    fewest = _FEWEST_DENSE if language.script in _DENSE else _FEWEST
    return [(name, text) for name, text in texts if len(_LETTER.findall(text)) >= fewest]


def _stop_words(text: str, language: Language) -> tuple[int, int]:
    """How many words are stop words of the language, and the most that are of another language of its script."""
    counts = {code: _count(text, code) for code in _of_script(language.script)}
    mine = counts.pop(language.code, 0)
    return mine, max(counts.values(), default=0)


def _count(text: str, code: str) -> int:
    known = _known_words(code)
    return sum(word in known for word in words(text))


@cache
def _known_words(code: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in languages()[code].thresholds.stopwords)


@cache
def _of_script(script: str) -> tuple[str, ...]:
    return tuple(code for code, each in languages().items() if each.script == script)


@cache
def _labels(identifier: IdentifierName) -> dict[str, str]:
    """The codes of the registered languages by the identifier's labels."""
    return {known.label: code for code, each in languages().items() if (known := identified(each, identifier))}
