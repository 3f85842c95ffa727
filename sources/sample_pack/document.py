"""A document of the pack with the verdict it should meet, and the identity that its place gives it."""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# The pack's documents are named within it, so that no id can be taken for one of Common Crawl.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "babelmix.example.org")


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, what is the matter with it (`kind`), and which filter should drop it (None: it is kept)."""

    kind: str
    topic: str
    text: str
    filter: str | None = None
    emails: int = 0
    ips: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a document claims to come from. `draw` is a number in [0, 1) that only the place decides."""

    id: str
    url: str
    date: str
    draw: float


def identity(source: str, language: str, number: int, sample: Sample) -> Identity:
    """The identity of document `number` of a source and language. Copies claim to come from another host."""
    name = f"{source}/{language}/{number}"
    digest = hashlib.sha256(name.encode()).digest()
    host = "example.com" if "duplicate" in sample.kind else "example.org"
    slug = re.sub(r"[^a-z0-9]+", "-", sample.topic.lower()).strip("-")
    minutes = int.from_bytes(digest[:4]) % (10 * 365 * 24 * 60)
    day = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    return Identity(
        id=f"<urn:uuid:{uuid.uuid5(_NAMESPACE, name)}>",
        url=f"https://{language.split('_')[0]}.{host}/{number:02d}/{slug}",
        date=day.strftime("%Y-%m-%dT%H:%M:%SZ"),
        draw=int.from_bytes(digest[4:8]) / 2**32,
    )
