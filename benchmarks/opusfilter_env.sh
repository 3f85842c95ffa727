#!/bin/sh
# An environment with OpusFilter, which babelmix itself does not need: benchmarks/bitext.py runs its filters beside
# ours.
#
#   benchmarks/opusfilter_env.sh [FOLDER] [PYTHON]      default: .venv-opusfilter, made with python3
#
# The last lines prove what the folder is for: the filters that are compared are importable and give scores.
set -eu
folder=${1:-.venv-opusfilter}
python=${2:-python3}
"$python" -m venv "$folder"
"$folder/bin/pip" install --quiet opusfilter "setuptools<81"
"$folder/bin/python" -W ignore -c '
from opusfilter.filters import LengthRatioFilter, NonZeroNumeralsFilter, TerminalPunctuationFilter
print(list(NonZeroNumeralsFilter().score([("It is 5.", "Es ist 5.")])))
'
