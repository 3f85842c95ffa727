"""What the checks of translated and rephrased documents find of faults that were planted, and what they cost.

    python -m benchmarks.quality_rewriting [--folder ../shared/data] [--half odd|even] [--languages deu_Latn,...]

Documents are six sentences of NTREX-128 in two paragraphs, an address in the second of them, without measures
that translators convert; in languages that
NTREX lacks they are of FLORES-200, whose sentences are not of one text. They go through the whole task
(`synth.translation`), with an engine that answers as a model might: with the professional translation (good), or
with that translation spoilt:

  cut off              the server says `length`; the closing tag is missing; the second paragraph is
  cut at three quarters, at nine tenths    the tags are closed as if nothing had happened
  wrong language       the same sentences in another of the 63 languages
  look-alike           the same in a language that is close, or that lid.176 takes for the right one
  untranslated         English; or English in the second paragraph
  number changed       one digit of a number is another one
  marker lost, marker doubled
  meta phrase          a sentence about the translation before or after it, in English or in the language itself
  refusal              the model will not
  repetition           the last sentence five times more; some words of it twenty times

Thresholds were set on even documents and phrases: odd ones (the default) show how well they hold. Then good
translations in many pieces, and rephrasing: two professional translations of one WMT22 text by different people
are a text and a good paraphrase of it (English, Czech, German, Chinese), and the same faults are planted in it,
with copies, other texts and new numbers.
"""

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.quality_bitext import look_alikes, read
from filters.verdict import Drop
from sources.language import Language, language
from synth.rephrasing.rephrase_documents import Rephrase
from synth.rephrasing.settings import RephraseSettings
from synth.request import Completion, Finished, Request
from synth.translation.document_task import Task, carry_out
from synth.translation.protection import protect
from synth.translation.settings import TranslationSettings
from synth.translation.translate_documents import Translation

Texts: TypeAlias = dict[int, tuple[str, str]]

SEED: Final = 1
SENTENCES: Final = 6
ENGLISH: Final = "eng_Latn"
# Faults that are not mechanical: nothing that only looks at letters can find them all.
HARD: Final = ("look-alike", "cut at nine tenths, tags closed")
PARAPHRASES: Final = {
    ENGLISH: ("cs-en.ref.B", "cs-en.ref.C"), "ces_Latn": ("en-cs.ref.B", "en-cs.ref.C"),
    "deu_Latn": ("en-de.ref.A", "en-de.ref.B"), "cmn_Hani": ("en-zh.ref.A", "en-zh.ref.B"),
}  # fmt: skip
# {l} is the language's name.
META: Final = {
    "even": (
        "Sure! Here's the translation into {l}:", "Here is the {l} translation of the text:",
        "Translation into {l}:", "**{l} translation:**", "Below is the {l} version of your text:", "Here you go:",
        "I hope this translation is helpful!", "Let me know if you need any changes.",
        "(Note: some terms have no direct equivalent in {l}.)", "Note: I kept the names in their original form.",
    ),
    "odd": (
        "Certainly! Below you'll find the text in {l}.", "Here is your translated text:",
        "The {l} translation is as follows:", "Okay, here's the {l} text:", "Translated text ({l}):",
        "Please note that idioms were adapted for {l} readers.", "As requested, the translation:",
        "Feel free to ask if you would like adjustments.", "I've done my best to preserve the original tone.",
        "Is there anything else I can help you with?",
    ),
}  # fmt: skip
OWN_META: Final = {
    "even": {
        "ell_Grek": ("Παρακάτω θα βρείτε το κείμενο στα ελληνικά:", "Ελπίζω η μετάφραση να σας φανεί χρήσιμη."),
        "deu_Latn": (
            "Gern! Hier kommt die deutsche Übersetzung:",
            "Melden Sie sich, wenn Sie Änderungen wünschen.",
        ),
        "spa_Latn": ("¡Claro! Te dejo la traducción al español:", "Avísame si quieres que cambie algo."),
        "rus_Cyrl": ("Хорошо! Вот ваш перевод на русский язык:", "Если нужны правки, дайте мне знать."),
        "arb_Arab": ("حسنًا، هذا هو النص مترجمًا إلى العربية:", "أخبرني إن كنت بحاجة إلى أي تعديل على الترجمة."),
        "hin_Deva": ("ठीक है, आपके पाठ का हिंदी अनुवाद नीचे है:", "अगर अनुवाद में कोई बदलाव चाहिए तो बताइए।"),
        "cmn_Hani": ("好的，下面是您要的中文译文：", "如需修改译文，请告诉我。"),
        "tur_Latn": ("Elbette! Metnin Türkçe çevirisi şöyle:", "Çeviride değişiklik isterseniz bana yazın."),
        "swh_Latn": ("Sawa, tafsiri ya Kiswahili ni hii:", "Niambie kama ungependa tafsiri ibadilishwe."),
        "jpn_Jpan": ("承知しました。日本語訳は次のとおりです。", "翻訳に修正が必要でしたらお知らせください。"),
    },
    "odd": {
        "ell_Grek": (
            "Βεβαίως! Το κείμενο στα ελληνικά έχει ως εξής:",
            "Αν θέλετε αλλαγές στη μετάφραση, γράψτε μου.",
        ),
        "deu_Latn": ("Der Text auf Deutsch:", "Bei der Übersetzung habe ich auf natürliche Wortwahl geachtet."),
        "spa_Latn": ("Texto traducido al español:", "He mantenido el tono del original en la traducción."),
        "rus_Cyrl": ("Текст на русском языке:", "В переводе я постарался сохранить стиль оригинала."),
        "arb_Arab": ("النص باللغة العربية:", "حاولت في الترجمة أن أحافظ على أسلوب النص الأصلي."),
        "hin_Deva": ("हिंदी में पाठ:", "मैंने अनुवाद में मूल शैली को बनाए रखने की कोशिश की है।"),
        "cmn_Hani": ("中文版本如下：", "翻译时我尽量保留了原文的语气。"),
        "tur_Latn": ("Metnin Türkçesi:", "Çeviriyi yaparken özgün üslubu korumaya çalıştım."),
        "swh_Latn": ("Maandishi kwa Kiswahili:", "Katika tafsiri nimejaribu kuhifadhi mtindo wa asili."),
        "jpn_Jpan": ("日本語では以下のようになります：", "翻訳では原文の調子を保つようにしました。"),
    },
}
CONVERTED: Final = re.compile(
    r"\b(?:miles?|mph|pounds?|lbs?|feet|foot|ft|inch(?:es)?|yards?|acres?|gallons?|ounces?|degrees|[ap]\.?m\.?|o'clock)\b",
    re.IGNORECASE,
)
REFUSALS: Final = (
    "I'm sorry, but I can't help with translating this content.",
    "As an AI language model, I am unable to do this.",
    "I cannot translate this text because it may be harmful.", "I apologize, but I cannot complete this request.",
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """A document in English, what a translator made of it, and what another language's translator did."""

    english: tuple[str, str]
    target: tuple[str, str]
    numbers: tuple[int, ...]


class Oracle:
    """An engine that answers every text by a table of what is to come back for it."""

    model, revision = "professional translators", ""

    def __init__(self, answers: dict[str, str | Completion], tag: str) -> None:
        self._answers = answers
        self._tag = tag

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """One after the other."""
        for request in requests:
            text = request.messages[-1].content.split("<text>\n")[-1].split("\n</text>")[0]
            found = self._answers.get(text)
            if found is None:
                # Several paragraphs in one piece.
                found = "\n\n".join(str(self._answers[part]) for part in text.split("\n\n"))
            if isinstance(found, Completion):
                yield Finished(request, found)
            else:
                yield Finished(request, Completion(f"<{self._tag}>{found}</{self._tag}>", "stop", 0, 0))


def main() -> None:
    """Plants, runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=["odd", "even"], default="odd")
    parser.add_argument("--languages", help="codes, separated by commas; default all")
    parser.add_argument("--documents", type=int, default=30, help="of a language and fault, at most")
    parser.add_argument("--missed", type=int, default=0, help="print so many faults of a kind that were not found")
    options = parser.parse_args()
    halves = [read(options.folder / "parallel", half) for half in ("even", "odd")]
    texts = {code: dict(sorted({**halves[0][code], **halves[1][code]}.items())) for code in halves[0]}
    codes = options.languages.split(",") if options.languages else list(texts)
    found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for code in codes:
        documents = read_documents(texts[code], options.half)
        documents = documents[:: -(-len(documents) // options.documents)]
        for fault, answers in planted(code, documents, texts, options.half).items():
            for document, answer in answers:
                reason = translated(document, answer, code)
                found[fault][code][reason] += 1
                if (
                    reason == "kept"
                    and fault != "good"
                    and sum(each["kept"] for each in found[fault].values()) <= options.missed
                ):
                    print(f"missed: {fault} | {code} | {answer!s:.300}")
    show("translation", found)
    many_pieces(codes, texts, options.half)
    rephrased: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for code, pair in PARAPHRASES.items():
        if code in codes or code == ENGLISH:
            rephrasing(code, pair, options, rephrased)
    show("rephrasing", rephrased)


def read_documents(texts: Texts, half: str) -> list[Document]:
    """Every second run of six sentences, whose English has no span that is protected but the address put there."""
    numbers = list(texts)
    documents = []
    for at in range(0 if half == "even" else SENTENCES, len(numbers) - SENTENCES + 1, 2 * SENTENCES):
        run = numbers[at : at + SENTENCES]
        english = " ".join(texts[number][0] for number in run)
        # Translators convert miles and three o'clock, which a model is told not to do.
        if protect(english).spans or CONVERTED.search(english):
            continue
        sides = [[texts[number][side] for number in run] for side in (0, 1)]
        middle = SENTENCES // 2
        joined = [(" ".join(side[:middle]), " ".join(side[middle:])) for side in sides]
        address = f"(https://example.org/{run[0]})"
        documents.append(
            Document(
                (joined[0][0], f"{address} {joined[0][1]}"), (joined[1][0], f"(⟦1⟧) {joined[1][1]}"), tuple(run)
            )
        )
    return documents


def planted(
    code: str, documents: list[Document], texts: dict[str, Texts], half: str
) -> dict[str, list[tuple[Document, str | Completion]]]:
    """Good answers and those of each fault."""
    chance = random.Random(f"{SEED} {code}")
    own = language(code)
    faults: dict[str, list[tuple[Document, str | Completion]]] = defaultdict(list)
    alike = look_alikes(code)
    for document in documents:
        others = [
            name for name in texts if name != code and all(number in texts[name] for number in document.numbers)
        ]
        whole = "\n\n".join(document.target)
        for fault, answer in spoilt(whole, own, chance, half):
            faults[fault].append((document, answer))
        faults["untranslated"].append((document, "\n\n".join(protect(part).text for part in document.english)))
        faults["half untranslated"].append(
            (document, f"{document.target[0]}\n\n{protect(document.english[1]).text}")
        )
        for fault, names in (
            ("wrong language", [name for name in others if name not in alike]),
            ("look-alike", [name for name in others if name in alike]),
        ):
            if names:
                other = [texts[name][number][1] for name in [chance.choice(names)] for number in document.numbers]
                middle = SENTENCES // 2
                answer = f"{' '.join(other[:middle])}\n\n(⟦1⟧) {' '.join(other[middle:])}"
                faults[fault].append((document, answer))
    return faults


def spoilt(whole: str, own: Language, chance: random.Random, half: str) -> Iterator[tuple[str, str | Completion]]:
    """A good text of two paragraphs with a marker, and every fault that needs nothing but the text."""
    first, second = whole.split("\n\n")
    unspaced = own.segmentation.rule == "dictionary"
    yield "good", whole
    yield "cut off by the server", Completion(f"<x>{whole[: len(whole) // 2]}", "length", 0, 0)
    yield "cut off, tag open", Completion(f"<translation>{whole[: len(whole) * 3 // 4]}", "stop", 0, 0)
    yield "second paragraph missing", f"{first} (⟦1⟧)"
    yield "cut at three quarters, tags closed", f"{first}\n\n{shortened(second, 0.5, unspaced)}"
    yield "cut at nine tenths, tags closed", f"{first}\n\n{shortened(second, 0.8, unspaced)}"
    if changed := number_changed(whole, chance):
        yield "number changed", changed
    yield "marker lost", whole.replace("(⟦1⟧)", "")
    yield "marker doubled", f"{whole} ⟦1⟧"
    phrase = chance.choice(META[half]).replace("{l}", own.name)
    yield "meta phrase, English", around(phrase, whole, chance)
    if own.code in OWN_META[half]:
        yield "meta phrase, own language", around(chance.choice(OWN_META[half][own.code]), whole, chance)
    yield "refusal", f"{chance.choice(REFUSALS)}\n\n(⟦1⟧)"
    last = second[-60:] if unspaced else " ".join(second.split()[-12:])
    yield "repetition of a sentence", whole + (" " + last) * 5
    words = second[-12:] if unspaced else " ".join(second.split()[-3:])
    yield "repetition of words", f"{first}\n\n{shortened(second, 0.6, unspaced)}" + (" " + words) * 20


def around(phrase: str, whole: str, chance: random.Random) -> str:
    """A phrase that announces something before the text, any other after it; on a line of its own or not."""
    between = chance.choice("\n ")
    before = phrase.rstrip("*").endswith((":", "：", "とおりです。"))
    return f"{phrase}{between}{whole}" if before else f"{whole}{between}{phrase}"


def shortened(text: str, share: float, unspaced: bool) -> str:
    """The first part of a text, cut between words."""
    if unspaced:
        return text[: int(share * len(text))]
    words = text.split()
    return " ".join(words[: int(share * len(words))])


def number_changed(text: str, chance: random.Random) -> str | None:
    """The text with one digit of one number (of two digits at least) another one."""
    places = [found.start() for found in re.finditer(r"(?<!⟦)(?<=\d)\d|(?<![⟦\d])\d(?=\d)", text)]
    if not places:
        return None
    place = chance.choice(places)
    zero = ord(text[place]) - int(text[place])
    digit = chance.choice([each for each in range(1, 10) if each != int(text[place])])
    return text[:place] + chr(zero + digit) + text[place + 1 :]


def judged(text: str, task: Task, engine: Oracle) -> str:
    """Why a document is dropped, or `kept`."""
    row = {"id": "d", "text": text, "source": "s", "metadata": None}
    reasons: list[str] = []

    def drop(_: str, why: Drop) -> None:
        reasons.append(why.reason)

    reasons += ["kept" for _ in carry_out([row], task, engine, drop)]
    return reasons[0]


_TASKS: Final[dict[str, Translation]] = {}


def translated(document: Document, answer: str | Completion, code: str) -> str:
    """What becomes of one document for which the engine gives `answer`."""
    whole = "\n\n".join(document.english)
    engine = Oracle({protect(whole).text: answer}, "translation")
    settings = TranslationSettings(budget=20_000)
    task = _TASKS.setdefault(code, Translation(language(ENGLISH), language(code), engine, settings))
    return judged(whole, task, engine)


def many_pieces(codes: list[str], texts: dict[str, Texts], half: str) -> None:
    """Good translations of long documents: a piece is a paragraph, and one that fails costs the whole document."""
    total: Counter[str] = Counter()
    for code in codes:
        documents = read_documents(texts[code], half)
        for at in range(0, len(documents) - 3, 4):
            # One marker a document is numbered as the whole has it.
            english = [part for each in documents[at : at + 4] for part in each.english]
            target = [part for each in documents[at : at + 4] for part in each.target]
            parts = protect("\n\n".join(english)).text.split("\n\n")
            answers: dict[str, str | Completion] = {
                part: re.sub("⟦1⟧", (re.findall("⟦\\d+⟧", part) or [""])[0], text)
                for part, text in zip(parts, target, strict=True)
            }
            engine = Oracle(answers, "translation")
            settings = TranslationSettings(budget=max(map(len, parts)) + 40)
            task = Translation(language(ENGLISH), language(code), engine, settings)
            total[judged("\n\n".join(english), task, engine)] += 1
    lost = total.total() - total["kept"]
    named = ", ".join(f"{reason} {times}" for reason, times in total.most_common() if reason != "kept")
    share = lost / max(total.total(), 1)
    print(f"good documents of eight pieces lost: {lost} of {total.total()} ({share:.1%}); {named}")


def rephrasing(
    code: str, pair: tuple[str, str], options: argparse.Namespace, found: dict[str, dict[str, Counter[str]]]
) -> None:
    """Paraphrases by people, good and spoilt."""
    end = pair[0][3:5]
    folder = options.folder / "wmt22_general" / "references"
    sides = [(folder / f"generaltest2022.{name}.{end}").read_text(encoding="utf-8").split("\n") for name in pair]
    own, chance = language(code), random.Random(f"{SEED} {code}")
    start = 0 if options.half == "even" else SENTENCES
    runs = [
        [[line.strip() for line in side[at : at + SENTENCES]] for side in sides]
        for at in range(start, len(sides[0]) - SENTENCES + 1, 2 * SENTENCES)
    ]
    runs = [
        run
        for run in runs
        if all(all(side) for side in run) and not any(protect(" ".join(side)).spans for side in run)
    ]
    middle = SENTENCES // 2
    texts = [
        tuple(f"{' '.join(side[:middle])}\n\n({{m}}) {' '.join(side[middle:])}" for side in run) for run in runs
    ]
    engine = Oracle({}, "rephrased")
    task = Rephrase(own, engine, RephraseSettings(budget=20_000))
    for at, (one, other) in enumerate(texts):
        source, good = one.replace("{m}", "https://example.org/x"), other.replace("{m}", "⟦1⟧")
        unrelated = texts[(at + len(texts) // 2) % len(texts)][1].replace("{m}", "⟦1⟧")
        answers = [
            *spoilt(good, own, chance, options.half),
            ("copy", protect(source).text),
            ("other text", unrelated),
        ]
        answers.append(("number added", good + " 4711."))
        for fault, answer in answers:
            engine = Oracle({protect(source).text: answer}, "rephrased")
            found[fault][code][judged(source, task, engine)] += 1


def show(what: str, found: dict[str, dict[str, Counter[str]]]) -> None:
    """A line a fault: the share that was found, of how many, by what, and the languages in which fewest were."""
    for fault, by_language in found.items():
        total: Counter[str] = sum(by_language.values(), Counter())
        shares = {code: 1 - each["kept"] / each.total() for code, each in by_language.items()}
        worst = sorted(shares, key=lambda code: shares[code], reverse=fault == "good")[:3]
        named = ", ".join(f"{reason} {times}" for reason, times in total.most_common(6) if reason != "kept")
        said = ", ".join(f"{code} {shares[code]:.0%}" for code in worst)
        hard = " (hard)" if fault in HARD else ""
        lost = "lost" if fault == "good" else "found"
        print(
            f"{what}: {fault}{hard}: {1 - total['kept'] / total.total():.1%} {lost} of {total.total():,}"
            f" in {len(by_language)} languages; {named}; {'most' if fault == 'good' else 'fewest'} in {said}"
        )


if __name__ == "__main__":
    main()
