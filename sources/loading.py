"""Reads what people write: YAML files into pydantic models, every mistake as one line with its remedy."""

import difflib
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sources.errors import BabelmixError

M = TypeVar("M", bound=BaseModel)

# The same safe subset of YAML either way; libyaml's is ten times as fast.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Strict(_Loader):  # type: ignore[misc]
    """Safe YAML that refuses a key given twice, of which YAML's own rule would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value!r} stands twice; delete one", problem_mark=key.start_mark
                )
            seen.add(key.value)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found


def nearest(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'ell_Grek'?"` where something known is close to `word`, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def load_yaml(path: Path, model: type[M]) -> M:
    """The file at `path` as a `model`.

    Raises:
        BabelmixError: the file cannot be read, is no UTF-8 or no YAML, has a key twice, or does not fit the
            model. One line with the file, the key (`thresholds.top_n_grams.0`), what is wrong and the remedy.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Strict)
    except OSError as error:
        raise BabelmixError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BabelmixError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    except yaml.YAMLError as error:
        raise BabelmixError(f"{path}: {_yaml_fault(error)}") from error
    if not isinstance(content, dict):
        what = "empty" if content is None else f"a {type(content).__name__}"
        raise BabelmixError(f"{path}: {what}; write `key: value` lines, first `{next(iter(model.model_fields))}`")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise BabelmixError(f"{path}: {_fault(error, model)}") from error


def _yaml_fault(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    problem = str(getattr(error, "problem", None) or str(error).splitlines()[0])
    return f"{where}{problem}" + ("" if ";" in problem else "; only plain YAML is read")


def _fault(error: ValidationError, model: type[BaseModel]) -> str:
    """The mistake that says most: of a union's branches, the one that got furthest; an unknown key first."""
    details = error.errors(include_url=False)
    unknown = [each for each in details if each["type"] == "extra_forbidden"]
    first = unknown[0] if unknown else max(details, key=lambda each: len(each["loc"]))
    keys = [str(part) for part in first["loc"] if not _is_branch(part)]
    more = len({each["loc"] for each in details}) - 1
    rest = f" (and {more} more)" if more and len(details) > 1 and not _union(details) else ""
    return f"{'.'.join(keys) or 'file'}: {_remedy(first, keys, model)}{rest}"


def _union(details: list[ErrorDetails]) -> bool:
    return any(_is_branch(part) for each in details for part in each["loc"])


def _is_branch(part: int | str) -> bool:
    """Whether a part of an error's place is pydantic's name of a union's branch and not a key of the file."""
    return isinstance(part, str) and (part[:1].isupper() or "[" in part or part in ("str", "float", "int"))


def _remedy(detail: ErrorDetails, keys: list[str], model: type[BaseModel]) -> str:
    match detail["type"]:
        case "extra_forbidden":
            known = _keys_at(model, keys[:-1])
            meant = nearest(keys[-1], known)
            listed = "" if meant or not known else f"; keys here are {', '.join(known)}"
            return f"unknown key{meant}{listed}"
        case "missing":
            return "missing; add it"
        case "value_error":
            return str(detail["msg"]).removeprefix("Value error, ")
        case _:
            return f"{detail['msg'][0].lower()}{detail['msg'][1:]}, found {_shown(detail['input'])}"


def _keys_at(model: type[BaseModel], keys: list[str]) -> list[str]:
    """The keys that `model` takes at the place `keys`; none where it cannot be told."""
    here: Any = model
    for key in keys:
        if key.isdigit():
            continue
        field = here.model_fields.get(key)
        models = [] if field is None else list(_models(field.annotation))
        if len(models) != 1:
            return []
        here = models[0]
    return [field.alias or name for name, field in here.model_fields.items()]


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
