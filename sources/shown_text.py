"""Text of the web in a page of ours or in a terminal: it is hostile input, and shows as what it is.

Markup is escaped. What has no shape of its own (control characters, bidirectional and other format characters,
private use, surrogates) becomes a visible placeholder: a name in the text must not turn the line around, hide what
follows, or reach a terminal. Joiners stay, which Persian and the scripts of India write with.
"""

import unicodedata
from html import escape
from typing import Final

_PLAIN: Final = frozenset("\n\u200c\u200d")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
# Marks on one letter; some scripts write three or four.
_MOST_MARKS: Final = 6


def shown(text: str, most: int) -> str:
    """At most so many characters of `text` as HTML for the inside of an element."""
    found: list[str] = []
    marks = 0
    for character in text[:most]:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _MOST_MARKS or (category in _HIDDEN and character not in _PLAIN):
            found.append(f"<i>{placeholder(character)}</i>")
        else:
            found.append(escape(character))
    if len(text) > most:
        found.append("<i>…</i>")
    return "".join(found)


def placeholder(character: str) -> str:
    """What stands for a character that has no shape: `␛` for a control character of ASCII, else `U+202E`."""
    point = ord(character)
    if point < 0x20:
        return chr(0x2400 + point)
    return "␡" if point == 0x7F else f"U+{point:04X}"


# What begins or ends something in Markdown wherever it stands; `:` and `@` make links of addresses.
_MARKDOWN: Final = frozenset("\\`*_[]<>&|~$:@{}")
# What does so at the beginning of a line, or after the number that begins it.
_LEADING: Final = frozenset("#-+=.)")


def shown_in_markdown(text: str, most: int) -> str:
    """At most so many characters of `text` as Markdown for one line, or for one cell of a table."""
    found: list[str] = []
    marks = 0
    for at, character in enumerate(text[:most]):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if character in "\n\t":
            found.append(" ")
        elif marks > _MOST_MARKS or (category in _HIDDEN and character not in _PLAIN):
            found.append(placeholder(character))
        elif _means_something(text, at):
            # As an entity: a backslash is not heeded everywhere.
            found.append(f"&#{ord(character)};")
        else:
            found.append(character)
    if len(text) > most:
        found.append("…")
    return "".join(found)


def _means_something(text: str, at: int) -> bool:
    character = text[at]
    if character == "_":
        # Within a word it is a letter, as in ell_Grek.
        return not (text[at - 1 : at].isalnum() and text[at + 1 : at + 2].isalnum())
    if character in _LEADING:
        before = text[:at].strip()
        return not before or (len(before) < 10 and before.isdigit()) or before[-3:].lower() == "www"
    return character in _MARKDOWN


def shown_in_terminal(text: str) -> str:
    """`text` for one line of a terminal or a log: nothing in it moves the cursor, colours, or turns it around.

    For rich, give it in a `Text`, or print it without markup.
    """
    found: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        hidden = category in _HIDDEN and (character == "\n" or character not in _PLAIN)
        found.append(placeholder(character) if hidden or marks > _MOST_MARKS else character)
    return "".join(found)
