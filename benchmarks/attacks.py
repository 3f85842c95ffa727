"""Texts that are made to take long, at two sizes: what curation takes for them must grow as they do.

    python benchmarks/attacks.py

For each text it prints the seconds at one size and at twice the size, of the one pass with everything that
measuring does (repair, identification, statistics, signatures, contamination, redaction), and the ratio: 2 is
linear.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pyarrow as pa

from filters.contamination import Units, benchmark_index
from filters.identifiers import identify
from filters.privacy import redacted
from filters.repair import Repair
from filters.settings import CurationSettings
from filters.statistics import measure
from sources.language import language

# A million characters and more of each at the larger size.
ATTACKS: dict[str, Callable[[int], str]] = {
    "one word": lambda size: "word " * size,
    "blank lines": lambda size: "\n" * size,
    "bidirectional controls": lambda size: "\u202e\u2067abc\u2069" * (size // 4),
    "combining marks": lambda size: "e" + "\u0301" * size,
    "emoji families": lambda size: "👩\u200d👩\u200d👧\u200d👦" * (size // 7),
    "right-to-left with digits": lambda size: "\u05d0\u05d1 12:30, 5/6 " * (size // 8),
    "one letter": lambda size: "a" * size,
    "quotation marks": lambda size: "'" * size,
    "hyphens": lambda size: "a-" * (size // 2),
    "marks in words": lambda size: "a(((" * (size // 4),
    "at signs": lambda size: "a@" * (size // 2),
    "dots and digits": lambda size: "1.2." * (size // 4),
    "entities": lambda size: "&amp;" * (size // 5),
    "broken encoding": lambda size: "Ã¼ " * (size // 3),
    "two words in turn": lambda size: "ab ba " * (size // 2),
    "one line again and again": lambda size: "the same line as the one before it\n" * (size // 10),
    "Han without a mark": lambda size: "我们今天在北京" * (size // 7),
}


def taken(text: str) -> float:
    """Seconds for all that is done to a document before it is judged."""
    english, settings = language("eng_Latn"), CurationSettings.for_profile("sample").contamination
    start = time.perf_counter()
    (repaired,) = Repair().batch([text])
    identify([repaired], "en", "fasttext176")
    found = measure(pa.array([repaired], pa.large_string()), english)
    benchmark_index(settings.lists, settings.digest, Units.of(settings, english)).matches(found, settings)
    redacted(pa.array([repaired], pa.large_string()))
    return time.perf_counter() - start


def main() -> None:
    """Prints a line an attack."""
    taken("warm up. " * 100)
    for name, make in ATTACKS.items():
        small, large = taken(make(500_000)), taken(make(1_000_000))
        print(f"{name:28} {small:7.3f} s {large:7.3f} s  {large / small:5.2f} times")


if __name__ == "__main__":
    main()
