"""Batches of translation pairs, and how they look when they are written."""

import pyarrow as pa
import pyarrow.compute as pc

from sources.pair_schema import PAIR, Malformed, PairBatch

__all__ = ["PAIR", "Malformed", "PairBatch", "cleaned"]

# Controls and invisible marks that no sentence needs. The joiners U+200C and U+200D stay: they spell words in the
# scripts of India and Persia. Marks of direction stay as well.
_INVISIBLE = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\u0080-\u0084\u0086-\u009f\u00ad\u200b\u2060\ufeff]"


def cleaned(pairs: pa.RecordBatch) -> pa.RecordBatch:
    """`pairs` with both sides in NFC, without invisible marks, runs of white space as one blank.

    What is judged is the text as it was read; what is written is this.
    """
    for name in ("source_text", "target_text"):
        text = pc.utf8_normalize(pairs.column(name), form="NFC")
        text = pc.replace_substring_regex(text, _INVISIBLE, "")
        text = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"\s+", " "))
        pairs = pairs.set_column(pairs.schema.get_field_index(name), PAIR.field(name), text)
    return pairs
