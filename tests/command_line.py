"""Runs the console script `babelmix` as a person would, and reads what it leaves in a workspace."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
BABELMIX = BIN / "babelmix"
# Longer than any command here takes, on a machine that does much else besides.
PATIENCE_S = 900


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command returned and wrote."""

    code: int
    out: str
    err: str

    def done(self) -> str:
        """What it printed, if it did all that it was asked."""
        assert self.code == 0, self.err or self.out
        return self.out

    def mistake(self) -> str:
        """The one line in which it told of a user's mistake."""
        lines = self.err.splitlines()
        assert self.code == 1, (self.code, self.err, self.out)
        assert len(lines) == 1, self.err
        assert lines[0].startswith("babelmix: "), self.err
        return lines[0]


def environment(**own: str) -> dict[str, str]:
    """The environment of a person who has no network, no Prefect server and no settings of their own."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "BABELMIX_"))}
    return {**inherited, "HF_HUB_OFFLINE": "1", "COLUMNS": "200", **own}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The console script, started in `folder`."""

    folder: Path

    def __call__(
        self,
        *arguments: str | Path,
        own: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> Ended:
        """Runs it to its end; `own` is added to its environment, `before` runs in it before it starts."""
        ended = subprocess.run(
            [BABELMIX, *arguments],
            cwd=self.folder,
            env=environment(**(own or {})),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
            preexec_fn=before,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def start(self, *arguments: str | Path, own: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Starts it in a process group of its own, without a terminal and with nobody reading; `own` as above."""
        return subprocess.Popen(
            [BABELMIX, *arguments],
            cwd=self.folder,
            env=environment(**(own or {})),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def digests(workspace: Path) -> dict[str, str]:
    """SHA-256 of every file of a workspace by its path in it, but for what is being worked on and times."""
    return {
        str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(workspace.rglob("*"))
        if path.is_file() and path.relative_to(workspace).parts[0] not in (".lock", ".staging", "spent")
    }


def times(workspace: Path) -> dict[str, int]:
    """When each file of a workspace was last written, in nanoseconds, by its path in it."""
    return {name: (workspace / name).stat().st_mtime_ns for name in digests(workspace)}


def complete(workspace: Path) -> list[str]:
    """The complete folders of a workspace, while others may be coming and going."""
    found = []
    for folder, inner, files in os.walk(workspace):
        if ".staging" in inner:
            inner.remove(".staging")
        if "manifest.json" in files:
            found.append(str(Path(folder).relative_to(workspace)))
    return sorted(found)


def steps_of(workspace: Path) -> int:
    """How many steps made a workspace: some make several folders, all of which have the step's fingerprint."""
    manifests = [
        json.loads((workspace / name / "manifest.json").read_text("utf-8")) for name in complete(workspace)
    ]
    return len({each["fingerprint"] for each in manifests})


def mixture(workspace: Path, model: str = "marco-mini", stage: int = 4) -> Path:
    """The one mixture of a model's stage."""
    (found,) = (workspace / "mixtures" / model / f"stage{stage}").iterdir()
    return found
