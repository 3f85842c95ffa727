"""Redacts e-mail and public IP addresses with datatrove's patterns (its `PIIFormatter`), as FineWeb-2 does.

What is private (`10.0.0.1`, `127.0.0.1`, a netmask) is no one's data and stays.
"""

import re
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.formatters.pii import public_ip_validator

# One replacement and not a list in turn: the result must not depend on the documents before. Both are reserved
# for documentation (RFC 2606, RFC 5737).
EMAIL: Final = "email@example.com"
ADDRESS: Final = "192.0.2.1"

_PII: Final = PIIFormatter()
_DOMAIN: Final = re.compile("@" + _PII.emails_replacer.regex.pattern.partition("@")[2])
_ADDRESS: Final = _PII.ip_replacer.regex
# What may stand before the @ without quotes: atoms with single dots between them (RFC 5322, 3.2.3).
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LOCAL_BACKWARDS: Final = re.compile(rf"{_ATOM}+(?:\.{_ATOM}+)*")
_BEGINNING: Final = re.compile(rf"\b(?={_ATOM})")


class Privacy(PipelineStep):
    """Replaces the addresses and counts them in `privacy.emails` and `privacy.ips`; drops nothing.

    What a redaction before this one left is not counted again.
    """

    type = "✂️ - FORMAT"
    name = "📞 Privacy"

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields every document, redacted."""
        for document in data or ():
            text, emails = redact_emails(document.text)
            document.text, ips = redact_addresses(text)
            document.metadata["scores"] |= {"privacy.emails": float(emails), "privacy.ips": float(ips)}
            self.stat_update("emails", value=emails)
            self.stat_update("ips", value=ips)
            yield document


def redacted(texts: pa.Array | pa.ChunkedArray) -> tuple[list[str], list[int], list[int]]:
    """A batch of texts with all addresses replaced, and how many e-mail and IP addresses there were in each."""
    # Neither address is without one of these, and Arrow looks at a whole batch at once.
    mail = pc.match_substring(texts, "@").to_pylist()
    dotted = pc.match_substring_regex(texts, r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]").to_pylist()
    found, emails, ips = [], [], []
    for text, may_mail, may_ip in zip(texts.to_pylist(), mail, dotted, strict=True):
        mails = addresses = 0
        if may_mail:
            text, mails = redact_emails(text)
        if may_ip:
            text, addresses = redact_addresses(text)
        found.append(text)
        emails.append(mails)
        ips.append(addresses)
    return found, emails, ips


def redact_emails(text: str) -> tuple[str, int]:
    """`text` with each e-mail address replaced, and how many there were.

    It finds what datatrove's pattern finds, from each @ outwards. The pattern by itself begins anew at every
    hyphen, slash or dot, and so takes time that grows with the square of a word's length: 78 s for 80 KB of `a-`.
    """
    pieces: list[str] = []
    emails = done = 0
    # An address begins neither within the one before nor before an @ that belongs to none.
    floor = 0
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at)
        start = _beginning(text, floor, at) if domain else None
        floor = at + 1
        if domain and start is not None:
            emails += text[start : domain.end()] != EMAIL
            pieces += text[done:start], EMAIL
            floor = done = domain.end()
        at = text.find("@", floor)
    return "".join((*pieces, text[done:])), emails


def redact_addresses(text: str) -> tuple[str, int]:
    """`text` with each public IPv4 address replaced, and how many there were."""
    ips = 0

    def replacement(found: re.Match[str]) -> str:
        nonlocal ips
        if not public_ip_validator(found.group()):
            return found.group()
        ips += 1
        return ADDRESS

    return _ADDRESS.sub(replacement, text), ips


def _beginning(text: str, floor: int, at: int) -> int | None:
    """Where the address of the @ at `at` begins, at `floor` at the earliest; None if nothing stands before it."""
    local = _LOCAL_BACKWARDS.match(text[floor:at][::-1])
    beginning = _BEGINNING.search(text, at - local.end(), at) if local else None
    return beginning.start() if beginning else None
