"""How good curation is, measured: everything that is measured of it, one table after the other.

    benchmarks/stock_env.sh
    .venv-stock/bin/python benchmarks/quality.py

It runs, on `../shared/data`: agreement of verdicts with datatrove's stock filters (`curation.py`), identification
by language (`quality_language.py`), duplicates with planted edits (`quality_duplicates.py`), and planted questions
(`quality_contamination.py`). Each of these runs alone too.
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
TABLES = (
    ("Verdicts beside datatrove's stock filters", "curation.py", "--filters-only"),
    ("Language identification", "quality_language.py"),
    ("Near-duplicates", "quality_duplicates.py"),
    ("Contamination", "quality_contamination.py"),
)


def main() -> None:
    """Prints the tables; exits with 1 if one could not be made."""
    failed = []
    for title, script, *options in TABLES:
        print(f"\n== {title} ({script})\n", flush=True)
        ended = subprocess.run([sys.executable, FOLDER / script, *options], cwd=FOLDER.parent, check=False)
        if ended.returncode:
            failed.append(script)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
