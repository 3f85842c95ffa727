#!/bin/sh
# An environment with MosaicML Streaming and torchdata, which babelmix itself does not need: their readers open our
# shards and run our dataset in tests (-m slow), and benchmarks/reader.py runs beside them.
#
#   benchmarks/streaming_env.sh [FOLDER] [PYTHON]      default: .venv-streaming, made with python3
#
# It cannot be the environment of babelmix: Streaming 0.13 wants NumPy below 2.2 and transformers below 5.
# torchvision, which Streaming brings, is built for CUDA and does not load beside torch for CPUs: Streaming's readers
# of images are left out where it is imported (benchmarks/reader_peers.py), and nothing else of it needs them.
set -eu
folder=${1:-.venv-streaming}
python=${2:-python3}
"$python" -m venv "$folder"
"$folder/bin/pip" install --quiet "torch==2.13.0" "numpy<2.2"
"$folder/bin/pip" install --quiet "torch==2.13.0" "mosaicml-streaming==0.13.0" "torchdata==0.11.0" numba fsspec
"$folder/bin/python" -W ignore -c '
import sys, types
sys.modules["streaming.vision"] = types.ModuleType("streaming.vision")
import streaming, torchdata
print(streaming.__file__)
print(torchdata.__file__)
'
