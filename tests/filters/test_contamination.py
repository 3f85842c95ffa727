from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datatrove.data import Document

from filters.benchmark_items import benchmark_items
from filters.contamination import ContaminationFilter
from filters.settings import Contamination, benchmarks_digest
from sources.errors import BabelmixError
from sources.language import language

GREEK = "Ένας κηπουρός γεμίζει ένα ποτιστήρι με εννέα λίτρα νερό και ποτίζει έξι ντοματιές, πόσα λίτρα μένουν;"
SHORT = "Πόσα πόδια έχουν τρεις γάτες και δύο κότες μαζί;"
TINY = "Τι ώρα είναι;"
THAI = "ชาวสวนคนหนึ่งตักน้ำเก้าลิตรใส่บัวรดน้ำแล้วรดต้นมะเขือเทศต้นละหนึ่งลิตรครึ่งเขาจะรดได้ทั้งหมดกี่ต้นก่อนที่น้ำจะหมด"


def _list(folder: Path, *questions: str) -> Contamination:
    path = folder / "greek-mmlu.jsonl"
    rows = (f'{{"id": "q{number}", "question": "{text}"}}\n' for number, text in enumerate(questions))
    path.write_text("".join(rows), encoding="utf-8")
    return Contamination(lists=(str(path),), digest=benchmarks_digest((str(path),)))


def _filter(folder: Path, code: str, *questions: str) -> ContaminationFilter:
    return ContaminationFilter(language(code), str(folder / "dropped"), _list(folder, *questions))


def _document(text: str) -> Document:
    return Document(text=text, id="one", metadata={"scores": {}})


def test_a_question_is_found_whatever_its_case_and_punctuation(tmp_path: Path) -> None:
    step = _filter(
        tmp_path, "ell_Grek", "Μια άλλη ερώτηση που δεν βρίσκεται πουθενά σε αυτό το μικρό κείμενο εδώ", GREEK
    )
    document = _document(f"Άσκηση πρώτη.\n\n{GREEK.upper().replace(',', ' —')}\n\nΗ λύση βρίσκεται πίσω.")
    drop = step.judge(document)
    assert drop is not None
    assert drop.reason == "benchmark"
    assert drop.value == len(GREEK.split())
    assert (drop.detail or "").startswith("greek-mmlu: q1: ΈΝΑΣ ΚΗΠΟΥΡΌΣ ΓΕΜΊΖΕΙ")


def test_eight_words_in_common_are_no_contamination(tmp_path: Path) -> None:
    step = _filter(tmp_path, "ell_Grek", GREEK)
    eight, thirteen = (" ".join(GREEK.split()[:count]) for count in (8, 13))
    assert step.judge(_document(f"Λέγεται ότι {eight} και άλλα πολλά.")) is None
    assert step.judge(_document(f"Λέγεται ότι {thirteen} και άλλα πολλά.")) is not None


def test_another_number_is_another_question(tmp_path: Path) -> None:
    question = "A farmer has 12 hens and each of them lays 3 eggs in every 2 days of spring"
    step = _filter(tmp_path, "eng_Latn", question)
    assert step.judge(_document(question)) is not None
    assert step.judge(_document(question.replace("12", "15").replace("3", "4"))) is None


def test_a_short_question_is_matched_whole_and_a_tiny_one_is_not(tmp_path: Path) -> None:
    step = _filter(tmp_path, "ell_Grek", SHORT, TINY)
    found = step.judge(_document(f"Μια σπαζοκεφαλιά: {SHORT} Σκέψου το."))
    assert found is not None
    assert (found.detail or "").startswith("greek-mmlu: q0: ")
    assert step.judge(_document(SHORT.replace("γάτες", "σκύλοι"))) is None
    assert step.judge(_document(f"Καλημέρα! {TINY} Είναι οκτώ.")) is None


def test_unspaced_scripts_are_matched_by_characters(tmp_path: Path) -> None:
    step = _filter(tmp_path, "tha_Thai", THAI)
    assert step.judge(_document(f"แบบฝึกหัด{THAI}เฉลยอยู่หน้าถัดไป")) is not None
    # A line broken in the middle of the question is the same question.
    assert step.judge(_document(f"{THAI[:40]}\n{THAI[40:]}")) is not None
    assert step.judge(_document(f"แบบฝึกหัด{THAI[:40]}เฉลยอยู่หน้าถัดไป")) is None


def test_dropped_documents_have_their_row(tmp_path: Path) -> None:
    step = _filter(tmp_path, "ell_Grek", GREEK)
    kept = list(step.run([_document("Καλημέρα σας."), _document(GREEK)]))
    assert [document.text for document in kept] == ["Καλημέρα σας."]
    (row,) = pq.read_table(tmp_path / "dropped" / "contamination-00000.parquet").to_pylist()
    assert (row["filter"], row["reason"]) == ("contamination", "benchmark")
    assert row["detail"].startswith("greek-mmlu: q0: Ένας κηπουρός")


@pytest.mark.parametrize("line", ["not json", '{"text": "no question"}', '{"question": 3}', "[1]"])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(f'{{"question": "fine"}}\n\n{line}\n')
    with pytest.raises(BabelmixError, match=r"list\.jsonl: line 3: "):
        list(benchmark_items((str(path),)))
