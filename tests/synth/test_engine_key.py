"""The key of a request: all that decides over the completion, and nothing else."""

import hashlib
import json
from dataclasses import asdict, replace

from hypothesis import given
from hypothesis import strategies as st

from synth.request import Message, Request, Sampling

ROLES = st.sampled_from(["system", "user", "assistant"])
REQUESTS = st.builds(
    Request,
    st.text(),
    st.lists(st.builds(Message, ROLES, st.text(st.characters(exclude_categories=())))).map(tuple),
    st.builds(
        Sampling,
        st.integers(1, 10**6),
        st.floats(0, 2),
        st.floats(0, 1) | st.integers(0, 1),
        st.integers(),
        st.lists(st.text()).map(tuple),
    ),
)


@given(REQUESTS, st.text(), st.text())
def test_the_key_is_the_hash_of_the_request_as_plain_json(request: Request, model: str, revision: str) -> None:
    asked = [
        model,
        revision,
        request.prompt,
        [asdict(each) for each in request.messages],
        asdict(request.sampling),
    ]
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    expected = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    assert request.key(model, revision) == expected


def test_the_context_is_no_part_of_it_and_everything_else_is() -> None:
    one = Request("a@1", (Message("user", "x"),), Sampling(8), {"id": "1"})
    assert replace(one, context={"id": "2"}).key("m", "r") == one.key("m", "r")
    others = [
        replace(one, prompt="a@2").key("m", "r"),
        replace(one, messages=(Message("system", "x"),)).key("m", "r"),
        replace(one, messages=(Message("user", "y"),)).key("m", "r"),
        *(
            replace(one, sampling=replace(one.sampling, **change)).key("m", "r")
            for change in (
                {"max_tokens": 9},
                {"temperature": 0.0},
                {"top_p": 1.0},
                {"seed": 1},
                {"choice": ("a",)},
            )
        ),
        one.key("n", "r"),
        one.key("m", "s"),
    ]
    assert len({one.key("m", "r"), *others}) == len(others) + 1
