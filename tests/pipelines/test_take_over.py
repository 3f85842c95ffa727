import os
from pathlib import Path

import pytest

from pipelines.take_over import take_over


def test_a_file_that_stands_is_linked(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"content")
    assert take_over(str(tmp_path), "old", tmp_path / "new")
    assert (tmp_path / "new").samefile(tmp_path / "old")


def test_without_links_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "old").write_bytes(b"content")
    monkeypatch.setattr(os, "link", refuse)
    assert take_over(str(tmp_path), "old", tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == b"content"
    assert not (tmp_path / "new").samefile(tmp_path / "old")


def test_a_file_that_is_not_there_is_not_taken(tmp_path: Path) -> None:
    assert not take_over(str(tmp_path), "old", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
