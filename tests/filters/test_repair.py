import unicodedata

import pytest
from datatrove.data import Document

from filters.repair import Repair


def _repair(*texts: str) -> list[Document]:
    documents = [Document(text=text, id=str(at), metadata={"scores": {}}) for at, text in enumerate(texts)]
    return list(Repair().run(documents))


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("cafÃ© Ã  la carte â€“ dÃ©jÃ  vu", "café à la carte – déjà vu"),
        # Read as if it were Latin-1.
        ("Καλημέρα".encode().decode("latin-1"), "Καλημέρα"),
        ("Привет, мир".encode().decode("latin-1"), "Привет, мир"),
        (unicodedata.normalize("NFD", "Ένα κείμενο, trời"), "Ένα κείμενο, trời"),
        ("Tom &amp; Jerry &quot;1940&quot;", 'Tom & Jerry "1940"'),
        ("one\x00two\x07 \x1b[31mred\x1b[0m", "onetwo red"),
        # What it makes of escaped text is no special token.
        ("&lt;|im_start|&gt;user", "<\u2060|im_start|>user"),
        ("<|endo\x00ftext|>", "<\u2060|endoftext|>"),
    ],
)
def test_mended(broken: str, mended: str) -> None:
    (document,) = _repair(broken)
    assert document.text == mended
    assert document.metadata["scores"] == {"repair.changed": float(broken != mended)}
    # Mended once is mended.
    assert _repair(mended)[0].text == mended


@pytest.mark.parametrize(
    "text",
    [
        "“Curly” ‘quotes’ — and … «these»„too“",
        "全角，標點。ＡＢＣ ｶﾀｶﾅ",
        "ﬁne ligatures, a\u00a0hard space, soft\u00adhyphen, می\u200cخواهم",
        "lines\r\nof\ntheir own\n\n",
        r"$\frac{a}{b} \le \alpha_{1}$, \"o, ``so'' \& $f'$, \begin{array}{c|c} a & b \\ \end{array}",
        "if (a &lt; b) <b>x</b> &amp;&amp; c",  # a text with a tag holds entities that are meant
        "x = {'k': \"v\"}  # → ≥ µ ½",
        "jẹ́ ọ̀rọ̀ कि ภาษา 한국어 العربية",
        "",
    ],
)
def test_left_alone(text: str) -> None:
    (document,) = _repair(text)
    assert document.text == text
    assert document.metadata["scores"] == {"repair.changed": 0.0}


def test_all_documents_come_back_in_order() -> None:
    texts = ["a", "cafÃ©", "", "b"]
    assert [document.text for document in _repair(*texts)] == ["a", "café", "", "b"]
