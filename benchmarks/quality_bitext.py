"""What the chain finds of faults that were planted in real translations, and what it costs of good ones.

    python -m benchmarks.quality_bitext [--folder ../shared/data] [--half odd|even] [--languages deu_Latn,...]

NTREX-128's sentences, with English, in 62 languages, FLORES-200's where NTREX has none. The numbers of
`filters/bitext/lengths.yaml` and `identified.yaml` and the thresholds were set on the even lines: the
odd ones (the default) show how well they hold. Faults are planted by a seed:

  misaligned        another sentence's translation
  misaligned, near  another sentence's translation, of the length that the right one has
  copied            English on both sides
  copied, edited    English on both sides, two words left out
  in brackets       the translation, and English in brackets after it
  wrong language    the translation into another of the 63 languages
  look-alike        the translation into a language that lid.176 takes for the right one or that is close to it
  cut at half, at three quarters    the rest of the translation is missing
  number changed    one digit of a number of the translation is another one
  boilerplate       a template of menus and notices, with words and numbers filled in, and words of the language

Good pairs meet the whole chain; pairs with a fault all of it but duplicates and caps. Then, on text that nothing
was set on but how short a side without an end may be: WMT22's translations of news, chats, shops and forums
(good pairs), and English lines of web pages that people called noise or text (TurkuNLP), which only the steps
form, length and boilerplate are asked about.
"""

import argparse
import gzip
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson
import pyarrow as pa
import yaml

from filters.bitext.chain import Chain
from filters.bitext.measure_languages import CONFUSABLE
from filters.bitext.settings import STEPS, BitextSettings
from sources.language import Language, language, languages
from sources.pair_schema import PAIR

Pairs: TypeAlias = list[tuple[str, str]]

SEED: Final = 1
# Mechanical faults, of which nineteen in twenty must be found; the others are for a ranking by meaning.
MECHANICAL: Final = ("copied", "copied, edited", "in brackets", "wrong language", "number changed", "boilerplate")
# WMT22's languages by their labels there.
WMT22: Final = {
    "cs": "ces_Latn", "de": "deu_Latn", "ja": "jpn_Jpan", "ru": "rus_Cyrl", "uk": "ukr_Cyrl", "zh": "cmn_Hani",
}  # fmt: skip
# Names stand for words of the sentence, {n} for a number, {y} for a year.
TEMPLATES: Final = {
    "even": (
        "Home | News | Contact | {a}", "Copyright © {y} {a}. All rights reserved.",
        "Posted by {a} on {n} May {y}", "Click here to read more about {a}", "Add to cart {a} {n} €",
        "We use cookies to improve your experience.", "Log in or register to post comments", "Page {n} of {m}",
        "Next page » Previous page", "{a} - Free download", "Sign up for our newsletter",
        "Share this on Facebook", "Tags: {a}, {b}, {c}", "Comments ({n}) | Views ({m})",
        "Privacy policy • Terms of use • Contact us", "Leave a reply Cancel reply", "Your email address",
        "Powered by {a}", "Last updated: {n}.{m}.{y}", "Read more »", "{a} > {b} > {c}",
        "Search results for {a}", "Skip to main content", "In stock: {n} pieces, free shipping",
    ),
    "odd": (
        "About us | Blog | FAQ | {a} {b}", "© {y} {a} {b}. Terms and conditions. Privacy policy.",
        "Published on {n} June {y} by admin", "Find out more about {a}", "Buy now {a} {b} {n} $ in stock",
        "By using this site you agree to our use of cookies.", "Forgot your password? Create an account",
        "Showing {n} - {m} of {y} results", "Back to top ▲ Print this page",
        "Watch online {a} full movie free HD", "Subscribe to our newsletter and follow us on Twitter",
        "Tweet | Share | Pin it | Email", "Categories: {a} / {b}", "{n} views {m} likes {a}",
        "Legal notice · Site map · Help center", "No comments yet. Leave a comment",
        "Please enable JavaScript to view this page", "Designed by {a} {b}", "You are here: Home » {a} » {b}",
        "View all {a} products", "Out of stock - Add to wishlist", "Sign in to your account Remember me",
        "{a} ★★★★☆ ({n} customer reviews)", "Join our newsletter! Your name, your email",
    ),
}  # fmt: skip


def main() -> None:
    """Plants, judges and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=["odd", "even"], default="odd")
    parser.add_argument("--languages", help="codes, separated by commas; default all")
    parser.add_argument("--losses", type=int, default=0, help="print so many good pairs that are lost, by reason")
    options = parser.parse_args()
    texts = read(options.folder / "parallel", options.half)
    codes = options.languages.split(",") if options.languages else [code for code in languages() if code in texts]
    found: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
    lost: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for code in codes:
        for fault, pairs in planted(code, texts, options.half).items():
            reasons = judge(pairs, language(code), whole=fault == "good")
            found[fault][code] = Counter(reason or "kept" for reason in reasons)
            if fault == "good":
                for (english, text), reason in zip(pairs, reasons, strict=True):
                    if reason:
                        lost[reason].append((code, english, text))
    show(found)
    if not options.languages:
        wmt22(options.folder / "wmt22_general")
        web_lines(options.folder / "turku_line_quality" / "en" / "train.json.gz")
    for reason, each in sorted(lost.items(), key=lambda item: -len(item[1])):
        for code, english, text in random.Random(SEED).sample(each, min(options.losses, len(each))):
            print(f"{reason} | {code} | {english} | {text}")


def read(folder: Path, half: str) -> dict[str, dict[int, tuple[str, str]]]:
    """English and the other side of each language's sentences by number: NTREX's, or FLORES's from 10,000 on."""
    rest = 0 if half == "even" else 1
    texts: dict[str, dict[int, tuple[str, str]]] = {}
    english = {row["flores"]: row["text"] for row in rows(folder / "flores" / "eng_Latn.jsonl.gz")}
    for code in languages():
        path = folder / "ntrex" / f"{code}.jsonl.gz"
        if path.is_file():
            texts[code] = {
                row["line"]: (row["english"], row["text"]) for row in rows(path) if row["line"] % 2 == rest
            }
        elif code != "eng_Latn":
            texts[code] = {
                10_000 + row["flores"]: (english[row["flores"]], row["text"])
                for row in rows(folder / "flores" / f"{code}.jsonl.gz")
                if row["flores"] in english and row["flores"] % 2 == rest
            }
    return texts


def rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a gzipped file of JSON lines."""
    with gzip.open(path, "rb") as lines:
        return [orjson.loads(line) for line in lines]


def planted(code: str, texts: dict[str, dict[int, tuple[str, str]]], half: str) -> dict[str, Pairs]:
    """Good pairs, and pairs of each fault."""
    chance = random.Random(f"{SEED} {code}")
    unspaced = language(code).segmentation.rule == "dictionary"
    own = texts[code]
    numbers = sorted(own)
    good = [own[number] for number in numbers]
    by_length = sorted(good, key=lambda pair: len(pair[1]))
    places = {id(pair): at for at, pair in enumerate(by_length)}
    alike = look_alikes(code)
    faults: dict[str, Pairs] = defaultdict(list)
    for at, number in enumerate(numbers):
        english, text = own[number]
        faults["misaligned"].append((english, good[(at + len(good) // 2) % len(good)][1]))
        place = places[id(own[number])]
        faults["misaligned, near"].append((english, by_length[place - 1 if place else 1][1]))
        faults["copied"].append((english, english))
        words = english.split()
        for _ in range(min(2, len(words) - 1)):
            del words[chance.randrange(len(words))]
        faults["copied, edited"].append((english, " ".join(words)))
        faults["in brackets"].append((english, f"{text} ({english})"))
        others = [each for each in texts if each != code and each not in alike and number in texts[each]]
        if others:
            faults["wrong language"].append((english, texts[chance.choice(others)][number][1]))
        near = [each for each in sorted(alike) if number in texts.get(each, {})]
        if near:
            faults["look-alike"].append((english, texts[chance.choice(near)][number][1]))
        if len(english.split()) >= 6:
            faults["cut at half"].append((english, cut(text, 0.5, unspaced)))
            faults["cut at three quarters"].append((english, cut(text, 0.75, unspaced)))
        if changed := with_another_number(english, text, chance):
            faults["number changed"].append((english, changed))
        faults["boilerplate"].append(boilerplate(chance.choice(TEMPLATES[half]), english, text, unspaced, chance))
    return {"good": good, **faults}


def look_alikes(code: str) -> set[str]:
    """Registered languages that lid.176 takes this one for, or this one is taken for."""
    labels = {
        each.identifiers.fasttext176.label: name
        for name, each in languages().items()
        if each.identifiers.fasttext176
    }
    known: dict[str, list[str]] = yaml.safe_load(CONFUSABLE.read_text(encoding="utf-8"))
    near = {labels[label] for label in known.get(code, []) if label in labels}
    near |= {name for name, others in known.items() if {labels.get(label) for label in others} & {code}}
    return near - {code}


def cut(text: str, share: float, unspaced: bool) -> str:
    """The beginning of a text, whole words."""
    if unspaced:
        return text[: int(len(text) * share)]
    words = text.split()
    return " ".join(words[: max(1, int(len(words) * share))])


def with_another_number(english: str, text: str, chance: random.Random) -> str | None:
    """`text` with one digit changed of a number that both sides have; None where there is none."""
    known = {int(number) for number in re.findall(r"\d+", english)}
    places = [
        at
        for found in re.finditer(r"\d+", text)
        if int(found[0]) in known
        for at in range(found.start(), found.end())
    ]
    if not places:
        return None
    at = chance.choice(places)
    zero = ord(text[at]) - int(text[at])
    digit = chance.choice([each for each in range(1, 10) if each != int(text[at])])
    return text[:at] + chr(zero + digit) + text[at + 1 :]


def boilerplate(template: str, english: str, text: str, unspaced: bool, chance: random.Random) -> tuple[str, str]:
    """A template with words of the sentence, and with words of the translation in their places."""
    names = dict(zip("abc", (chance.choice(english.split()).strip(".,") for _ in "abc"), strict=True))
    filled = template.format(
        **names, n=chance.randrange(2, 30), m=chance.randrange(30, 90), y=chance.randrange(1999, 2024)
    )
    if unspaced:
        pieces = re.findall(r"[\w]", text)
        return filled, re.sub(r"[A-Za-z]+", lambda _: "".join(chance.choices(pieces, k=3)), filled)
    pieces = [word for word in re.findall(r"\w+", text) if not re.search(r"\d", word)] or [text]
    return filled, re.sub(r"[A-Za-z]+", lambda _: chance.choice(pieces), filled)


def judge(pairs: Pairs, spoken: Language, whole: bool) -> list[str | None]:
    """Why each pair is dropped."""
    settings = BitextSettings() if whole else BitextSettings(skip=("duplicates", "caps"))
    settings = settings.model_copy(update={"caps": settings.caps.model_copy(update={"remembered": 1 << 16})})
    chain = Chain(settings, spoken)
    reasons: list[str | None] = chain.judge(batch(pairs, spoken.code)).reason.to_pylist()
    return reasons


def batch(pairs: Pairs, code: str) -> pa.RecordBatch:
    """Pairs as the chain takes them."""
    return pa.RecordBatch.from_pylist(
        [
            {"id": str(at), "language": code, "source_text": english, "target_text": text, "source": "ntrex"}
            for at, (english, text) in enumerate(pairs)
        ],
        schema=PAIR,
    )


def wmt22(folder: Path) -> None:
    """What the chain drops of professional translations of other kinds of text."""
    for name, code in WMT22.items():
        directions = []
        for pair in (f"en-{name}", f"{name}-en"):
            source = folder / "sources" / f"generaltest2022.{pair}.src.{pair[:2]}"
            for reference in sorted((folder / "references").glob(f"generaltest2022.{pair}.ref.A.*")) or sorted(
                (folder / "references").glob(f"generaltest2022.{pair}.ref.*")
            ):
                sides = [path.read_text(encoding="utf-8").split("\n") for path in (source, reference)]
                directions += list(zip(*(sides if pair.startswith("en") else sides[::-1]), strict=True))
        pairs = [(english, text) for english, text in directions if english and text]
        total = Counter(reason or "kept" for reason in judge(pairs, language(code), whole=True))
        reasons = ", ".join(f"{reason} {times / len(pairs):.1%}" for reason, times in total.most_common(7)[1:])
        print(f"WMT22, {code}: {1 - total['kept'] / len(pairs):.2%} of {len(pairs):,} dropped; {reasons}")


def web_lines(path: Path) -> None:
    """The share of lines of either label that look like no sentence."""
    with gzip.open(path, "rb") as file:
        pages = orjson.loads(file.read())
    steps = ("form", "length", "boilerplate")
    settings = BitextSettings(skip=tuple(step for step in STEPS if step not in steps))
    for label, name in (("0", "noise"), ("1", "text")):
        lines = [
            text
            for page in pages
            for text, found in zip(page["text"], page["labels"], strict=True)
            if found == label and text.strip()
        ]
        # The other side is the same but for one word, so that it is no copy as a whole.
        chain = Chain(settings, language("deu_Latn"))
        judged = chain.judge(batch([(line, f"{line} Wort") for line in lines], "deu_Latn"))
        total = Counter(judged.reason.to_pylist())
        reasons = ", ".join(
            f"{reason} {times / len(lines):.1%}" for reason, times in total.most_common(8) if reason
        )
        print(f"web lines, {name}: {1 - total[None] / len(lines):.1%} of {len(lines):,} dropped; {reasons}")


def show(found: dict[str, dict[str, Counter[str]]]) -> None:
    """The share dropped by fault: over all languages, the worst languages, and by which reasons."""
    for fault, by_language in found.items():
        total: Counter[str] = sum(by_language.values(), Counter())
        count = total.total()
        shares = {code: 1 - each["kept"] / each.total() for code, each in by_language.items()}
        order = sorted(shares, key=lambda code: shares[code], reverse=fault == "good")
        ends = ", ".join(f"{code} {shares[code]:.1%}" for code in order[:6])
        reasons = ", ".join(
            f"{reason} {times / count:.1%}" for reason, times in total.most_common() if reason != "kept"
        )
        goal = " (mechanical)" if fault in MECHANICAL else ""
        print(f"{fault}{goal}: {1 - total['kept'] / count:.2%} of {count:,} dropped; worst {ends}\n    {reasons}")


if __name__ == "__main__":
    main()
