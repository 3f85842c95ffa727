"""What a crawl does to good text, each fault derived by a rule so that the pack is the same everywhere."""

import re
from collections.abc import Sequence

# Scripts that do not put a space between words; positions are counted in characters there.
UNSPACED = frozenset({"cmn_Hani", "jpn_Jpan", "khm_Khmr", "lao_Laoo", "mya_Mymr", "tha_Thai"})
# Characters that hold about 40 words: Chinese and Japanese words are shorter than those of the other four.
_FRAGMENT_CHARACTERS = {"cmn_Hani": 60, "jpn_Jpan": 60}
_FRAGMENT_CHARACTERS_ELSEWHERE = 140
# Under the 50 words that Gopher asks for, and long enough not to be taken for repetition first: in a text of
# eight words, any two of them are more than a fifth of it.
_FRAGMENT_WORDS = 42


def near_duplicate(text: str, language: str) -> str:
    """The text with one small change in its middle, as a copy on another site has.

    Two neighbouring words change places; where words are not spaced, the phrase nearest the middle is left
    out. One change keeps more than 85% of the 5-word shingles, which MinHash with FineWeb-2's 14 bands of 8
    finds with a probability above 0.99.
    """
    if language in UNSPACED:
        phrases = list(re.finditer(r"(?<=[\s、，])[^\s、，。！？។၊။]{4,}[\s、，]", text))
        middle = min(phrases, key=lambda m: abs(m.start() - len(text) // 2))
        return text[: middle.start()] + text[middle.end() :]
    words = list(re.finditer(r"\S+", text))
    for at in range(len(words) // 2, len(words) - 1):
        left, right = words[at], words[at + 1]
        between = text[left.end() : right.start()]
        # Only two whole words of one sentence, so that the punctuation stays where it was.
        if between == " " and left.group().lower() != right.group().lower() and left.group()[-1].isalpha():
            return text[: left.start()] + right.group() + between + left.group() + text[right.end() :]
    raise ValueError(f"no two neighbouring words to exchange in the second half of a text of {language}")


def spam(text: str, times: int = 6) -> str:
    """The first paragraph, over and over: a page made to be found rather than read."""
    return "\n".join([text.split("\n\n")[0]] * times)


def fragment(text: str, language: str) -> str:
    """The beginning of a text, cut within a sentence, as a teaser or a broken download is."""
    flat = text.replace("\n\n", " ")
    if language in UNSPACED:
        end = _FRAGMENT_CHARACTERS.get(language, _FRAGMENT_CHARACTERS_ELSEWHERE)
        # Not between a consonant and the vowel sign that belongs to it.
        while not flat[end].isspace() and end < len(flat) - 1 and language not in _FRAGMENT_CHARACTERS:
            end += 1
        return flat[:end].rstrip()
    return " ".join(flat.split()[:_FRAGMENT_WORDS]).rstrip(".,;:!?।።،؛")


def notices(sentences: Sequence[str], contact: str) -> str:
    """Short local notices in paragraphs of four, with a line of contact details at the end."""
    paragraphs = [" ".join(sentences[i : i + 4]) for i in range(0, len(sentences), 4)]
    return "\n\n".join([*paragraphs, contact])


def contaminated(paragraphs: Sequence[str], question: str) -> str:
    """A text with a benchmark's question, word for word, in its middle."""
    half = (len(paragraphs) + 1) // 2
    return "\n\n".join([*paragraphs[:half], question, *paragraphs[half:]])


def contact(number: int) -> tuple[str, int, int]:
    """A line with personal data that can be no one's, and how many e-mail and IP addresses it holds.

    `example.org` and `example.com` are reserved by RFC 2606, 233.252.0.0/24 by RFC 6676: unlike the addresses of
    RFC 5737 it is in a public range, and public ones alone are redacted.
    """
    host = "example.org" if number % 2 else "example.com"
    return f"name{number}@{host} 233.252.0.{number % 254 + 1}", 1, 1
