"""Looks over the registered languages together: what each file alone cannot show."""

from collections import defaultdict

from sources.language import languages
from sources.source import sources


def check_languages() -> list[str]:
    """What is wrong with the languages' files, one line each; nothing where all is well.

    Raises:
        BabelmixError: a file cannot be read as a language at all.
    """
    problems = []
    catalog = sources()
    labels: dict[tuple[str, str], list[str]] = defaultdict(list)
    for code, language in languages().items():
        if code != f"{language.iso639_3}_{language.script}":
            problems.append(
                f"{code}: iso639_3 and script make {language.iso639_3}_{language.script}; correct them"
            )
        for dataset, label in language.datasets.items():
            labels[dataset, label].append(code)
            if dataset not in catalog:
                problems.append(f"{code}: datasets: no source {dataset!r} in the catalog; correct its name")
        limits = language.thresholds
        if limits.min_avg_word_length >= limits.max_avg_word_length:
            problems.append(f"{code}: thresholds: min_avg_word_length is not below max_avg_word_length")
        if not limits.stopwords and language.identifiers.fasttext176 is None:
            problems.append(f"{code}: neither lid.176 nor stop words can tell the language; add stop words")
    for (dataset, label), codes in labels.items():
        if len(codes) > 1:
            problems.append(f"{', '.join(codes)}: all are {label!r} in {dataset}; one label is one language")
    return problems
