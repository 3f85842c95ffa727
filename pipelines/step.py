"""One step of a build: what it makes, from what, by which settings; and whether it stands.

A step is plain data, so it can be sent to another process or machine. Its fingerprint is a hash of its kind
and version, its settings and its inputs' fingerprints. Where a folder's manifest holds the step's fingerprint,
the step is done; where it holds another, the two manifests say why.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Step:
    """A step that makes `folders` (relative to the workspace; the last one names it).

    `settings` is what makes its result what it is, as JSON. `inputs` are the steps whose folders it reads.
    """

    kind: str
    version: int
    folders: tuple[str, ...]
    settings: Mapping[str, Any]
    inputs: tuple["Step", ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """The folder that stands for the step, `curated/fineweb-2/ell_Grek`."""
        return self.folders[-1]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What the fingerprint is a hash of; it stands in the manifest, so that changes can be named."""
        return {
            "step": self.kind,
            "version": self.version,
            "settings": json.loads(json.dumps(self.settings)),
            "inputs": {step.name: step.fingerprint for step in self.inputs},
        }

    @cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits: the SHA-256 of `identity`."""
        return fingerprint_of(self.identity)


def fingerprint_of(identity: Mapping[str, Any]) -> str:
    """The fingerprint of a step of this identity."""
    content = json.dumps(identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a step would run, and why: no reasons, no run."""

    step: Step
    reasons: tuple[str, ...]
    totals: Mapping[str, Any] | None

    @property
    def complete(self) -> bool:
        """Whether the step's folders stand as its settings and inputs ask."""
        return not self.reasons


def status(step: Step, workspace: Workspace) -> Status:
    """Looks at the step's folders in `workspace`, and at nothing else."""
    manifests = [workspace.manifest(folder) for folder in step.folders]
    missing = [folder for folder, manifest in zip(step.folders, manifests, strict=True) if manifest is None]
    if missing:
        others = [folder for folder in missing if folder != step.name]
        return Status(step, (" ".join((*others, "not there or not whole")),), None)
    manifest = manifests[-1]
    assert manifest is not None
    if all(found is not None and found["fingerprint"] == step.fingerprint for found in manifests):
        return Status(step, (), manifest["totals"])
    return Status(step, tuple(_differences(manifest, step)) or ("its folders differ",), manifest["totals"])


def _differences(manifest: Mapping[str, Any], step: Step) -> list[str]:
    before, now = manifest["identity"], step.identity
    reasons = [
        f"{name} was {_short(before.get(name))}, is {_short(now[name])}"
        for name in ("step", "version")
        if before.get(name) != now[name]
    ]
    old, new = _flat(before["settings"]), _flat(now["settings"])
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            reasons.append(f"{key} was {_short(old.get(key))}, is {_short(new.get(key))}")
    for name in sorted(before["inputs"].keys() | now["inputs"].keys()):
        if name not in now["inputs"]:
            reasons.append(f"{name} is no longer an input")
        elif name not in before["inputs"]:
            reasons.append(f"{name} is a new input")
        elif before["inputs"][name] != now["inputs"][name]:
            reasons.append(f"{name} changes")
    return reasons


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
