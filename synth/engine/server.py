"""vLLM's OpenAI-compatible server as a subprocess in an environment of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from sources.errors import BabelmixError
from synth.engine import keeper

# `vllm serve` fails on a metadata look-up where its distribution has another name; the module never does.
_MODULE: Final = "vllm.entrypoints.openai.api_server"
# Arguments for a server on the CPU. float32, as bfloat16 without compilation stops with an illegal
# instruction on some machines. Prompts are read whole, as vLLM 0.32 dies of one that it reads in parts when the
# request has a seed, as ours have: it sets the generator back by an offset, which one on the CPU has not.
ON_CPU: Final = ("--dtype", "float32", "--no-enable-chunked-prefill")
_POLL_S: Final = 0.25
_ANSWER_S: Final = 5.0
_END_S: Final = 30.0
# Usage statistics are sent nowhere. What our own environment imports is nothing to vLLM's.
_ENVIRONMENT: Final = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
_NOT_INHERITED: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class VllmServer:
    """Starts on entering, ends on leaving, and dies with this process, however that one dies."""

    def __init__(
        self,
        python: Path,
        model: str,
        *,
        served_name: str | None = None,
        log: Path,
        port: int | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        ready_s: float = 1200.0,
    ) -> None:
        """
        Args:
            python: the interpreter of the environment that has vLLM, such as `.venv-vllm/bin/python`.
            model: a folder, or an id of the Hub.
            served_name: the name in requests and records; `model` if not given.
            log: where the server's output goes; it is appended to.
            port: a free one if not given; it stays the same when the server is restarted.
            arguments: further ones of vLLM, such as `--max-model-len 4096`; on the CPU also `ON_CPU`.
            environment: further variables, such as `VLLM_CPU_KVCACHE_SPACE`.
            ready_s: how long it may take until it is healthy; loading a large model takes minutes.
        """
        self.model = served_name or model
        self._python, self._log, self._ready_s = python, log, ready_s
        self._port = port or _free_port()
        self._arguments = ("--model", model, "--served-model-name", self.model, *arguments)
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        self._environment = inherited | _ENVIRONMENT | dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens; on this machine only."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "VllmServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it is healthy.

        Raises:
            BabelmixError: there is no such interpreter, the server ends before it is healthy, or takes too long.
        """
        if not self._python.is_file():
            raise BabelmixError(
                f"{self._python}: no interpreter; make vLLM's environment by benchmarks/vllm_env.sh"
            )
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, keeper.__file__, str(self._python), "-m", _MODULE, "--host", "127.0.0.1"]
        command += ["--port", str(self._port), *self._arguments]
        with self._log.open("ab") as log:
            began = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._ready_s
        while not self.healthy():
            if self._process.poll() is not None:
                self._process = None
                raise BabelmixError(f"{self._log}: vLLM ended before it was ready: {self._last_error(began)}")
            if time.monotonic() > deadline:
                self.stop()
                raise BabelmixError(
                    f"{self._log}: vLLM was not ready within {self._ready_s:g} s; its log says more"
                )
            time.sleep(_POLL_S)

    def healthy(self) -> bool:
        """Whether its process lives and it says that it can take requests."""
        if self._process is None or self._process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=_ANSWER_S) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def restart(self) -> None:
        """Ends what is left of it and starts it again on the same port, unless it is healthy; for `HttpEngine`."""
        if not self.healthy():
            self.stop()
            self.start()

    def stop(self) -> None:
        """Ends it and all its processes."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            # The keeper ends the server once its standard input is closed.
            process.stdin.close()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _last_error(self, began: int) -> str:
        with self._log.open("rb") as log:
            log.seek(began)
            lines = log.read().decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if "Error" in line]
        return (errors or lines or ["it wrote nothing"])[-1].strip()[-300:]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
