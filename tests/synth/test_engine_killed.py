"""kill -9 at random moments of a run: nothing that was stored is asked for again, nothing is lost."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from synth.engine.http_engine import HttpEngine
from synth.engine.store import Store
from synth.request import Message, Request, Sampling
from tests.synth.engine_server import MODEL, PlantedServer

KILLS = 20
REQUESTS = 3000
SEED = 5


def requests() -> list[Request]:
    return [Request("test/echo@1", (Message("user", f"text {n}"),), Sampling(8)) for n in range(REQUESTS)]


def run(url: str, folder: Path, handed_out: Path) -> None:
    """What the killed process does: completes everything and notes what it was handed."""
    note = os.open(handed_out, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Store(folder) as store:
        for finished in HttpEngine(url, MODEL, "r1", store=store, concurrency=16).complete(requests()):
            assert finished.completion is not None
            os.write(note, f"{finished.request.key(MODEL, 'r1')}\n".encode())


def stored(folder: Path) -> set[str]:
    """The keys in the store after a kill, each of which is there once."""
    with Store(folder) as store:
        keys = [recorded.key for recorded in store.ordered()]
        assert len(store) == len(keys)
    return set(keys)


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_paid_for_twice_and_nothing_is_lost(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    texts = {request.key(MODEL, "r1"): request.messages[0].content for request in requests()}
    folder, handed_out = tmp_path / "store", tmp_path / "handed-out"
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from tests.synth.test_engine_killed import run",
    ]
    command[-1] += "; run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    before: set[str] = set()
    in_the_middle = 0
    with PlantedServer(delay_s=0.005) as server:
        for kills in range(KILLS + 1):
            attempts_before = Counter(server.attempts)
            process = subprocess.Popen([*command, server.url, str(folder), str(handed_out)], env=environment)
            if kills < KILLS:
                # So many further completions, and a moment more; the first rounds are killed while they start.
                wanted = len(server.served) + (0 if kills < 3 else chance.randrange(1, 200))
                while len(server.served) < wanted and process.poll() is None:
                    time.sleep(0.0005)
                time.sleep(chance.random() * (0.5 if kills < 3 else 0.02))
                process.kill()
                in_the_middle += process.wait() < 0
                time.sleep(0.05)
            else:
                assert process.wait() == 0
            asked = server.attempts - attempts_before
            assert not {texts[key] for key in before} & set(asked)
            after = stored(folder)
            assert before <= after
            assert set(handed_out.read_text().split() if handed_out.exists() else ()) <= after
            before = after
    assert in_the_middle == KILLS and before == set(texts)
    # What was asked twice was out at a kill; no more than the concurrency can have been.
    assert sum(server.attempts.values()) - REQUESTS <= KILLS * 16
