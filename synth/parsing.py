"""What a model wrote, as data: read tolerantly, then held strictly against a model of what was asked for.

Two forms are understood: tagged text (`<stem>…</stem>`, a tag that stands several times is a list) and a JSON
object, bare or in a fence. Models add a greeting, a fence, their thoughts, capitals in tags; none of that is a
fault. A tag or an object that is not closed is one: the completion was cut off.
"""

import html
import json
import types
from collections.abc import Iterable
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import regex
from pydantic import BaseModel, ValidationError

from synth.request import Failure, Finished

M = TypeVar("M", bound=BaseModel)

_THOUGHTS: Final = regex.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", regex.I | regex.S)
_FENCE: Final = regex.compile(r"^[ \t]*(?:```|~~~)[^\n]*$\n?", regex.M)
_TRAILING_COMMA: Final = regex.compile(r",(\s*[}\]])")
# What a model says instead of doing what it was asked, at the beginning of what it wrote.
_REFUSAL: Final = regex.compile(
    r"^\W*(?:i(?:['’]m| am) sorry|sorry,|i (?:can(?:no|['’])t|am unable to|won['’]t|will not)|as an ai\b)", regex.I
)
# Characters of a completion that a reason shows.
_SHOWN: Final = 60


def fields(text: str, names: Iterable[str]) -> dict[str, list[str]] | None:
    """What stands between the tags of each name, in order; None where a tag is opened and not closed.

    A field whose closing tag is missing ends where the next of the tags begins, but not with the text. Entities
    (`&amp;`) are resolved; blanks at either end are cut off.
    """
    known = sorted(names, key=len, reverse=True)
    tag = regex.compile(rf"<\s*(/?)\s*({'|'.join(map(regex.escape, known))})(?:\s[^<>]*)?>", regex.I)
    found: dict[str, list[str]] = {}
    name, start = None, 0
    for each in tag.finditer(_THOUGHTS.sub("", text)):
        closes, this = each[1] == "/", each[2].lower()
        if name is not None and (not closes or this == name):
            found.setdefault(name, []).append(html.unescape(each.string[start : each.start()]).strip())
            name = None
        if not closes:
            name, start = this, each.end()
    return None if name is not None else found


def json_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in the text, or None. Fences and a comma before a closing bracket are no fault."""
    bare = _FENCE.sub("", _THOUGHTS.sub("", text))
    start = bare.find("{")
    if start < 0:
        return None
    for candidate in (bare[start:], _TRAILING_COMMA.sub(r"\1", bare[start:])):
        try:
            found = json.JSONDecoder(strict=False).raw_decode(candidate)[0]
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else None
    return None


def parsed(text: str, model: type[M]) -> M | Failure:
    """The completion as a `model`, from tags named as its fields or from a JSON object.

    A field that is a list or tuple takes every tag of its name; any other takes the one that there is. Nothing
    that was not asked for and nothing twice is let pass: the failure is `unparsable` (or `refused`, where the text
    is an excuse) and its reason says what did not fit.
    """
    listed = {name for name, field in model.model_fields.items() if _is_list(field.annotation)}
    tags = fields(text, model.model_fields)
    values: dict[str, Any] | None
    if tags is None:
        return Failure("unparsable", f"a tag is not closed: …{_shown(text[-_SHOWN:])}")
    if tags:
        twice = [name for name, each in tags.items() if len(each) > 1 and name not in listed]
        if twice:
            return Failure("unparsable", f"<{twice[0]}> stands {len(tags[twice[0]])} times")
        values = {name: each if name in listed else each[0] for name, each in tags.items()}
    else:
        values = json_object(text)
    if values is None:
        kind = "refused" if _REFUSAL.match(text) else "unparsable"
        return Failure(kind, f"neither tags nor a JSON object: {_shown(text)}")  # type: ignore[arg-type]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "object"
        return Failure("unparsable", f"{where}: {first['msg']}")


def completed(finished: Finished, model: type[M]) -> M | Failure:
    """What was asked for, as a `model`, or why there is none: an engine's failure, a cut, or a misfit."""
    if finished.failure is not None:
        return finished.failure
    if finished.completion is None:
        return Failure("transport", "no completion came back")
    if finished.completion.finish_reason != "stop":
        return Failure("truncated", f"finish_reason {finished.completion.finish_reason}")
    return parsed(finished.completion.text, model)


def chosen(finished: Finished, choices: Iterable[str]) -> str | Failure:
    """Which of `choices` the completion is, without regard to case, marks around it or what is said after it."""
    if finished.failure is not None or finished.completion is None:
        return finished.failure or Failure("transport", "no completion came back")
    text = _THOUGHTS.sub("", finished.completion.text)
    by_name = {each.casefold(): each for each in choices}
    # A choice is one token and stops nothing: a constrained engine may end it with its length.
    first = regex.search(r"[\p{L}\p{N}]+", text)
    found = by_name.get(text.strip().casefold()) or (by_name.get(first[0].casefold()) if first else None)
    if found is None and finished.completion.finish_reason != "stop":
        return Failure("truncated", f"finish_reason {finished.completion.finish_reason}")
    return found or Failure("unparsable", f"none of {', '.join(by_name.values())}: {_shown(text)}")


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return any(_is_list(each) for each in get_args(annotation))
    return origin in (list, tuple)


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"
