"""Prompt templates: what they declare, how they are filled in, and that all of them fit all languages."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.errors import BabelmixError
from sources.language import languages
from synth.prompt import load_prompt, prompt_names

HEAD = "---\nversion: 3\nabout: A test.\nvariables: [name]\nmax_tokens: 5\ntemperature: 0\n---\n"


def _template(folder: Path, text: str) -> Path:
    (folder / "task").mkdir()
    (folder / "task" / "one.txt").write_text(text, encoding="utf-8")
    return folder


def test_a_template_is_filled_in(tmp_path: Path) -> None:
    prompt = load_prompt(
        "task/one", _template(tmp_path, HEAD + "@system\nBe {brief}.\n@user\nHello {{ name }}!\n")
    )
    request = prompt.request({"name": "Ἀθηνᾶ"}, seed=7, context={"id": "4"})
    assert [(each.role, each.content) for each in request.messages] == [
        ("system", "Be {brief}."),
        ("user", "Hello Ἀθηνᾶ!"),
    ]
    assert (request.prompt, request.sampling.max_tokens, request.sampling.seed) == ("task/one@3", 5, 7)
    assert request.context == {"id": "4"}


@given(st.text())
def test_what_is_filled_in_is_only_text(text: str) -> None:
    prompt = load_prompt("questions/write")
    values = dict.fromkeys(prompt.variables, "x") | {"passage": f"{text}{{{{language}}}}\\1 {{region}}"}
    assert f"{text}{{{{language}}}}\\1 {{region}}" in prompt.render(**values)[-1].content


@pytest.mark.parametrize(
    ("variables", "says"),
    [({}, "no value for name"), ({"name": "a", "nam": "b"}, "did you mean 'name'")],
)
def test_variables_that_do_not_fit_are_named(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    prompt = load_prompt("task/one", _template(tmp_path, HEAD + "@user\n{{name}}"))
    with pytest.raises(BabelmixError, match=says):
        prompt.render(**variables)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@user\nhello", "no head"),
        ("---\nversion: [\n---\n@user\nhello", "no YAML"),
        (HEAD.replace("version: 3", "version: 0") + "@user\n{{name}}", "version"),
        (HEAD.replace("max_tokens", "max_token") + "@user\n{{name}}", "max_token"),
        (HEAD + "@user\nhello", "'name' is declared and not used"),
        (HEAD + "@user\n{{name}} {{nmae}}", "did you mean 'name'"),
        (HEAD + "@user\n{{name}} {{Two words}}", "not declared"),
        (HEAD + "@nobody\n{{name}}", "no role 'nobody'"),
        (HEAD + "{{name}}\n@user\nhello", "before a role"),
        (HEAD + "@user\n{{name}}\n@assistant\nyes", "last be the user's"),
        (HEAD + "@user\n", "must hold text"),
    ],
)
def test_a_template_that_does_not_fit_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BabelmixError, match=says) as raised:
        load_prompt("task/one", _template(tmp_path, text))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["questions/wrte", "../secrets", "questions/"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(BabelmixError, match="no such"):
        load_prompt(name)


@pytest.mark.parametrize("name", prompt_names())
def test_every_template_fits_every_language(name: str) -> None:
    prompt = load_prompt(name)
    for language in languages().values():
        values = dict.fromkeys(prompt.variables, "…") | {
            key: value
            for key, value in {"language": f"{language.name} ({language.native_name})", "region": "X"}.items()
            if key in prompt.variables
        }
        text = "\n".join(each.content for each in prompt.render(**values))
        assert "{{" not in text
        if "language" in prompt.variables:
            assert language.native_name in text


@pytest.mark.parametrize("name", [name for name in prompt_names() if name.startswith("questions/")])
def test_what_questions_ask_in_a_language_names_it(name: str) -> None:
    prompt = load_prompt(name)
    # A constrained choice is not written in any language.
    assert prompt.sampling.choice or "language" in prompt.variables
