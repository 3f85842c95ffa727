"""The store of completions: what was put is found again, by any process, whatever became of the writer."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.errors import BabelmixError
from synth.engine import segments
from synth.engine.segments import Recorded
from synth.engine.store import Store
from synth.request import Completion


def key(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}"


def recorded(number: int, text: str = "text") -> Recorded:
    return Recorded(key(number), "test/echo@1", "model", "r1", Completion(f"{text} {number}", "stop", number, 2))


def test_what_was_put_is_found_before_and_after_the_store_is_opened_again(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for number in range(500):
            store.put(recorded(number))
        assert store.get(key(123)) == Completion("text 123", "stop", 123, 2)
        assert store.get(key(501)) is None and key(500) not in store
    with Store(tmp_path) as again:
        assert len(again) == 500
        assert [again.get(key(number)) for number in range(500)] == [
            recorded(number).completion for number in range(500)
        ]


def test_more_than_one_batch_of_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_BLOCK", 100)
    with Store(tmp_path) as store:
        for number in range(100):
            store.put(recorded(number))
            assert store.get(key(number // 2)) == recorded(number // 2).completion
    with Store(tmp_path) as again:
        assert all(again.get(key(number)) == recorded(number).completion for number in range(100))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=8))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("store")
    # Texts reach the store as UTF-8 can hold them.
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    with Store(folder) as store:
        for number, text in enumerate(texts):
            store.put(Recorded(key(number), "p@1", "m", "", Completion(text, "stop", 0, 0)))
    with Store(folder) as again:
        found = [again.get(key(number)) for number in range(len(texts))]
    assert [each.text for each in found if each] == texts


def test_a_torn_last_line_is_no_completion_and_costs_no_other(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for number in range(3):
            store.put(recorded(number))
    [path] = tmp_path.glob("*.jsonl")
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        with Store(tmp_path) as store:
            assert len(store) == 2 and store.get(key(1)) == recorded(1).completion
            assert store.get(key(2)) is None
    with Store(tmp_path) as store:
        store.put(recorded(2))
    with Store(tmp_path) as store:
        assert store.get(key(2)) == recorded(2).completion and len(list(tmp_path.glob("*.jsonl"))) == 2


@pytest.mark.parametrize("damage", [b"\0" * 40, b'{"key":"' + b"z" * 60 + b"}", b"{}", b"\xff" * 90])
def test_a_damaged_line_is_passed_over(tmp_path: Path, damage: bytes) -> None:
    lines = [recorded(number).line() for number in range(3)]
    (tmp_path / "0.jsonl").write_bytes(lines[0] + damage + b"\n" + lines[1] + b"\n" + lines[2])
    with Store(tmp_path) as store:
        assert [store.get(key(number)) for number in range(3)] == [recorded(n).completion for n in range(3)]


def test_a_line_damaged_inside_is_made_again_and_stays_made(tmp_path: Path) -> None:
    line = recorded(5).line()
    (tmp_path / "0.jsonl").write_bytes(line.replace(b'"text"', b'"text').replace(b"stop", b"st\np"))
    for _ in range(2):
        with Store(tmp_path) as store:
            if store.get(key(5)) is None:
                store.put(recorded(5))
            assert store.get(key(5)) == recorded(5).completion
    assert sum(path.read_bytes() == line for path in tmp_path.glob("*.jsonl")) == 1


def test_the_first_of_two_with_one_key_counts(tmp_path: Path) -> None:
    with Store(tmp_path) as one, Store(tmp_path) as other:
        one.put(recorded(1, "first"))
        other.put(recorded(1, "second"))
        one.put(recorded(1, "third"))
    with Store(tmp_path) as store:
        found = store.get(key(1))
        assert found is not None and found.text == "first 1"
        assert [each.completion.text for each in store.ordered()] == ["first 1"]


def test_keys_that_share_their_first_half_are_kept_apart(tmp_path: Path) -> None:
    keys = [f"{7:016x}{low:016x}" for low in (3, 1, 2)]
    with Store(tmp_path) as store:
        for each in keys:
            store.put(Recorded(each, "p@1", "m", "", Completion(each, "stop", 0, 0)))
    with Store(tmp_path) as store:
        assert [found.text for each in keys if (found := store.get(each))] == keys
        assert store.get(f"{7:016x}{4:016x}") is None
        assert [each.key for each in store.ordered()] == sorted(keys)


def test_another_process_s_completions_are_seen_after_a_refresh(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from synth.engine.store import Store;"
        "from tests.synth.test_engine_store import recorded\n"
        "with Store(Path(sys.argv[1])) as store:\n"
        "    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 200): store.put(recorded(number))\n"
    )
    with Store(tmp_path) as store:
        store.put(recorded(0))
        writers = [
            subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(first)], env=_environment())
            for first in (0, 100)
        ]
        assert [writer.wait() for writer in writers] == [0, 0]
        assert store.get(key(250)) is None
        store.refresh()
        assert all(store.get(key(number)) == recorded(number).completion for number in range(300))
        assert len(list(store.ordered())) == 300


def test_threads_may_put_and_get_at_once(tmp_path: Path) -> None:
    wrong: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 300):
            store.put(recorded(number))
            if store.get(key(number)) != recorded(number).completion:
                wrong.append(number)

    with Store(tmp_path) as store:
        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 150, 300)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong and len(store) == 600


def test_lines_are_plain_json_with_their_origin(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.put(recorded(4))
    [path] = tmp_path.glob("*.jsonl")
    assert json.loads(path.read_text()) == {
        "key": key(4),
        "prompt": "test/echo@1",
        "model": "model",
        "revision": "r1",
        "text": "text 4",
        "finish_reason": "stop",
        "prompt_tokens": 4,
        "completion_tokens": 2,
    }


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BabelmixError, match="no folder for completions"):
        Store(tmp_path / "file" / "store")


def test_a_full_disk_is_one_line_and_the_store_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = os.write

    def full(descriptor: int, content: bytes) -> int:
        written(descriptor, bytes(content[:10]))
        raise OSError(28, "No space left on device")

    with Store(tmp_path) as store:
        store.put(recorded(1))
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(BabelmixError, match=r"No space left on device.*; make room and run again"):
            store.put(recorded(2))
        monkeypatch.undo()
        assert store.get(key(2)) is None
        store.put(recorded(2))
    with Store(tmp_path) as store:
        assert [store.get(key(number)) for number in (1, 2)] == [recorded(n).completion for n in (1, 2)]


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
