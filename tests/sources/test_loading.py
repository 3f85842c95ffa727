from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from sources.errors import BabelmixError
from sources.loading import load_yaml, nearest


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    threshold: float
    words: tuple[str, ...] = ()


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner


RIGHT = "name: ell\ninner: {threshold: 0.5, words: [a, b]}\n"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_right_file_is_its_model(tmp_path: Path) -> None:
    found = load_yaml(written(tmp_path, RIGHT), Outer)
    assert found == Outer(name="ell", inner=Inner(threshold=0.5, words=("a", "b")))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("- a\n- b\n", "a list"),
        (RIGHT + "name: again\n", "line 3: key 'name' stands twice"),
        ("name: ell\ninner: {threshold: 0.5, threshold: 0.6}\n", "key 'threshold' stands twice"),
        (RIGHT.replace("threshold", "treshold"), r"inner\.treshold: unknown key; did you mean 'threshold'\?"),
        (RIGHT + "zzzz: 1\n", "zzzz: unknown key; keys here are name, inner"),
        ("name: ell\n", "inner: missing; add it"),
        ("name: ell\ninner: {}\n", r"inner\.threshold: missing"),
        (RIGHT.replace("0.5", "much"), r"inner\.threshold: .*number.*found 'much'"),
        (RIGHT.replace("[a, b]", "[a, 7]"), r"inner\.words\.1: .*string, found 7"),
        ("name: [unclosed\n", "line"),
        ("name: !!python/object/apply:os.system [true]\n", "could not determine a constructor"),
        (RIGHT.encode() + b"# \xff\n", "not UTF-8 at byte"),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_remedy(content: str | bytes, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(BabelmixError, match=said) as caught:
        load_yaml(path, Outer)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match="cannot be read"):
        load_yaml(tmp_path / "none.yaml", Outer)


def test_nearest_is_said_only_where_something_is_near() -> None:
    assert nearest("ell_Grk", ["ell_Grek", "fra_Latn"]) == "; did you mean 'ell_Grek'?"
    assert nearest("zzz", ["ell_Grek", "fra_Latn"]) == ""
