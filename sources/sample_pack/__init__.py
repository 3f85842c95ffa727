"""Derives the bundled sample pack, `sources/sample/`, from the project's own texts.

`texts/` holds original text in the 64 languages, `english/` original English text by category. `build` adds
what a web crawl adds (duplicates, spam, fragments, wrong languages, addresses, leaked questions) and writes
all of it in the schemas of the upstream datasets, with the verdict that each document should meet in
`labels.jsonl`. Nothing here is needed at run time: the pack's files are committed.
"""
