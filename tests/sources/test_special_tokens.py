import unicodedata

import ftfy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.special_tokens import neutralise

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|vision_pad|>", "<|fim_prefix|>",
    "<|repo_name|>", "<|file_sep|>", "<|begin_of_text|>", "<|reserved_special_token_12|>",
    "<|START_OF_TURN_TOKEN|>", "<extra_id_0>", "<extra_id_99>", "<start_of_turn>", "<end_of_turn>",
    "[INST]", "[/INST]", "<｜begin▁of▁sentence｜>", "<｜User｜>",
)  # fmt: skip
ORDINARY = (
    "<s>struck</s>", "a <b> c", "[MASK]", "if a<|b|", "x <| y |> z", "<||>", "<think>", "<tool_call>",
    "<extra_id_>", "[instance]", "<|a b|>", "f <|\n|> g", "||", "<", "[", "", "[[INSTALL]]",
)  # fmt: skip

# Text in which special tokens, halves of them and what is put into them stand close together.
pieces = st.lists(
    st.one_of(
        st.sampled_from(SPECIAL + ORDINARY + ("<", "|", "|>", "<|", "\u2060", "INST]", "im_end", "｜")), st.text()
    ),
    max_size=20,
).map("".join)


@pytest.mark.parametrize("token", SPECIAL)
def test_a_special_token_is_broken_up_and_counted(token: str) -> None:
    text, count = neutralise(f"before {token}{token} after")
    assert count == 2
    assert token not in text
    # All that is added is one character that has no width.
    assert text.replace("\u2060", "") == f"before {token}{token} after"


@pytest.mark.parametrize("text", ORDINARY)
def test_what_people_write_for_other_reasons_stays(text: str) -> None:
    assert neutralise(text) == (text, 0)


@given(pieces)
def test_twice_is_as_once_and_nothing_special_is_left(text: str) -> None:
    once, count = neutralise(text)
    assert neutralise(once) == (once, 0)
    assert len(once) == len(text) + count
    assert once.replace("\u2060", "") == text.replace("\u2060", "")
    assert not any(token in once for token in SPECIAL)


@pytest.mark.parametrize("token", SPECIAL)
def test_it_holds_through_repair_of_encodings_and_normal_forms(token: str) -> None:
    text, _ = neutralise(f"a {token} b")
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert neutralise(ftfy.fix_text(unicodedata.normalize(form, text)))[1] == 0


def test_a_tokenizer_that_reads_control_tokens_finds_none() -> None:
    import tiktoken

    known = {token: 100_000 + number for number, token in enumerate(SPECIAL)}
    encoding = tiktoken.Encoding(
        "test", pat_str=r"[\s\S]", mergeable_ranks={bytes([b]): b for b in range(256)}, special_tokens=known
    )
    whole = "".join(SPECIAL)
    assert set(encoding.encode(whole, allowed_special="all")) == set(known.values())
    assert not set(encoding.encode(neutralise(whole)[0], allowed_special="all")) & set(known.values())
