"""Prompts: versioned template files with declared variables, read from `synth/prompts/<task>/<name>.txt`.

A file is a head in YAML between two lines of three hyphens, and then the messages, each below a line with
`@system` or `@user`. In these `{{name}}` stands for a variable that the head declares; single braces are text.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, cast

import regex
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sources.errors import BabelmixError
from sources.loading import nearest
from synth.request import Message, Request, Sampling

PROMPTS: Final = Path(__file__).parent / "prompts"
Role: TypeAlias = Literal["system", "user", "assistant"]
_ROLES: Final = ("system", "user", "assistant")
_PLACEHOLDER: Final = regex.compile(r"\{\{\s*([^{}\n]*?)\s*\}\}")
_NAME: Final = regex.compile(r"[a-z0-9_]+(?:/[a-z0-9_]+)*")


class _Head(BaseModel):
    """What a template says of itself before its text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Raised with every change of the text or the sampling: completions are kept under it.
    version: Annotated[int, Field(ge=1)]
    # One line for a person: what is asked.
    about: Annotated[str, StringConstraints(min_length=1)]
    variables: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], ...]
    max_tokens: Annotated[int, Field(ge=1)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    # The completion must be one of these, if any are given.
    choice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template with what its head declares."""

    # `questions/write`
    name: str
    version: int
    about: str
    variables: tuple[str, ...]
    sampling: Sampling
    templates: tuple[Message, ...]

    @property
    def id(self) -> str:
        """The name that requests and records give: `questions/write@1`."""
        return f"{self.name}@{self.version}"

    def render(self, **variables: str) -> tuple[Message, ...]:
        """The messages with every placeholder filled in; what is filled in is text, whatever braces it holds.

        Raises:
            BabelmixError: a declared variable is not given, or one that is given is not declared.
        """
        missing = [name for name in self.variables if name not in variables]
        unknown = [name for name in variables if name not in self.variables]
        if missing:
            raise BabelmixError(f"prompt {self.id}: no value for {', '.join(missing)}; give one")
        if unknown:
            raise BabelmixError(
                f"prompt {self.id}: {unknown[0]!r} is not declared{nearest(unknown[0], self.variables)};"
                f" its variables are {', '.join(self.variables) or 'none'}"
            )
        return tuple(
            Message(each.role, _PLACEHOLDER.sub(lambda found: variables[found[1]], each.content))
            for each in self.templates
        )

    def request(
        self, variables: Mapping[str, str], *, seed: int = 0, context: Mapping[str, str] | None = None
    ) -> Request:
        """The request for one completion of the filled-in template, drawn with `seed`.

        Raises:
            BabelmixError: as `render`.
        """
        drawn = Sampling(
            self.sampling.max_tokens, self.sampling.temperature, self.sampling.top_p, seed, self.sampling.choice
        )
        return Request(self.id, self.render(**variables), drawn, dict(context or {}))


@cache
def load_prompt(name: str, folder: Path = PROMPTS) -> Prompt:
    """The template `name` (`questions/write`) of `folder`.

    Raises:
        BabelmixError: there is no such template; its head does not fit; or its text and its head do not name the
            same variables.
    """
    if not _NAME.fullmatch(name):
        raise BabelmixError(f"prompt {name!r}: no such name; write task/name, such as questions/write")
    path = folder / f"{name}.txt"
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = [each.relative_to(folder).with_suffix("").as_posix() for each in sorted(folder.rglob("*.txt"))]
        what = "no such prompt" if isinstance(error, FileNotFoundError) else "cannot be read as UTF-8"
        raise BabelmixError(f"{path}: {what}{nearest(name, known)}; prompts are in {folder}") from error
    head, body = _parted(content, path)
    templates = _messages(body, path)
    _same_variables(head, templates, path)
    sampling = Sampling(head.max_tokens, head.temperature, head.top_p, 0, head.choice)
    return Prompt(name, head.version, head.about, head.variables, sampling, templates)


def prompt_names(folder: Path = PROMPTS) -> list[str]:
    """The names of all templates below `folder`, in order."""
    return sorted(each.relative_to(folder).with_suffix("").as_posix() for each in folder.rglob("*.txt"))


def prompts_digest(task: str) -> str:
    """A hash of the templates of a task: their names, versions and words."""
    found = hashlib.sha256()
    for name in prompt_names():
        if name.startswith(f"{task}/"):
            found.update(repr(load_prompt(name)).encode())
    return found.hexdigest()


def _parted(content: str, path: Path) -> tuple[_Head, str]:
    lines = content.splitlines()
    if lines[:1] != ["---"] or "---" not in lines[1:]:
        raise BabelmixError(f"{path}: no head; begin with a line of ---, `version: 1`, …, and another ---")
    end = lines.index("---", 1)
    try:
        head = _Head.model_validate(yaml.safe_load("\n".join(lines[1:end])))
    except yaml.YAMLError as error:
        raise BabelmixError(f"{path}: the head is no YAML ({str(error).splitlines()[0]})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "head"
        raise BabelmixError(
            f"{path}: {where}: {first['msg']}; keys are {', '.join(_Head.model_fields)}"
        ) from error
    return head, "\n".join(lines[end + 1 :])


def _messages(body: str, path: Path) -> tuple[Message, ...]:
    found: list[tuple[Role, list[str]]] = []
    for number, line in enumerate(body.splitlines(), 1):
        if line.startswith("@"):
            role = line[1:].strip()
            if role not in _ROLES:
                raise BabelmixError(
                    f"{path}: text line {number}: no role {role!r}; write one of @{', @'.join(_ROLES)}"
                )
            found.append((cast(Role, role), []))
        elif found:
            found[-1][1].append(line)
        elif line.strip():
            raise BabelmixError(f"{path}: text line {number}: stands before a role; write @user above it")
    messages = tuple(Message(role, "\n".join(lines).strip()) for role, lines in found)
    if not messages or not all(each.content for each in messages) or messages[-1].role != "user":
        raise BabelmixError(f"{path}: messages must hold text and the last be the user's; write @user and a text")
    return messages


def _same_variables(head: _Head, templates: tuple[Message, ...], path: Path) -> None:
    used = {name for each in templates for name in _PLACEHOLDER.findall(each.content)}
    for name in sorted(used - set(head.variables)):
        raise BabelmixError(
            f"{path}: {{{{{name}}}}} is not declared{nearest(name, head.variables)}; add it to `variables`"
        )
    for name in sorted(set(head.variables) - used):
        raise BabelmixError(f"{path}: variable {name!r} is declared and not used; delete it from `variables`")
