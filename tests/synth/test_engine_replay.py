"""Recorded completions: written the same whoever stored them, and played back as if a model had answered."""

from pathlib import Path

import pytest

from sources.errors import BabelmixError
from synth.engine.replay import ReplayEngine, record, recorded_for
from synth.engine.store import Store
from synth.request import Message, Request, Sampling


def request(text: str, max_tokens: int = 8, choice: tuple[str, ...] = ()) -> Request:
    return Request("test/echo@1", (Message("user", text),), Sampling(max_tokens, choice=choice))


def stored(folder: Path, texts: list[str], model: str = "m", revision: str = "r1") -> Store:
    store = Store(folder)
    for text in texts:
        store.put(recorded_for(request(text), model, revision, f"answer to {text}"))
    return store


def test_what_was_recorded_is_played_back_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    with stored(tmp_path / "store", ["a", "b", "c"]) as store:
        assert record(store, path) == 3
    engine = ReplayEngine([path])
    assert (engine.model, engine.revision) == ("m", "r1")
    finished = list(engine.complete([request("c"), request("a")]))
    assert [each.completion.text for each in finished if each.completion] == ["answer to c", "answer to a"]
    assert all(each.replayed and each.failure is None for each in finished)


def test_the_file_does_not_depend_on_who_stored_what_when(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(50)]
    files = []
    for name, order in (("one", texts), ("two", texts[::-1] + texts[:5])):
        with stored(tmp_path / name, order[:20]), stored(tmp_path / name, order[20:]) as store:
            files.append(tmp_path / f"{name}.jsonl")
            record(store, files[-1])
    assert files[0].read_bytes() == files[1].read_bytes()
    keys = [line[:41] for line in files[0].read_bytes().splitlines()]
    assert keys == sorted(keys) and len(keys) == 50


def test_some_of_a_store_are_recorded_by_their_keys(tmp_path: Path) -> None:
    wanted = request("b").key("m", "r1")
    with stored(tmp_path / "store", ["a", "b", "c"]) as store:
        assert record(store, tmp_path / "some.jsonl", [wanted]) == 1
        with pytest.raises(BabelmixError, match="1 of 2 completions are not in the store"):
            record(store, tmp_path / "more.jsonl", [wanted, request("d").key("m", "r1")])
    [finished] = ReplayEngine([tmp_path / "some.jsonl"]).complete([request("b")])
    assert finished.failure is None
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("more")]


def test_what_was_not_recorded_is_a_failure_that_says_so(tmp_path: Path) -> None:
    with stored(tmp_path / "store", ["a"]) as store:
        record(store, tmp_path / "recorded.jsonl")
    asked = [request("b"), request("a", max_tokens=9)]
    for finished in ReplayEngine([tmp_path / "recorded.jsonl"]).complete(asked):
        assert finished.completion is None and finished.failure is not None
        assert finished.failure.kind == "transport" and "no completion was recorded" in finished.failure.reason


def test_a_recorded_fault_is_a_fault_again(tmp_path: Path) -> None:
    cut, wrong = request("cut"), request("wrong", choice=("A", "B"))
    with Store(tmp_path / "store") as store:
        store.put(recorded_for(cut, "m", "r1", "half a sen", "length"))
        store.put(recorded_for(wrong, "m", "r1", "C"))
        record(store, tmp_path / "recorded.jsonl")
    finished = list(ReplayEngine([tmp_path / "recorded.jsonl"]).complete([cut, wrong]))
    assert [each.failure.kind for each in finished if each.failure] == ["truncated", "unparsable"]


def test_completions_of_several_models_need_a_name(tmp_path: Path) -> None:
    files = []
    for model in ("m", "n"):
        with stored(tmp_path / model, ["a"], model) as store:
            files.append(tmp_path / f"{model}.jsonl")
            record(store, files[-1])
    with pytest.raises(
        BabelmixError, match="completions by m at r1, n at r1, wanted are those of one model; name"
    ):
        ReplayEngine(files)
    with pytest.raises(BabelmixError, match="wanted are those of o; name"):
        ReplayEngine(files, "o")
    engine = ReplayEngine(files, "n")
    assert engine.model == "n" and next(engine.complete([request("a")])).failure is None


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"key": "0"}\n', r"bad.jsonl, line 1: does not begin with"),
        (b"", "completions by nobody"),
        (b'{"key":"' + b"0" * 32 + b'","prompt":}\n', r"bad.jsonl, byte 0: the line under key 0+ is damaged"),
        (b"x" * 50, "bad.jsonl: the last line is cut off"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "bad.jsonl").write_bytes(content)
    with pytest.raises(BabelmixError, match=fault):
        ReplayEngine([tmp_path / "bad.jsonl"])


def test_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=r"absent.jsonl: cannot be read \(No such file or directory\)"):
        ReplayEngine([tmp_path / "absent.jsonl"])
