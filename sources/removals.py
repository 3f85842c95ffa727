"""What must go: documents named by their ids or by the beginning of their URL.

A list is a file with a JSON object a line: `{"id": "…"}` or `{"url_prefix": "…"}`; where it is to hold for one
source or language alone, with `source` and `language`; `because` and `asked` are for people. A file of ids that a
person gives may also have an id a line.

A URL prefix is `https://example.org/private/`, `example.org/private/`, or `*.example.org` for a host and all below
it. Schemes and the usual ports do not count, nor does the case of the host; international names are the same in
both their forms. The path is compared letter by letter, so `/users/ann` begins `/users/anna` too.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from sources.errors import BabelmixError

_URL: Final = re.compile(r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*://)?(?:[^/?#@]*@)?([^/:?#]*)(?::([0-9]*))?(.*)$", re.DOTALL)
# As RE2 writes it: the host of a URL that has a scheme.
_HOST: Final = r"^[a-zA-Z][a-zA-Z0-9+.\-]*://(?:[^/?#@]*@)?(?P<host>[^/:?#]*)"
_USUAL_PORTS: Final = (None, "", "80", "443")


class Removal(BaseModel):
    """One line of a list: documents of an id, or of URLs that begin alike."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = None
    url_prefix: str | None = None
    # None for all.
    source: str | None = None
    language: str | None = None
    # Why, and when it was asked for: for people.
    because: str = ""
    asked: str = ""

    @model_validator(mode="after")
    def _names_something(self) -> "Removal":
        if (self.id is None) == (self.url_prefix is None):
            raise ValueError("write either `id` or `url_prefix`")
        if self.id is not None and not self.id.strip():
            raise ValueError("id is empty; write the id of a document")
        if self.url_prefix is not None:
            UrlPrefix.of(self.url_prefix)
        return self

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it removes, without what is said about it."""
        return self.id or "", self.url_prefix or "", self.source or "", self.language or ""


@dataclass(frozen=True, slots=True)
class UrlPrefix:
    """The beginning of a URL, taken apart; `rest` is path and what follows it."""

    host: str
    below: bool
    port: str | None
    rest: str

    @classmethod
    def of(cls, text: str) -> "UrlPrefix":
        """The prefix as written by a person.

        Raises ValueError where it names no host, or one that is a whole top-level domain.
        """
        plain = re.sub(r"^([^*/?#]*://)?\*\.", r"\1", text.strip())
        host, port, rest = _parts(plain)
        if not host or any(character.isspace() or character == "*" for character in plain):
            raise ValueError(
                f"{text!r} is no beginning of a URL; write https://example.org/path/ or *.example.org"
            )
        if "." not in host and host != "localhost":
            raise ValueError(f"{text!r} would remove every host of .{host}; name a host, as in example.{host}")
        return cls(host, plain != text.strip(), port, "" if rest == "/" else rest)

    def begins(self, url: str) -> bool:
        """Whether a URL begins so."""
        host, port, rest = _parts(url)
        if host != self.host and not (self.below and host.endswith(f".{self.host}")):
            return False
        return port == self.port and rest.startswith(self.rest)


class Removals:
    """A list of removals, in the order of their lines; of two that remove the same the first counts."""

    def __init__(self, entries: Iterable[Removal] = ()) -> None:
        self.entries = tuple({entry.key: entry for entry in reversed(tuple(entries))}.values())[::-1]

    def __len__(self) -> int:
        return len(self.entries)

    def __add__(self, others: "Removals") -> "Removals":
        return Removals((*self.entries, *others.entries))

    @property
    def digest(self) -> str:
        """SHA-256 of what is removed, whatever the order of the lines and whatever is said about them."""
        return digest_of(json.dumps(entry.key, ensure_ascii=False) for entry in self.entries)

    def of(self, source: str, language: str) -> "Removals":
        """Those that concern one source and language."""
        return Removals(
            entry
            for entry in self.entries
            if entry.source in (None, source) and entry.language in (None, language)
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that are named."""
        return tuple(entry.id for entry in self.entries if entry.id is not None)

    def matches(self, ids: Any, urls: Any) -> npt.NDArray[np.bool_]:
        """Which documents go, of shape (documents,): `ids` and `urls` are Arrow columns of one length.

        Sources and languages are not looked at: ask `of` first.
        """
        found = np.asarray(pc.is_in(ids, self._ids)) if len(self._ids) else np.zeros(len(ids), np.bool_)
        if self._prefixes:
            for row in np.flatnonzero(self._candidates(urls)).tolist():
                found[row] = found[row] or self._beginning(urls[row].as_py()) is not None
        return found

    def why(self, document_id: str, url: str | None) -> str | None:
        """What a person said of the removal that a document falls under, or what it names; None for none."""
        if (named := self._by_id.get(document_id)) is not None:
            return named.because or "named by its id"
        entry = self._beginning(url) if url else None
        return None if entry is None else _said(entry)

    def still(self, document_id: str, said: str) -> bool:
        """Whether a document that went for a reason that `why` gave falls under the list still.

        For one whose URL is no longer known.
        """
        return document_id in self._by_id or said in self._said_of_prefixes

    @cached_property
    def _by_id(self) -> dict[str, Removal]:
        return {entry.id: entry for entry in self.entries if entry.id is not None}

    @cached_property
    def _said_of_prefixes(self) -> frozenset[str]:
        return frozenset(map(_said, self._of_prefixes))

    @cached_property
    def _of_prefixes(self) -> tuple[Removal, ...]:
        return tuple(entry for entry in self.entries if entry.url_prefix is not None)

    @cached_property
    def _ids(self) -> pa.Array:
        return pa.array(self.ids, pa.string())

    @cached_property
    def _prefixes(self) -> tuple[UrlPrefix, ...]:
        return tuple(UrlPrefix.of(each.url_prefix or "") for each in self._of_prefixes)

    def _candidates(self, urls: Any) -> npt.NDArray[np.bool_]:
        """URLs whose host alone may be meant: few, so that these can be looked at one by one."""
        hosts = pc.utf8_rtrim(pc.utf8_lower(pc.struct_field(pc.extract_regex(urls, _HOST), "host")), ".")
        named = sorted({form for prefix in self._prefixes for form in _forms(prefix.host)})
        found = pc.is_in(hosts, pa.array(named, pa.string()))
        below = [form for prefix in self._prefixes if prefix.below for form in _forms(prefix.host)]
        for form in below:
            found = pc.or_(found, pc.ends_with(hosts, f".{form}"))
        return np.asarray(pc.fill_null(found, False))

    def _beginning(self, url: str) -> Removal | None:
        """The first entry with which a URL begins; only those of its host and the hosts above it are tried."""
        host = _parts(url)[0]
        labels = host.split(".")
        above = (".".join(labels[at:]) for at in range(len(labels)))
        tried = sorted(number for each in above for number in self._by_host.get(each, ()))
        return next((self._of_prefixes[number] for number in tried if self._prefixes[number].begins(url)), None)

    @cached_property
    def _by_host(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, prefix in enumerate(self._prefixes):
            found.setdefault(prefix.host, []).append(number)
        return found


def read_removal_file(path: str | Path) -> Removals:
    """The list in a file: JSON lines where its name ends in `.jsonl`, else an id a line; # begins a remark.

    Raises:
        BabelmixError: the file cannot be read or names nothing, or a line is no removal; says which.
    """
    place = Path(path)
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BabelmixError(f"{place}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BabelmixError(f"{place}: not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    if place.suffix == ".jsonl":
        entries = list(parse_removals(lines, str(place)))
    else:
        ids = (line.strip() for line in lines)
        entries = [Removal(id=each) for each in ids if each and not each.startswith("#")]
    if not entries:
        raise BabelmixError(f"{place}: names no document; write an id a line, or JSON lines in a .jsonl file")
    return Removals(entries)


def parse_removals(lines: Iterable[str], place: str) -> Iterator[Removal]:
    """The removals of JSON lines; `place` names them in errors.

    Raises:
        BabelmixError: a line is no removal; names the line.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield Removal.model_validate(json.loads(line))
        except ValidationError as error:
            detail = error.errors()[0]
            where = ".".join(map(str, detail["loc"]))
            said = str(detail["msg"]).removeprefix("Value error, ")
            raise BabelmixError(f"{place}: line {number}: {where + ': ' if where else ''}{said}") from error
        except ValueError as error:
            raise BabelmixError(
                f'{place}: line {number}: no JSON object ({error}); write one a line, as in {{"id": "…"}}'
            ) from error


def digest_of(names: Iterable[str]) -> str:
    """SHA-256 of names, whatever their order."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def _said(entry: Removal) -> str:
    """What is said of a document whose URL begins as the entry says."""
    named = f"URL begins with {entry.url_prefix}"
    return f"{entry.because} ({named})" if entry.because else named


def _parts(url: str) -> tuple[str, str | None, str]:
    """Host, port where it is not a usual one, and the rest of a URL; what has no host has an empty one."""
    form = _URL.match(url)
    assert form is not None  # it matches every text
    host, port, rest = form.groups()
    return _ascii(host.lower().rstrip(".")), None if port in _USUAL_PORTS else port, rest


def _ascii(host: str) -> str:
    """A host as the domain name system writes it."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _forms(host: str) -> tuple[str, ...]:
    """A host as it may stand in a URL, in lower case."""
    try:
        return host, host.encode().decode("idna")
    except UnicodeError:
        return (host,)
