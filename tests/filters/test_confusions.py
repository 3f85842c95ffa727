"""Precision, recall and confusions of the identifier on sentences whose language is known."""

from filters.code_switching import code_switching
from filters.confusions import confusion_table, recognition
from sources.language import language, languages

GERMAN = [
    "Der Fluss trat im Frühjahr über die Ufer und nahm die alte Brücke bei der Mühle mit sich.",
    "Niemand im Dorf wusste, wer den Schlüssel zur Mühle zuletzt gehabt hatte, und so blieb sie zu.",
]
FINNISH = ["Järven jää kantoi jo marraskuussa, ja lapset pääsivät luistelemaan koulun jälkeen."]
MALAY = ["Kerajaan negeri akan membina semula jambatan yang rosak akibat banjir pada bulan lepas."]
IGBO = ["Ndị obodo ahụ zukọrọ n'ama ka ha kwurịta maka ahịa ọhụrụ ahụ a na-ewu."]


def test_each_language_has_its_figures() -> None:
    labelled = {"deu_Latn": [*GERMAN, *FINNISH], "fin_Latn": FINNISH, "ibo_Latn": IGBO, "xxx_Latn": GERMAN}
    found = recognition(labelled, languages(), "fasttext176")
    assert list(found) == ["deu_Latn", "fin_Latn", "ibo_Latn"]
    german = found["deu_Latn"]
    assert (german.texts, german.recall, german.first) == (3, 2 / 3, 2 / 3)
    assert german.labels == (("deu_Latn", 2), ("fin_Latn", 1))
    # Two of the four texts that are taken for German are not said to be.
    assert german.precision == 0.5
    assert found["fin_Latn"].precision == 0.5
    assert (found["ibo_Latn"].recall, found["ibo_Latn"].precision) == (0, None)


def test_a_confusion_table_shows_what_texts_are_taken_for() -> None:
    labelled = {"deu_Latn": GERMAN, "fin_Latn": [*FINNISH, *GERMAN, *MALAY]}
    columns, rows = confusion_table(
        labelled, languages(), "fasttext176", ("deu_Latn", "fin_Latn", "bos_Latn", "nld_Latn")
    )
    assert columns == ["deu_Latn", "fin_Latn", "nld_Latn", "other"]
    assert rows == [("deu_Latn", [1, 0, 0, 0]), ("fin_Latn", [0.5, 0.25, 0, 0.25])]


def test_lines_in_another_language_are_counted() -> None:
    texts = ["\n".join([*GERMAN, *FINNISH, "kurz"]), "\n".join(GERMAN), "", "\n".join(GERMAN * 500)]
    found = code_switching(texts, language("deu_Latn"), "fasttext176")
    assert found is not None
    # 20 lines of a document at most; those too short for an identifier are not looked at.
    assert (found.documents, found.lines, found.other, found.mixed) == (4, 25, 1, 1)
    assert found.labels == (("fi", 1),)
    assert found.share == 1 / 25


def test_without_lines_or_an_identifier_there_is_no_share() -> None:
    found = code_switching(["kurz"], language("deu_Latn"), "fasttext176")
    assert found is not None
    assert found.share is None
    assert code_switching(IGBO, language("ibo_Latn"), "fasttext176") is None
