#!/bin/sh
# An environment with megatron-core, which babelmix itself does not need: its reader opens our tokens in
# tests/mixtures/test_megatron_opens_tokens.py, and benchmarks/order.py runs beside its compiled helpers_cpp.
#
#   benchmarks/megatron_env.sh [FOLDER] [PYTHON]      default: .venv-megatron, made with python3
#
# megatron-core goes in without its dependencies: they pull gigabytes of CUDA that reading a file does not need.
# The last lines prove what the folder is for: its reader and its compiled helpers are importable.
set -eu
folder=${1:-.venv-megatron}
python=${2:-python3}
"$python" -m venv "$folder"
"$folder/bin/pip" install --quiet "torch==2.13.0" "numpy>=2.2,<2.5" packaging
"$folder/bin/pip" install --quiet --no-deps "megatron-core==0.16.1"
"$folder/bin/python" -W ignore -c '
from megatron.core.datasets import helpers_cpp, indexed_dataset
print(indexed_dataset.__file__)
print(helpers_cpp.__file__)
'
