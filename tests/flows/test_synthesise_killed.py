"""kill -9 of `babelmix synthesise questions` at random moments: nothing is lost, nothing is asked for twice.

A completion counts as received once its line has been handed to the operating system, which is the first thing
that is done with it after its last byte is read. What is with the server at a kill, or read but not yet written,
is asked for again: at most as many requests as may be with the server at once.
"""

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from command_line import CommandLine, digests

from synth.engine.store import Store
from tests.synth.engine_server import MODEL, PlantedServer
from tests.synth.question_answers import answered

KILLS = 20
CONCURRENCY = 8
SEED = 7
SETTINGS = {
    "questions": {
        "tree": {
            "regions": ["GR"],
            "domains": ["food", "play", "manners"],
            "topics": 6,
            "concepts": 4,
            "facets": 2,
        },
        "wave": 64,
    }
}


def stored(folder: Path) -> dict[str, str]:
    """The texts in the store by key, each of which is there once."""
    if not folder.exists():
        return {}
    with Store(folder) as store:
        found = {each.key: each.completion.text for each in store.ordered()}
        assert len(store) == len(found)
    return found


def made(output: Path) -> dict[str, str]:
    """Digests of what a run leaves, its completions apart."""
    return {name: digest for name, digest in digests(output).items() if not name.startswith("completions/")}


@pytest.mark.soak
def test_killed_at_random_moments_it_pays_for_nothing_twice_and_ends_with_the_same_bytes(
    tmp_path: Path, babelmix: CommandLine
) -> None:
    chance = random.Random(SEED)
    (tmp_path / "settings.yaml").write_text(json.dumps(SETTINGS))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    own = {"BABELMIX_SYNTHESIS": str(tmp_path / "settings.yaml")}
    with PlantedServer(delay_s=0.02, answer=answered) as server:

        def command(output: Path) -> tuple[str, ...]:
            return (
                "synthesise", "questions", "--language", "ell_Grek", "--server", server.url, "--model", MODEL,
                "--concurrency", str(CONCURRENCY), "--output", str(output),
            )  # fmt: skip

        babelmix(*command(whole), own=own).done()
        questions = Counter(server.attempts)
        assert set(questions.values()) == {1} and len(questions) > 150
        texts = {answered(question): question for question in questions}
        assert len(texts) == len(questions)
        complete = stored(whole / "completions")
        assert set(complete.values()) == set(texts)

        server.attempts.clear()
        server.served.clear()
        before: dict[str, str] = {}
        in_the_middle = 0
        for kill in range(KILLS):
            attempts = Counter(server.attempts)
            process = babelmix.start(*command(killed), own=own)
            # Some while it starts, the others some completions further on and a moment later.
            wanted = len(server.served) + (0 if kill < 3 else chance.randrange(1, len(questions) // KILLS))
            while kill >= 3 and len(server.served) < wanted and process.poll() is None:
                time.sleep(0.0005)
            time.sleep(chance.random() * (3 if kill < 3 else 0.05))
            process.kill()
            in_the_middle += process.wait() < 0
            time.sleep(0.1)
            asked = server.attempts - attempts
            assert not {texts[text] for text in before.values()} & set(asked)
            after = stored(killed / "completions")
            assert before.items() <= after.items() <= complete.items()
            # What was served and is not there was with the server, or on its way.
            assert len(set(server.served) - {texts[text] for text in after.values()}) <= CONCURRENCY
            before = after
        assert in_the_middle == KILLS and 0 < len(before) < len(complete)
        attempts = Counter(server.attempts)
        done = babelmix(*command(killed), own=own).done()
        assert not {texts[text] for text in before.values()} & set(server.attempts - attempts)
    assert stored(killed / "completions") == complete
    assert sum(server.attempts.values()) - len(questions) <= KILLS * CONCURRENCY
    assert made(killed) == made(whole)
    kept = json.loads((killed / "report.json").read_text())["kept"]
    assert kept > 20 and f"{kept}  kept of " in done and f", by {MODEL}\n" in done
