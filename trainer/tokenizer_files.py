"""The tokenizer of a published model, so that transformers and lm-evaluation-harness open it by its folder."""

from pathlib import Path

from mixtures.tokenizer import EOD_TEXT, QWEN3, QWEN3_SPLIT, qwen3_ranks


def write_tokenizer(name: str, folder: Path) -> bool:
    """Writes the tokenizer called `name`, as a mixture names it, into `folder`; whether it could.

    Qwen3's is made of the bundled ranks, without the chat tokens, which base training does not use. One that is a
    folder itself is copied by `write_checkpoint`; any other must be fetched by hand.

    Raises:
        BabelmixError: the bundled ranks are not there.
    """
    if name != QWEN3:
        return False
    from tokenizers import normalizers
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import TikTokenConverter

    class _Bundled(TikTokenConverter):
        @staticmethod
        def load_tiktoken_bpe(tiktoken_url: str) -> dict[bytes, int]:
            return qwen3_ranks()

    tokenizer = _Bundled(pattern=QWEN3_SPLIT, extra_special_tokens=[EOD_TEXT]).converted()
    tokenizer.normalizer = normalizers.NFC()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOD_TEXT, pad_token=EOD_TEXT)
    fast.save_pretrained(str(folder))
    return True
