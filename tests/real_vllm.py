"""A real vLLM server on the CPU for the tests marked `vllm`; `make vllm` makes its environment and runs them."""

import os
from pathlib import Path

from synth.engine.server import ON_CPU, VllmServer

ROOT = Path(__file__).parents[1]
PYTHON = Path(os.environ.get("VLLM_PYTHON", ROOT / ".venv-vllm/bin/python"))
_SMALL = ("--max-model-len", "1024", "--max-num-seqs", "32", "--enforce-eager")


def real_vllm(model: Path, name: str, *arguments: str) -> VllmServer:
    """A server of the model in a folder, to be entered; its log stands beside the folder."""
    return VllmServer(
        PYTHON,
        str(model),
        served_name=name,
        log=model.parent / "server.log",
        arguments=(*ON_CPU, *_SMALL, *arguments),
        environment={"VLLM_CPU_KVCACHE_SPACE": "1"},
        ready_s=400,
    )
